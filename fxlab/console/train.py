"""How `fxlab train` shows what it made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fxlab.console import output
from fxlab.console.bench_knobs import settings_table
from fxlab.console.tables import counted, decibels, duration, figure, level, pairs, percent, table
from fxlab.effects.ace import EFFECT
from fxlab.effects.params import Param
from fxlab.metrics.mushra import HEARD_FROM
from fxlab.models.model import Card, title
from fxlab.services import train_seeds
from fxlab.services.bench_knobs import Setting
from fxlab.services.train import Result

ENDED = {
    "finished": "finished all epochs",
    "converged": "converged",
    "early stop": "stopped early: nothing better on the validation split for as long as --patience says",
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
    if "parameters" in metrics:
        console.print(_parameters(card))
    gained = metrics.get("improvement")
    if gained:
        console.print(_improvement(gained, metrics["split"]))
    if gained and "by_snr" in gained:
        console.print(_by_snr(gained["by_snr"]))
    if gained and "estoi" in gained["after"]:
        console.print(f"On silence: noise {level(metrics['noise_db'])}, DC {metrics['dc']:.1e}.")
    else:
        _show_likeness(card, metrics)
    output.note(f"Best network: {result.files['best']}   Report: {result.files['report']}")
    output.note(f"Pictures: {result.files['training_picture']}, {result.files['quality_picture']}")


def _show_likeness(card: Card, metrics: dict[str, Any]) -> None:
    """How much it sounds like its target."""
    console = output.out()
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


def show_seeds(result: train_seeds.Result) -> None:
    """The best run as if it were the only one, then all of them and their spread."""
    if result.best is not None:
        show_train(result.runs[result.best])
    figures = {run.figure for run in result.runs.values()}
    validation = next(iter(figures), "validation_esr").replace("_", " ").replace("esr", "ESR")
    columns = ("seed", validation, "ESR", "verdict", "epochs", "time", "ended")
    rows = [
        (
            str(seed),
            _validation(run),
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


def _validation(run: Result) -> object:
    value = run.metrics.get(run.figure)
    return percent(value) if value is not None and run.figure == "validation_esr" else value


def _improvement(gained: dict[str, Any], split: str):
    names = {
        "loss": f"{gained['loss']} loss",
        "si_snr_db": "SI-SNR (dB)",
        "estoi": "ESTOI",
        "contrast_db": "spectral contrast (dB)",
    }
    rows = [(names[key], before, gained["after"][key]) for key, before in gained["before"].items()]
    return table(
        f"The {split} split, never trained on", ("figure", "untouched", "network"), rows, numbers=("untouched", "network")
    )


def _by_snr(rows: Sequence[dict[str, Any]]):
    columns = ("noise", "takes", "SI-SNR (dB)", "SI-SNR, network", "ESTOI", "ESTOI, network")
    shown = [
        (f"SNR {row['snr_db']:g} dB", row["takes"])
        + tuple(row[side].get(key) for key in ("si_snr_db", "estoi") for side in ("before", "after"))
        for row in rows
    ]
    return table("By the noise that was added", columns, shown, numbers=columns[1:])


def _parameters(card: Card):
    """What an ACE has learnt, beside what it was to find where the data were made by one."""
    units = {one.name: one.unit for one in EFFECT.parameters if isinstance(one, Param)}
    rows = [
        (
            row["name"],
            figure(row["value"]),
            figure(row["in_data"]) if "in_data" in row else None,
            units.get(row["name"], "dB"),
            None if "error_db" not in row else level(row["error_db"]),
            None if "error_db" not in row else "yes" if row["determined"] else "not by this audio",
        )
        for row in card["metrics"]["parameters"]
    ]
    columns = ("parameter", "learnt", "in the data", "unit", "error if off by 10 %", "determined")
    shown = [k for k in range(len(columns)) if any(row[k] is not None for row in rows)]
    kept = [tuple(row[k] for k in shown) for row in rows]
    title = "Errors if a parameter is off by 10 % and all others make up for it, against what the effect adds"
    return table(
        title if "determined" in [columns[k] for k in shown] else "",
        [columns[k] for k in shown],
        kept,
        numbers=("learnt", "in the data", "error if off by 10 %"),
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
