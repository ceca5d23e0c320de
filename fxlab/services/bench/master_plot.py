"""The master suite as a picture: every song before and after, and beside what the rivals made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fxlab.metrics.mastering import COLUMNS
from fxlab.services.bench.master_report import Result
from fxlab.services.bench.master_rivals import FXLAB, NOTHING
from fxlab.wording import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LABEL = {"boxstyle": "round,pad=0.15", "facecolor": "white", "alpha": 0.8, "linewidth": 0}
_BETTER, _WORSE, _SONG = "#2a7f62", "#b3443c", "0.75"


def figure(result: Result) -> Figure:
    """For every column, above: error of every degraded song before and after fxlab; below: of all rivals, a line per song."""
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(15, 8), layout="constrained")
    axes = drawn.subplots(2, len(COLUMNS))
    for column, (above, below) in zip(COLUMNS, axes.T, strict=True):
        _before_and_after(above, result, column)
        _rivals(below, result, column)
    title = f"{counted(len(result.songs), 'song')}, {counted(len(result.songs[0].runs), 'degraded version')} of each"
    drawn.suptitle(f"fxlab bench --suite master: {title}; less is better")
    return drawn


def _before_and_after(axis: Axes, result: Result, column: str) -> None:
    before, after = (np.array([song.score(rival, column) for song in result.songs]) for rival in (NOTHING, FXLAB))
    most = 1.05 * max(before.max(), after.max(), 1e-6)
    axis.fill_between([0, most], [0, most], color=_BETTER, alpha=0.07, linewidth=0)
    axis.plot([0, most], [0, most], color="0.5", linewidth=0.8)
    axis.scatter(before, after, s=22, c=[_BETTER if better else _WORSE for better in after < before], linewidths=0)
    axis.set(title=COLUMNS[column], xlabel="degraded", ylabel="mastered by fxlab", xlim=(0, most), ylim=(0, most), aspect="equal")
    axis.title.set_size(10)
    axis.grid(alpha=0.25)


def _rivals(axis: Axes, result: Result, column: str) -> None:
    places = np.arange(len(result.rivals))
    for song in result.songs:
        found = [song.score(rival, column) for rival in result.rivals]
        axis.plot(places, [np.nan if score is None else score for score in found], color=_SONG, linewidth=0.7, marker=".", ms=4)
    means = [result.mean(rival, column) for rival in result.rivals]
    for place, rival, mean in zip(places, result.rivals, means, strict=True):
        if mean is None:
            continue
        color = "black" if rival == FXLAB else "0.35"
        axis.plot([place - 0.28, place + 0.28], [mean, mean], color=color, linewidth=2.5, zorder=3)
        axis.annotate(
            f"{mean:.3g}", (place, mean), (0, 5), textcoords="offset points", ha="center", zorder=4, weight="bold", bbox=_LABEL
        )
    axis.set(xticks=places, xticklabels=result.rivals, xlim=(-0.5, len(places) - 0.5))
    axis.set_ylim(bottom=0)
    axis.set_ylabel("error of each song, and mean")
    axis.grid(axis="y", alpha=0.25)
