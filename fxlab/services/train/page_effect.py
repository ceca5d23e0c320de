"""The page of `fxlab train --html`: what a network made of recordings that it never heard, and how it was trained."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from fxlab.models.model import title
from fxlab.pages.curves import spectrum
from fxlab.pages.parts import Curves, Line, Page, Part
from fxlab.services.train import seeds as train_seeds
from fxlab.services.train.page import effect_of, facts, history_of, losses
from fxlab.services.train.service import Result
from fxlab.services.train.tables import judgement, seeds, sentences, spread
from fxlab.wording import counted


def page_of(result: Result, command: str = "") -> Page:
    """The page of one training; of one that was interrupted, of what there is."""
    summary = " ".join(sentence.replace("  ", " ") for sentence in sentences(result.metrics))
    return Page(f"{title(result.card)}, trained", summary, command, tuple(facts(result)), tuple(_parts(result)))


def page_of_seeds(result: train_seeds.Result, command: str = "") -> Page:
    """The page of several trainings: how they differ, then the best one."""
    best = result.runs.get(result.best) if result.best is not None else None
    summary = f"{counted(len(result.runs) + len(result.diverged), 'seed')}." + (f" {spread(result)}" if result.spread else "")
    if best is not None:
        summary += f" Best on the validation split is seed {result.best}, of which the rest of the page tells."
    runs = {f"seed {seed}": (history_of(run), run.figure) for seed, run in result.runs.items()}
    parts: list[Part] = [seeds(result), *losses(runs, "All seeds")]
    if best is not None:
        parts += _parts(best)
    return Page("Training from several seeds", summary, command, tuple(facts(best)) if best else (), tuple(parts))


def _parts(result: Result) -> Iterator[Part]:
    if result.heard is not None:
        yield result.heard
    yield from judgement(result.card, result.metrics)
    yield from losses({"": (history_of(result), result.figure)})
    if result.heard is not None:
        rate_hz = result.heard.sample_rate_hz
        sounds = {version.name: version.audio for version in result.heard.versions}
        sounds["difference"] = sounds["network"] - sounds["target"]
        lines = [spectrum(name, audio, rate_hz) for name, audio in sounds.items()]
        note = "Twelfths of an octave of what is heard above; difference: network minus target."
        yield Curves("Spectrum", "Hz", "dB of full scale", lines, x_log=True, note=note)
    yield from _error(result)
    yield from effect_of(result.card)


def _error(result: Result) -> Iterator[Curves]:
    """The error over time in the take with the largest one."""
    found = json.loads(Path(result.files["report"]).read_text(encoding="utf-8"))["esr_over_time"]
    esr = np.array([np.nan if value is None or value <= 0 else value for value in found["esr"]], float)
    if np.isfinite(esr).any():
        seconds = np.arange(len(esr)) * found["window_s"]
        note = f"{Path(found['take']).name}, the take with the largest error, in windows of {found['window_s']:g} s."
        yield Curves("Error over time", "s", "ESR, dB", [Line("ESR", seconds, 10 * np.log10(esr))], note=note)
