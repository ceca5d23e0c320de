"""The page of `fxlab train --model ddsp --html`: recordings and what the instrument makes of them, and how it was trained."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fxlab.models.model import title
from fxlab.pages.curves import spectrum
from fxlab.pages.listening import listening
from fxlab.pages.parts import Curves, Page, Part, Picture, Table
from fxlab.services.pages import seconds_heard, table
from fxlab.services.train.instrument import FIGURE, Result
from fxlab.services.train.instrument_report import read_preview
from fxlab.services.train.instrument_tables import recordings, scores, verdict
from fxlab.services.train.page import facts, history_of, losses


def page_of(result: Result, command: str = "") -> Page:
    """The page of one training; of one that was interrupted, of what there is."""
    summary = f"Learnt from {recordings(result.card)}." + (f" {verdict(result.overall)}" if result.scores else "")
    return Page(f"{title(result.card)}: an instrument, trained", summary, command, tuple(facts(result)), tuple(parts_of(result)))


def parts_of(result: Result) -> Iterator[Part]:
    """What the run's folder holds, which must be there still."""
    previews = {Path(path): read_preview(Path(path)) for role, path in result.files.items() if role.startswith("preview_")}
    for path, (sounds, rate_hz) in previews.items():
        name = path.stem.split("-", 2)[-1]
        kept = "It was kept back, and played from its pitch and loudness alone." if result.overall.kept else ""
        yield listening(f"Recorded and played: {name}", sounds, rate_hz, seconds_heard(2 * len(previews)), kept)
    if result.scores:
        yield scores(result.scores, result.overall)
    findings = [(name, finding.text, finding.hint) for name, finding in result.findings]
    if findings or result.warnings:
        findings += [("automaton", text, "") for text in result.warnings]
        yield table("Worth knowing", ("of", "what", "advice"), findings)
    yield from losses({"": (history_of(result), FIGURE)})
    for path, (sounds, rate_hz) in list(previews.items())[:1]:
        lines = [spectrum(name, audio, rate_hz) for name, audio in sounds.items()]
        yield Curves("Spectrum, recorded and played", "Hz", "dB of full scale", lines, x_log=True, note=f"Of {path.name}.")
    if "sound_picture" in result.files:
        alt = "Spectrograms of recordings beside those of what the instrument plays"
        yield Picture("Spectrograms", Path(result.files["sound_picture"]).read_bytes(), alt)
    yield from _growth(result)


def _growth(result: Result) -> Iterator[Table]:
    """What its automaton measures, if it was taught one."""
    rows = [
        (name.replace("_", " "), value)
        for name, value in result.card.get("growth", {}).items()
        if isinstance(value, (int, float, str)) and not isinstance(value, bool)
    ]
    if rows:
        yield table("Its automaton", ("figure", "value"), rows)
