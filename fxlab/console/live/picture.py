"""What the analyzer's window shows: spectra laid over each other, with a mark on each harmonic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fxlab.services.live.analyzer import Spectra

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOWEST_DB, HIGHEST_DB = -110.0, 6.0

_COLOURS = ("0.55", "#0072b2", "#e69f00", "#009e73")  # told apart by the colour-blind too
_STYLES = ("-", "-", (0, (4, 3)), (0, (1, 1)))
_MARKS = ("s", "o", "x", "+")


class Picture:
    """Draws `Spectra` into a figure again and again; only what moves is drawn anew where the window system allows that.

    Args:
        figure: An empty figure with its canvas.
    """

    def __init__(self, figure: Figure) -> None:
        self._figure = figure
        self._axes = figure.subplots()
        self._names: tuple[str, ...] = ()
        self._moving: list[Any] = []
        self._background: Any = None
        figure.canvas.mpl_connect("draw_event", self._drawn)

    def show(self, spectra: Spectra) -> None:
        """Draws the next moment."""
        if tuple(spectra.levels_db) != self._names:
            self._set_up(spectra)
        note, *pairs = self._moving
        note.set_text(_words(spectra))
        for name, line, marks in zip(self._names, pairs[::2], pairs[1::2], strict=True):
            line.set_data(spectra.frequencies_hz, np.maximum(spectra.levels_db[name], LOWEST_DB))
            levels = spectra.harmonics_db[name]
            seen = levels > LOWEST_DB  # not-a-number isn't
            marks.set_data((spectra.f0_hz or 0.0) * (1 + np.flatnonzero(seen)), levels[seen])
        self._refresh()

    def _set_up(self, spectra: Spectra) -> None:
        axes, self._names, self._background = self._axes, tuple(spectra.levels_db), None
        axes.clear()
        note = axes.text(0.99, 0.98, "", transform=axes.transAxes, ha="right", va="top", family="monospace", animated=True)
        self._moving = [note]
        for name, colour, style, mark in zip(self._names, _COLOURS, _STYLES, _MARKS, strict=False):
            width = 3.0 if colour == _COLOURS[0] else 1.5
            line = axes.semilogx([], [], color=colour, linestyle=style, linewidth=width, label=name, animated=True)[0]
            marks = axes.plot([], [], color=colour, linestyle="", marker=mark, markerfacecolor="none", animated=True)[0]
            self._moving += [line, marks]
        frequencies = spectra.frequencies_hz
        axes.set(
            xlim=(frequencies[0], frequencies[-1]),
            ylim=(LOWEST_DB, HIGHEST_DB),
            xlabel="frequency (Hz)",
            ylabel="dB of a sine at full scale",
        )
        axes.set_xticks([50, 100, 200, 500, 1000, 2000, 5000, 10_000], ["50", "100", "200", "500", "1k", "2k", "5k", "10k"])
        axes.grid(alpha=0.3, which="both")
        axes.legend(loc="lower left")

    def _refresh(self) -> None:
        canvas = self._figure.canvas
        if self._background is None or not canvas.supports_blit:
            canvas.draw_idle()
            return
        canvas.restore_region(self._background)
        self._draw_moving()
        canvas.blit(self._figure.bbox)

    def _drawn(self, event: Any) -> None:
        """All was drawn but what moves: at the beginning, and after the window's size changed. In a saved picture all stands."""
        if event.canvas.is_saving():
            return
        if event.canvas.supports_blit:
            self._background = event.canvas.copy_from_bbox(self._figure.bbox)
        self._draw_moving()

    def _draw_moving(self) -> None:
        for artist in self._moving:
            self._axes.draw_artist(artist)


def _words(spectra: Spectra) -> str:
    if spectra.f0_hz is None:
        return "no single note"
    width = max(map(len, spectra.thd_db))
    distortion = [f"{name:>{width}} THD {thd_db:6.1f} dB" for name, thd_db in spectra.thd_db.items()]
    return "\n".join([f"{spectra.f0_hz:.1f} Hz", *distortion])
