"""What a training found as tables and sentences, for the terminal and for pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fxlab.effects.ace import EFFECT
from fxlab.effects.params import Param
from fxlab.metrics.mushra import HEARD_FROM
from fxlab.models.model import Card
from fxlab.pages.parts import Table
from fxlab.services.by_setting import figures_of, settings_table
from fxlab.services.pages import table
from fxlab.wording import counted, decibels, duration, figure, level, percent

if TYPE_CHECKING:
    from fxlab.services.train import seeds as train_seeds
    from fxlab.services.train.service import Result

ENDED = {
    "finished": "finished all epochs",
    "converged": "converged",
    "early stop": "stopped early: nothing better on the validation split for as long as --patience says",
    "interrupted": "interrupted, saved",
}


def judgement(card: Card, metrics: Mapping[str, Any]) -> Iterator[Table]:
    """What the card's figures say, a table each; of a network that was to do more than sound like an effect what it improves."""
    gained = metrics.get("improvement")
    if "parameters" in metrics:
        yield parameters(metrics["parameters"])
    if gained:
        yield improvement(gained, metrics["split"])
        if "by_snr" in gained:
            yield by_snr(gained["by_snr"])
    if not _is_speech(gained):
        if "settings" in metrics:
            title = f"The {metrics['split']} split, never trained on, by its settings"
            yield settings_table(title, figures_of(metrics["settings"], card["sample_rate_hz"]))
        else:
            yield takes(metrics)
        yield aliasing(metrics["aliasing_db"])


def sentences(metrics: Mapping[str, Any]) -> Iterator[str]:
    """The verdict in words."""
    silence = f"On silence: noise {level(metrics['noise_db'])}, DC {metrics['dc']:.1e}."
    if _is_speech(metrics.get("improvement")):
        yield silence
        return
    yield f"ESR {percent(metrics['esr'])}: {metrics['verdict']}.  {silence}"
    if metrics["predicted_mushra"] is not None:
        distance = f"MFCC distance {figure(metrics['mfcc_distance'])}, heard from {figure(HEARD_FROM)} on"
        yield f"Listeners would rate it {figure(metrics['predicted_mushra'])} of 100 (predicted MUSHRA; {distance})."
    errors = metrics["esr_alias_free"]
    if errors and errors["network"] is not None:
        own = percent(errors["target"])
        yield f"Against the target without aliasing: ESR {percent(errors['network'])}, that of the target itself {own}."


def _is_speech(gained: Mapping[str, Any] | None) -> bool:
    """Whether it was trained to make speech clearer, for which likeness says nothing."""
    return bool(gained) and "estoi" in gained["after"]


def improvement(gained: Mapping[str, Any], split: str) -> Table:
    """Figures of what went in and of what came out."""
    names = {
        "loss": f"{gained['loss']} loss",
        "si_snr_db": "SI-SNR (dB)",
        "estoi": "ESTOI",
        "contrast_db": "spectral contrast (dB)",
    }
    rows = [(names[key], before, gained["after"][key]) for key, before in gained["before"].items()]
    return table(f"The {split} split, never trained on", ("figure", "untouched", "network"), rows)


def by_snr(rows: Sequence[Mapping[str, Any]]) -> Table:
    """The same for every level of noise."""
    columns = ("noise", "takes", "SI-SNR (dB)", "SI-SNR, network", "ESTOI", "ESTOI, network")
    shown = [
        (f"SNR {row['snr_db']:g} dB", row["takes"])
        + tuple(row[side].get(key) for key in ("si_snr_db", "estoi") for side in ("before", "after"))
        for row in rows
    ]
    return table("By the noise that was added", columns, shown)


def parameters(found: Sequence[Mapping[str, Any]]) -> Table:
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
        for row in found
    ]
    columns = ("parameter", "learnt", "in the data", "unit", "error if off by 10 %", "determined")
    shown = [k for k in range(len(columns)) if any(row[k] is not None for row in rows)]
    kept = [tuple(row[k] for k in shown) for row in rows]
    title = "Errors if a parameter is off by 10 % and all others make up for it, against what the effect adds"
    kept_columns = [columns[k] for k in shown]
    return table(title if "determined" in kept_columns else "What it has learnt", kept_columns, kept)


def takes(metrics: Mapping[str, Any]) -> Table:
    """How near it comes to its target in every take, or recording."""
    found = metrics["takes"]
    knobs = list(found[0].get("parameters", ()))
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
        for take in found
    ]
    return table(f"Takes of the {metrics['split']} split, never trained on", columns, rows)


def aliasing(found: Sequence[Mapping[str, Any]]) -> Table:
    """What sines become that aren't their harmonics."""
    columns = ("tone", "network", "target", "target without aliasing")
    rows = [
        (f"{row['tone_hz']:g} Hz", *(None if db is None else level(db) for name, db in row.items() if name != "tone_hz"))
        for row in found
    ]
    return table("Aliasing of sines at -6 dBFS", columns, rows)


def seeds(result: train_seeds.Result) -> Table:
    """How every seed fared."""
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
    return table("Seeds", columns, rows)


def spread(result: train_seeds.Result) -> str:
    """How far the seeds lie apart, of which one at least went to its end."""
    least, most = percent(result.spread["min"]), percent(result.spread["max"])
    return f"ESR over {counted(len(result.whole()), 'seed')}: median {percent(result.spread['median'])}, {least} to {most}."


def _validation(run: Result) -> object:
    value = run.metrics.get(run.figure)
    return percent(value) if value is not None and run.figure == "validation_esr" else value
