"""The pictures `fxlab grow` draws: harmonics and noise over time, how far every cell has grown, and what led it there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fxlab.services.drawing import COLUMNS, save, sheet
from fxlab.services.grow.performance import Performance
from fxlab.services.grow.plan import Take
from fxlab.services.grow.sound import Seen
from fxlab.timbre.config import InstrumentConfig

FILLED_DB = -30.0
"""Gain from which on a cell counts as grown."""

_RANGE_DB = 70.0
_LEAST = 8  # harmonics that are shown, though fewer are heard
_RARE = 0.01  # share of the time that a harmonic must be heard to count
_SOUND, _CELLS = "magma", "viridis"  # both even in lightness, also to the colour-blind
_AGE, _FILL, _DAMAGE = "#0072b2", "#e69f00", "#c1272d"


class Trace:
    """Keeps what is drawn of a performance: evenly spaced frames, as many as a picture has columns.

    Args:
        frames: Of the performance.
        keep_all: All gains are wanted as well.
    """

    def __init__(self, frames: int, keep_all: bool = False) -> None:
        self._stride = max(1, -(-frames // COLUMNS))
        self._seen, self._keep_all = 0, keep_all
        self._amplitudes: list[np.ndarray] = []
        self._growths: list[np.ndarray] = []
        self._filled: list[np.ndarray] = []
        self._gains: list[np.ndarray] = []
        self._frames: list[np.ndarray] = []

    def __call__(self, seen: Seen) -> None:
        frames = np.arange(self._seen, self._seen + len(seen.amplitudes))
        pick = frames % self._stride == 0
        self._seen += len(frames)
        self._frames.append(frames[pick])
        self._amplitudes.append(seen.amplitudes[pick])
        if seen.growth is not None:
            self._growths.append(seen.growth.growth[pick])
            self._filled.append((seen.growth.gains[pick] > 10 ** (FILLED_DB / 20)).mean(axis=1))
            if self._keep_all:
                self._gains.append(seen.growth.gains)

    @property
    def grows(self) -> bool:
        return bool(self._growths)

    def frames(self) -> np.ndarray:
        """Which frames were kept, (columns,)."""
        return np.concatenate(self._frames)

    def amplitudes(self) -> np.ndarray:
        """Linear, (columns, cells)."""
        return np.concatenate(self._amplitudes)

    def growths(self) -> np.ndarray:
        """0..1, (columns, cells)."""
        return np.concatenate(self._growths)

    def filled(self) -> np.ndarray:
        """Share of cells that have grown, (columns,)."""
        return np.concatenate(self._filled)

    def gains(self) -> np.ndarray:
        """Linear, of all frames, (frames, cells)."""
        return np.concatenate(self._gains)


def growth_of(performance: Performance, config: InstrumentConfig, trace: Trace, title: str) -> Any:
    """A performance as a figure."""
    figure = sheet(title)
    rows = {"harmonics": 5.0, "noise": 2.5}
    rows |= {"cells": 3.5, "age": 2.0} if trace.grows else {}
    axes = figure.subplot_mosaic([[name] for name in rows], height_ratios=list(rows.values()), sharex=True)
    levels, end = _levels(trace, config), performance.seconds
    count, top = config.harmonics, config.sample_rate_hz / 2000
    shown = _heat(axes["harmonics"], levels[:, :count], end, (0.5, count + 0.5), _SOUND, (-_RANGE_DB, 0))
    heard = np.flatnonzero((levels[:, :count] > -_RANGE_DB).mean(axis=0) > _RARE)
    axes["harmonics"].set_ylim(0.5, min(count, max(heard.max(initial=0) + 2, _LEAST)) + 0.5)
    _heat(axes["noise"], levels[:, count:], end, (0, top), _SOUND, (-_RANGE_DB, 0))
    axes["harmonics"].set(title="Harmonics", ylabel="number")
    axes["harmonics"].yaxis.get_major_locator().set_params(integer=True)
    axes["noise"].set(title="Noise", ylabel="frequency (kHz)")
    figure.colorbar(shown, ax=[axes["harmonics"], axes["noise"]], label="dB relative to the strongest", pad=0.01)
    last = axes["noise"]
    if trace.grows:
        cells = axes["cells"]
        shown = _heat(cells, trace.growths(), end, (0.5, config.cells + 0.5), _CELLS, (0, 1))
        whose = "" if len(performance.voices) == 1 else ", of the first voice"
        cells.set_title(f"How far each cell has grown{whose}: harmonics below, noise bands above the line")
        _divide(cells, config)
        figure.colorbar(shown, ax=cells, label="growth", pad=0.01)
        last = axes["age"]
        _draw_age(last, performance, trace)
        for frame, _ in performance.damages:
            for axis in axes.values():
                axis.axvline(frame / performance.frame_rate_hz, color=_DAMAGE, linewidth=1.5, linestyle="--")
    last.set_xlabel("time (s)")
    last.set_xlim(0, end)
    return figure


def draw_mask(path: Path, performance: Performance, config: InstrumentConfig, trace: Trace) -> None:
    """Draws the cells' gains alone."""
    figure = sheet("Gains of the cells")
    axis = figure.subplots()
    gains = 20 * np.log10(np.maximum(trace.gains()[:: max(1, len(performance) // COLUMNS)], 1e-6))
    shown = _heat(axis, gains, performance.seconds, (0.5, config.cells + 0.5), _CELLS, (-60, 0))
    axis.set(xlabel="time (s)", title="Harmonics below, noise bands above the line")
    _divide(axis, config)
    figure.colorbar(shown, ax=axis, label="gain (dB)", pad=0.01)
    save(figure, path)


def contacts_of(performance: Performance, config: InstrumentConfig, takes: Sequence[tuple[Take, Trace]]) -> Any:
    """The growth of several renderings side by side, to choose from, as a figure."""
    figure = sheet("The same instrument, grown from different seeds: how far each cell has grown over time")
    across = _across(len(takes))
    axes = np.atleast_1d(figure.subplots(-(-len(takes) // across), across, sharex=True, sharey=True)).ravel()
    for axis, (take, trace) in zip(axes, takes, strict=False):
        shown = _heat(axis, trace.growths(), performance.seconds, (0.5, config.cells + 0.5), _CELLS, (0, 1))
        axis.set_title(f"seed {take.seed}: {take.output.name}", fontsize="medium")
        _divide(axis, config)
    for axis in axes[len(takes) :]:
        axis.set_visible(False)
    figure.colorbar(shown, ax=list(axes), label="growth", pad=0.01)
    figure.supxlabel("time (s)")
    figure.supylabel("cell: harmonics below, noise bands above the line")
    return figure


def _across(count: int) -> int:
    """How many pictures stand beside each other, so that as few places as possible stay empty."""
    near = math.ceil(math.sqrt(count))
    return min((near - 1, near, near + 1), key=lambda across: (-count % across if across > 0 else count, abs(across - near)))


def _levels(trace: Trace, config: InstrumentConfig) -> np.ndarray:
    """What is heard of each cell, in dB below the strongest harmonic or band."""
    heard = trace.amplitudes().astype(np.float64)
    heard[:, config.harmonics :] *= np.sqrt(2 / config.bands)  # a band's noise as loud as a sine of that amplitude
    return 20 * np.log10(np.maximum(heard, 1e-12) / max(float(heard.max()), 1e-12))


def _heat(axis: Any, cells: np.ndarray, end: float, span: tuple[float, float], colours: str, limits: tuple[float, float]) -> Any:
    return axis.imshow(
        cells.T,
        aspect="auto",
        origin="lower",
        interpolation="nearest",
        extent=(0, end, *span),
        cmap=colours,
        vmin=limits[0],
        vmax=limits[1],
    )


def _divide(axis: Any, config: InstrumentConfig) -> None:
    """A line between harmonics and noise bands, each numbered from 1."""
    count, bands = config.harmonics, config.bands
    axis.axhline(count + 0.5, color="white", linewidth=1.2)
    marks = [(n, str(n)) for n in (1, count // 2, count)] + [(count + n, f"n{n}") for n in (bands // 2, bands)]
    axis.set_yticks([place for place, _ in marks], [name for _, name in marks])


def _draw_age(axis: Any, performance: Performance, trace: Trace) -> None:
    frames = trace.frames()
    seconds = frames / performance.frame_rate_hz
    axis.plot(seconds, performance.ages[frames], color=_AGE, linewidth=2, label="age")
    axis.fill_between(seconds, 0, trace.filled(), color=_FILL, alpha=0.3, linewidth=0)
    axis.plot(seconds, trace.filled(), color=_FILL, linewidth=2, label=f"share of cells above {FILLED_DB:g} dB")
    if performance.damages:
        axis.plot([], [], color=_DAMAGE, linestyle="--", label="damage")
    axis.set(title="Age, and how much of the instrument has grown", ylim=(-0.03, max(1.05, 1.05 * float(performance.ages.max()))))
    axis.grid(alpha=0.3)
    axis.legend(loc="lower right", ncols=3)
