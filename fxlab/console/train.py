"""How `fxlab train` shows what it made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fxlab.console import output
from fxlab.console.bench_knobs import settings_table
from fxlab.console.tables import counted, decibels, duration, figure, level, pairs, percent, table
from fxlab.metrics.mushra import HEARD_FROM
from fxlab.models.model import title
from fxlab.services import train_seeds
from fxlab.services.bench_knobs import Setting
from fxlab.services.train import Result

ENDED = {
    "finished": "finished all epochs",
    "early stop": "stopped early: no better validation ESR for as long as --patience says",
    "interrupted": "interrupted, saved",
}


def show_train(result: Result) -> None:
    """The run, then every take it was tested on, then the verdict."""
    card, metrics, console = result.card, result.metrics, output.out()
    context_ms = 1e3 * card["receptive_field"] / card["sample_rate_hz"]
    trained = f"{counted(result.steps, 'step')}, {counted(result.epochs, 'epoch')}"
    rows = [
        ("Model", f"{title(card)}, {card['parameters_count']:,} parameters"),
        ("Receptive field", f"{card['receptive_field']:,} samples = {context_ms:.1f} ms at {card['sample_rate_hz']} Hz"),
        ("Trained", f"{trained}, {duration(result.seconds)} on {result.device}"),
        ("Speed", f"{result.steps / result.seconds:.2f} steps/s" if result.seconds else "–"),
        ("Ended", ENDED[result.ended]),
    ]
    if result.batch_halvings:
        rows.append(("Memory", f"ran out; steps were split into {2**result.batch_halvings} parts"))
    console.print(pairs("", rows))
    if "settings" in metrics:
        rate = card["sample_rate_hz"]
        settings = [
            Setting(seconds=row["frames"] / rate, **{k: v for k, v in row.items() if k != "frames"})
            for row in metrics["settings"]
        ]
        console.print(settings_table(f"The {metrics['split']} split, never trained on, by its settings", settings))
    else:
        console.print(_takes(metrics))
    console.print(_aliasing(metrics))
    for sentence in _verdicts(metrics):
        console.print(sentence)
    output.note(f"Best network: {result.files['best']}   Report: {result.files['report']}")
    output.note(f"Pictures: {result.files['training_picture']}, {result.files['quality_picture']}")


def show_seeds(result: train_seeds.Result) -> None:
    """The best run as if it were the only one, then all of them and their spread."""
    if result.best is not None:
        show_train(result.runs[result.best])
    columns = ("seed", "validation ESR", "ESR", "verdict", "epochs", "time", "ended")
    rows = [
        (
            str(seed),
            percent(run.metrics["validation_esr"]) if "validation_esr" in run.metrics else None,
            percent(run.metrics["esr"]),
            run.metrics["verdict"],
            str(run.epochs),
            duration(run.seconds),
            ENDED[run.ended],
        )
        for seed, run in result.runs.items()
    ]
    rows += [(str(seed), None, None, None, None, None, f"diverged: {message}") for seed, message in result.diverged.items()]
    console = output.out()
    console.print(table("Seeds", columns, rows, numbers=columns[1:3]))
    if result.spread:
        least, most = percent(result.spread["min"]), percent(result.spread["max"])
        console.print(
            f"ESR over {counted(len(result.whole()), 'seed')}: median {percent(result.spread['median'])}, {least} to {most}."
        )
        output.note(
            f"Best on the validation split is seed {result.best}: {result.files['best']}   Report: {result.files['report']}"
        )


def _takes(metrics: dict[str, Any]):
    takes = metrics["takes"]
    knobs = list(takes[0].get("parameters", ()))
    columns = ("take", *knobs, "level", "ESR", "pre-emphasised ESR", "MR-STFT", "verdict")
    rows = [
        (
            Path(take["source"]).name,
            *(figure(take["parameters"][knob]) for knob in knobs),
            decibels(float(take["level_db"])),
            percent(take["esr"]),
            percent(take["pre_emphasised_esr"]),
            take["mr_stft"],
            take["verdict"],
        )
        for take in takes
    ]
    return table(f"Takes of the {metrics['split']} split, never trained on", columns, rows, numbers=columns[1:-1])


def _aliasing(metrics: dict[str, Any]):
    columns = ("tone", "network", "target", "target without aliasing")
    rows = [
        (f"{row['tone_hz']:g} Hz", *(None if db is None else level(db) for name, db in row.items() if name != "tone_hz"))
        for row in metrics["aliasing_db"]
    ]
    return table("Aliasing of sines at -6 dBFS", columns, rows, numbers=columns[1:])


def _verdicts(metrics: dict[str, Any]) -> Iterator[str]:
    yield (
        f"ESR {percent(metrics['esr'])}: {metrics['verdict']}.  "
        f"On silence: noise {level(metrics['noise_db'])}, DC {metrics['dc']:.1e}."
    )
    if metrics["predicted_mushra"] is not None:
        distance = f"MFCC distance {figure(metrics['mfcc_distance'])}, heard from {figure(HEARD_FROM)} on"
        yield f"Listeners would rate it {figure(metrics['predicted_mushra'])} of 100 (predicted MUSHRA; {distance})."
    errors = metrics["esr_alias_free"]
    if errors and errors["network"] is not None:
        own = percent(errors["target"])
        yield f"Against the target without aliasing: ESR {percent(errors['network'])}, that of the target itself {own}."
