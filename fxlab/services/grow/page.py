"""The page of `fxlab grow --html`: the timbre that grew beside the whole instrument, its growth, and what it was learnt from."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import fxlab
from fxlab.audio.files import Reader
from fxlab.audio.passages import passage
from fxlab.audio.resampling import resampled
from fxlab.pages.curves import spectrum
from fxlab.pages.parts import Curves, Line, Listening, Page, Part, Picture, Table, Version
from fxlab.progress import Progress, silent
from fxlab.services.drawing import png
from fxlab.services.grow.file import Rendered
from fxlab.services.grow.measures import TARGETS, Measures
from fxlab.services.grow.performance import Performance
from fxlab.services.grow.plot import FILLED_DB, Trace, contacts_of, growth_of
from fxlab.services.grow.report import Result
from fxlab.services.grow.sound import Settings, sound_of
from fxlab.wording import counted, duration, figure

MOST_TAKES = 9
"""Renderings that a page lets one hear; all are in its table and its picture."""

_WHOLE = "whole, without growth"
_LONGEST_S, _ALL_S = 30.0, 110.0  # of sound, for one version and for all: mono, a page stays under 5 MB


@dataclass(frozen=True)
class Played:
    """What was played, and how it sounded.

    Attributes:
        performance: What.
        settings: How.
        traces: What each take's cells did.
        followed: Audio whose melody it is; None for none.
    """

    performance: Performance
    settings: Settings
    traces: list[Trace]
    followed: Path | None = None


def page_of(result: Result, played: Played, command: str = "", progress: Progress = silent) -> Page:
    """The page of a growth.

    Args:
        result: With at least one take; of a training the run's folder is still there.
        played: What made the takes.
        command: What was typed.
        progress: Is told how far it is.

    Raises:
        InputError: A file that was written or followed can't be read any more.
    """
    progress("Making the page", 0, None)
    verb = f"grows into {result.into}" if result.into else "grows" if result.automaton else "plays"
    title = f"{_named(result)} {verb}"
    length = duration(result.takes[0].seconds)
    how = f", and grows in {counted(result.steps, 'step')} of the {result.automaton} automaton" if result.automaton else ""
    summary = f"It plays {result.performance}, {length}{how}." + "".join(f" {text}" for text in result.remarks)
    return Page(title, summary, command, tuple(_facts(result)), tuple(_parts(result, played)))


def _named(result: Result) -> str:
    return result.instrument if result.training is None else f"An instrument {result.instrument}"


def _facts(result: Result) -> Iterator[tuple[str, str]]:
    yield "fxlab", fxlab.__version__
    yield "instrument", result.instrument
    yield "network", f"{result.about['model']}, {result.about['parameters_count']:,} parameters"
    for name in ("attribution", "licence"):
        if result.about[name]:
            yield name, result.about[name]
    for what, path in result.files.items():
        yield f"{what} file" if what == "instrument" else what, str(path)
    for text in result.warnings:
        yield "warning", text


def _parts(result: Result, played: Played) -> Iterator[Part]:
    chosen, whole = _chosen(result, played), None
    if played.traces[0].grows:
        whole = _whole(result, played, chosen)
    heard = _takes(result, chosen) | ({_WHOLE: whole} if whole is not None else {})
    if played.followed is not None:
        heard = {f"recording, {played.followed.name}": _file(played.followed, chosen, result.takes[0].rate_hz)} | heard
    rate_hz = result.takes[0].rate_hz
    if len(heard) == 1:
        heard |= _stems(result.takes[0], chosen)
    if len(heard) > 1:
        yield _player("Grown and whole" if whole is not None else "To compare", heard, rate_hz, chosen)
    yield _table(result)
    if played.traces[0].grows:
        yield _fill(result, played)
    yield _picture(result, played)
    if len(heard) > 1:
        curves = [spectrum(name, audio, rate_hz) for name, audio in heard.items()]
        yield Curves(
            "Spectrum", "Hz", "dB of full scale", curves, x_log=True, note="Twelfths of an octave of what is heard above."
        )
    if result.report is not None:
        yield _measures(result.report)
    stems = _stems(result.takes[0], chosen)
    if stems and not stems.keys() <= heard.keys():
        yield _player("Stems", stems, rate_hz, chosen)
    if result.training is not None:
        from fxlab.services.train.page_instrument import parts_of

        yield from parts_of(result.training)


@dataclass(frozen=True)
class _Passage:
    """What is heard of every version."""

    start_s: float
    seconds: float


def _chosen(result: Result, played: Played) -> _Passage:
    """All of a short performance; of a long one where the timbre changes most."""
    whole = result.takes[0].seconds
    versions = min(len(result.takes), MOST_TAKES) + 1
    seconds = min(whole, _LONGEST_S, _ALL_S / versions / max(one.channels for one in result.takes))
    trace = played.traces[0]
    if not trace.grows or seconds >= whole:
        return _Passage(0.0, seconds)
    changes = np.abs(np.diff(trace.filled()))
    width = max(1, round(len(changes) * seconds / whole))
    first = int(np.argmax(np.convolve(changes, np.ones(width), "valid"))) if changes.any() else 0
    return _Passage(min(whole - seconds, first * whole / (len(changes) + 1)), seconds)


def _player(title: str, heard: dict[str, np.ndarray], rate_hz: int, chosen: _Passage) -> Listening:
    place = f" from {duration(round(chosen.start_s, 1))} on" if chosen.start_s else ""
    note = f"{duration(round(chosen.seconds, 1))}{place}."
    if _WHOLE in heard:
        note += " Whole: the same performance by the instrument as it was learnt."
    return Listening(title, [Version(name, audio) for name, audio in heard.items()], rate_hz, note)


def _takes(result: Result, chosen: _Passage) -> dict[str, np.ndarray]:
    named = len(result.takes) > 1
    way = "grown" if result.automaton else "played"
    shown = result.takes[:MOST_TAKES]
    return {f"seed {one.take.seed}" if named else way: _file(one.take.output, chosen, one.rate_hz) for one in shown}


def _stems(one: Rendered, chosen: _Passage) -> dict[str, np.ndarray]:
    return {name: _file(path, chosen, one.rate_hz) for name, path in zip(("harmonics", "noise"), one.take.stems, strict=False)}


def _file(path: Path, chosen: _Passage, rate_hz: int) -> np.ndarray:
    """The passage of a file at the output's rate, of at most two channels."""
    with Reader(path) as reader:
        blocks = resampled(reader.blocks(), reader.info.sample_rate_hz, rate_hz)
        found = passage(blocks, round(chosen.start_s * rate_hz), round(chosen.seconds * rate_hz))
    return np.zeros((1, 1), np.float32) if found is None else found[:2]


