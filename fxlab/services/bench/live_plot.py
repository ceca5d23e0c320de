"""The live suite as a picture: for every effect how many blocks took longer than any time, and were woken later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fxlab.metrics.latency import lower_edges_ns
from fxlab.services.bench.live_load import LOADS
from fxlab.services.bench.live_report import COMPILED, Cell, Counts, Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_KINDS = (("work", "CPU time of a block"), ("wall", "time of a block"), ("wake", "woken late by"))


def figure(result: Result) -> Figure:
    """A row for each effect and buffer: CPU time, time and lateness of waking, with the deadline in red.

    Colours are loads; the compiled callback is solid, Python dashed.
    """
    from matplotlib.figure import Figure

    groups: dict[tuple[str, int], list[Cell]] = {}
    for cell in result.cells:
        if cell.blocks:
            groups.setdefault((cell.effect, cell.buffer), []).append(cell)
    drawn = Figure(figsize=(13, 1.2 + 3.4 * max(1, len(groups))), layout="constrained")
    axes = drawn.subplots(max(1, len(groups)), len(_KINDS), squeeze=False, sharey=True)
    for row, ((effect, buffer), cells) in zip(axes, groups.items(), strict=False):
        for axis, (kind, title) in zip(row, _KINDS, strict=True):
            _draw(axis, cells, kind)
            axis.set_title(f"{effect}, {buffer} frames: {title}", fontsize=9, loc="left")
        row[0].set_ylabel("share of blocks above")
    for axis in axes[-1]:
        axis.set_xlabel("µs")
    axes[0][-1].legend(fontsize=8, loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    setup = result.setup
    drawn.suptitle(
        f"fxlab bench --suite live: {setup['runs']} x {setup['run_s']:.3g} s, {setup['audio']}, {result.machine.cpu}", fontsize=11
    )
    return drawn


def _draw(axis: Axes, cells: Sequence[Cell], kind: str) -> None:
    for cell in cells:
        times, shares = survivors(getattr(cell, kind))
        style = {"color": f"C{LOADS.index(cell.load)}", "linestyle": "-" if cell.path == COMPILED else "--", "linewidth": 1.2}
        axis.step(times * 1e6, shares, where="post", label=f"{cell.path}, {cell.load}", **style)
    axis.axvline(cells[0].deadline_s * 1e6, color="crimson", linewidth=1.2)
    axis.set(xscale="log", yscale="log", ylim=(0.5 / max(cell.blocks for cell in cells), 1.2))
    axis.grid(alpha=0.25)


def survivors(counts: Counts) -> tuple[np.ndarray, np.ndarray]:
    """Upper edges of the bins that hold anything, in seconds, and the share of blocks above each; the last is the longest, 0."""
    used = np.flatnonzero(counts.bins)
    above = 1 - np.cumsum(counts.bins[used]) / counts.bins.sum()
    times = np.maximum(lower_edges_ns()[used + 1], 1) * 1e-9
    return times, np.maximum(above, 0)
