"""The bench as a picture: how the real-time factor falls with the buffer, and how block times spread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fxlab.metrics.timing import histogram, log_edges
from fxlab.services.bench.report import CellReport, Result
from fxlab.services.drawing import name_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DASHES = {"numpy": ":", "numba": "-", "fused": "-.", "torch": ":", "torchscript": "--", "onnx": "-"}
_MARKS = {"numpy": "o", "numba": "s", "fused": "D", "torch": "o", "torchscript": "^", "onnx": "s"}
_BINS = 160


def figure(result: Result) -> Figure:
    """RTF over buffer size, and the distribution of block times at the buffer sizes measured (at most three of them).

    Colours are effects, line styles engines.
    """
    from matplotlib.figure import Figure

    shown = chosen_buffers(result)
    colours = {name: f"C{i % 10}" for i, name in enumerate(dict.fromkeys(e.effect for e in result.engines))}
    height = 0.8 + 0.28 * len(result.engines)
    drawn = Figure(figsize=(12, 4.5 + height * len(shown)), layout="constrained")
    axes = drawn.subplots(1 + len(shown), 1, height_ratios=[4] + [height] * len(shown))
    _draw_rtf(axes[0], result, colours)
    low = min(np.percentile(cell.times_s, 0.1) for cell in result.cells if cell.buffer in shown)
    high = max(max(cell.times_s.max(), cell.stats.deadline_s) for cell in result.cells if cell.buffer in shown)
    for axis, buffer in zip(axes[1:], shown, strict=True):
        cells = [cell for cell in result.cells if cell.buffer == buffer]
        _draw_times(axis, cells, colours, log_edges(low * 1e6 / 1.3, high * 1e6 * 1.3, _BINS))
    axes[-1].set_xlabel("block time (µs)")
    setup = result.setup
    drawn.suptitle(f"fxlab bench: {setup['runs']} runs, {setup['audio']}, {result.machine.cpu}", fontsize=11)
    return drawn


def chosen_buffers(result: Result) -> list[int]:
    """At most three of the buffer sizes measured: the smallest, one in the middle, the largest."""
    buffers = sorted({cell.buffer for cell in result.cells})
    return sorted({buffers[0], buffers[len(buffers) // 2], buffers[-1]})


def _draw_rtf(axis: Axes, result: Result, colours: dict[str, str]) -> None:
    for engine in result.engines:
        cells = [cell for cell in result.cells if (cell.effect, cell.engine) == (engine.effect, engine.engine)]
        cells.sort(key=lambda cell: cell.buffer)
        sizes, medians = [cell.buffer for cell in cells], np.array([cell.rtf.median for cell in cells])
        low, high = (np.nan_to_num([getattr(cell.rtf, key) for cell in cells], nan=0.0) for key in ("low", "high"))
        errors = [np.where(low > 0, medians - low, 0), np.where(high > 0, high - medians, 0)]
        axis.errorbar(
            sizes,
            medians,
            yerr=np.maximum(errors, 0),
            color=colours[engine.effect],
            linestyle=_DASHES.get(engine.engine, "-"),
            marker=_MARKS.get(engine.engine, "x"),
            markersize=4,
            capsize=2,
            linewidth=1.3,
            label=f"{engine.effect} / {engine.engine}",
        )
    axis.axhline(1, color="crimson", linewidth=1)
    axis.annotate("real time", (1, 1), xycoords=("axes fraction", "data"), ha="left", va="center", color="crimson", fontsize=8)
    sizes = sorted({cell.buffer for cell in result.cells})
    axis.set(xscale="log", yscale="log", ylabel="real-time factor (median, 95 % CI)", xlabel="buffer (frames)")
    axis.set_xticks(sizes, [str(size) for size in sizes])
    axis.minorticks_off()
    axis.grid(alpha=0.25)
    axis.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)


def _draw_times(axis: Axes, cells: Sequence[CellReport], colours: dict[str, str], edges: np.ndarray) -> None:
    """A row per engine, its height the square root of the share of blocks, so that the rare slow ones are seen."""
    for row, cell in enumerate(reversed(cells)):
        counts = histogram(cell.times_s * 1e6, edges)
        heights = row + 0.85 * np.sqrt(counts / counts.max())
        style = {"color": colours[cell.effect], "linewidth": 1}
        axis.stairs(heights, edges, baseline=row, fill=True, alpha=0.35, **style)
        axis.stairs(np.where(counts > 0, heights, np.nan), edges, baseline=None, **style)
        for time_s, dash in ((cell.stats.p50_s, "-"), (cell.stats.p99_s, ":")):
            axis.plot([time_s * 1e6] * 2, [row, row + 0.9], color="black", linewidth=1.2, linestyle=dash)
    deadline = cells[0].stats.deadline_s * 1e6
    axis.axvline(deadline, color="crimson", linewidth=1.2)
    axis.set(xscale="log", xlim=(edges[0], edges[-1]), ylim=(0, len(cells)))
    names = [f"{cell.effect} / {cell.engine}" for cell in reversed(cells)]
    name_ticks(axis.yaxis, np.arange(len(cells)) + 0.3, names, fontsize=8)
    axis.tick_params(axis="y", length=0)
    frames = f"{cells[0].buffer} frame" + ("s" if cells[0].buffer > 1 else "")
    axis.set_title(f"{frames}: p50 solid, p99 dotted, deadline red ({deadline:.0f} µs)", fontsize=9, loc="left")
    axis.grid(alpha=0.25, axis="x")