def _whole(result: Result, played: Played, chosen: _Passage) -> np.ndarray | None:
    """The same performance by the instrument as it was learnt, at the gain of the first take."""
    first = result.takes[0]
    settings = dataclasses.replace(played.settings, seed=first.take.seed)
    blocks = (one.harmonic + one.noise for one in sound_of(dataclasses.replace(played.performance, ages=None), settings))
    found = passage(blocks, round(chosen.start_s * first.rate_hz), round(chosen.seconds * first.rate_hz))
    return None if found is None else found * np.float32(10 ** (first.gain_db / 20))


def _table(result: Result) -> Table:
    rows = [
        (
            str(one.take.output),
            str(one.take.seed),
            f"{one.seconds:.2f}",
            f"{one.rate_hz / 1000:g}",
            "stereo" if one.channels == 2 else "mono",
            figure(one.peak_db) if np.isfinite(one.peak_db) else "–",
            f"{one.gain_db:.1f}",
            figure(one.speed),
        )
        for one in result.takes
    ]
    columns = ("file", "seed", "length, s", "rate, kHz", "channels", "peak, dB", "gain, dB", "× real time")
    return Table("Renderings", columns, rows, "Peak before the gain that brings it below full scale.")


def _fill(result: Result, played: Played) -> Curves:
    frames = played.traces[0].frames()
    seconds = frames / played.performance.frame_rate_hz
    lines = [Line("age", seconds, played.performance.ages[frames])]
    for one, trace in zip(result.takes, played.traces, strict=True):
        name = f"seed {one.take.seed}" if len(result.takes) > 1 else "cells that have grown"
        lines.append(Line(name, seconds, trace.filled()))
    cuts = [duration(frame / played.performance.frame_rate_hz) for frame, _ in played.performance.damages]
    note = f"Age, and the share of cells above {FILLED_DB:g} dB." + (f" Cells were cut at {', '.join(cuts)}." if cuts else "")
    top = max(1.05, 1.05 * float(played.performance.ages.max()))
    return Curves("Age, and how much has grown", "s", "share", lines, y_range=(0.0, top), note=note)


def _picture(result: Result, played: Played) -> Picture:
    config = played.settings.model.config
    if len(result.takes) > 1:
        pairs = list(zip((one.take for one in result.takes), played.traces, strict=True))
        drawn, title = contacts_of(played.performance, config, pairs), "Growth from every seed"
        alt = f"{len(result.takes)} heat maps, one for each seed, of how far each cell has grown over time"
    else:
        title = "Growth" if played.traces[0].grows else "What is played"
        drawn = growth_of(played.performance, config, played.traces[0], f"{_named(result)} plays {result.performance}")
        alt = "Harmonics and noise over time" + (", and how far each cell has grown" if played.traces[0].grows else "")
    return Picture(title, png(drawn), alt)


def _measures(found: Measures) -> Table:
    names = list(found.automatons)
    rows = []
    for target in TARGETS:
        told = [found.told(target, name) + ("" if found.met(target, name) else " ✗") for name in names]
        rows.append((target.name, *told, target.text))
    title = f"Growth in {counted(found.steps, 'step')}, {counted(found.seeds, 'seed')} under each condition"
    return Table(title, ("measure", *names, "target"), rows, "✗: misses its target.")
