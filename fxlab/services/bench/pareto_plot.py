"""The suite "pareto" as a picture: error over time with the front of every effect, and block times against the deadline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fxlab.metrics.quality import VERDICTS
from fxlab.services.bench.report import CellReport
from fxlab.services.bench.standing import ParetoResult
from fxlab.services.drawing import name_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

_COLOURS = ("#0b6e99", "#c4451c", "#6a4c93", "#3c7a3c", "#b8860b", "#444444")
_OPACITY = {"fp32": 0.35, "fp16": 0.2, "int8": 0.0}
_AREA = 1 / 250  # of a mark, square points per byte
# Where a label may stand beside its mark, the best place first: across, down (in sizes of the mark), how it is aligned.
_PLACES = (
    *((1, 0, "left", "center"), (0, 1, "center", "bottom"), (0, -1, "center", "top"), (-1, 0, "right", "center")),
    *((0.8, 0.8, "left", "bottom"), (0.8, -0.8, "left", "top"), (-0.8, 0.8, "right", "bottom"), (-0.8, -0.8, "right", "top")),
)

Colours = Mapping[str | None, str]


def figure(result: ParetoResult) -> Figure:
    """A row of two drawings for every buffer size (at most three): colours are effects, a mark's area is the file's size."""
    from matplotlib.figure import Figure

    buffers = result.setup["buffers"]
    shown = sorted({buffers[0], buffers[len(buffers) // 2], buffers[-1]})
    targets = list(dict.fromkeys(standing.target for standing in result.standings))
    colours = {target: _COLOURS[i % len(_COLOURS)] for i, target in enumerate(targets)}
    drawn = Figure(figsize=(14, 0.4 + 6 * len(shown)), layout="constrained")
    grid, named = drawn.add_gridspec(len(shown), 2, width_ratios=[1.6, 1]), []
    for row, buffer in enumerate(shown):
        cells = [cell for cell in result.cells if cell.buffer == buffer]
        networks = [cell for cell in cells if result.esr(cell) is not None]
        references = [cell for cell in cells if result.standing(cell).reference]
        parts = grid[row, 0].subgridspec(2, 1, height_ratios=[16, 1 + len(references)], hspace=0)
        errors = drawn.add_subplot(parts[0])
        effects = drawn.add_subplot(parts[1], sharex=errors)
        _draw_errors(errors, result, networks, colours)
        _draw_effects(effects, result, references, colours)
        times = [cell.rtf.median for cell in [*networks, *references]] or [1.0]
        errors.set_xlim(min(times) / 1.6, max(times) * 2.5)
        timed = [cell for cell in cells if result.standing(cell).timed_as is None]
        _draw_times(drawn.add_subplot(grid[row, 1]), result, timed, colours)
        named.append((errors, networks))
        errors.set_title(f"{buffer} frames", fontsize=10, loc="right")
    setup = result.setup
    runs = f"{setup['runs']} run" + ("s" if setup["runs"] > 1 else "")
    drawn.suptitle(f"fxlab bench --suite pareto: {runs}, {setup['audio']}, {result.machine.cpu}", fontsize=11)
    drawn.draw_without_rendering()  # settles the layout, on which the places of labels depend
    for errors, networks in named:
        _write_names(errors, result, networks, colours)
    return drawn


def _draw_errors(axis: Axes, result: ParetoResult, networks: Sequence[CellReport], colours: Colours) -> None:
    for cell in networks:
        standing = result.standing(cell)
        colour, point = colours[standing.target], (cell.rtf.median, result.drawn_esr(cell))
        if standing.timed_as is None and np.isfinite(cell.rtf.low):
            spread = [[cell.rtf.median - cell.rtf.low], [cell.rtf.high - cell.rtf.median]]
            axis.errorbar(*point, xerr=np.maximum(spread, 0), color=colour, linewidth=1.2, capsize=3, zorder=3)
        area = _AREA * result.engine(cell).file_bytes
        axis.scatter(*point, s=area, facecolor=(colour, _OPACITY[standing.precision]), edgecolor=colour, linewidth=1, zorder=2)
    for target, colour in colours.items():
        axis.plot(*_front(result, networks, target).T, color=colour, linewidth=1, linestyle="--", zorder=1)
    axis.set(xscale="log", yscale="log", ylabel="error-to-signal ratio against the effect (%)")
    axis.tick_params(axis="x", which="both", bottom=False, labelbottom=False)
    _number(axis.yaxis, 100)
    axis.grid(alpha=0.2)
    errors = [result.drawn_esr(cell) for cell in networks] or [0.01]
    axis.set_ylim(min(errors) / 3, max(errors) * 3)
    title = "lower is nearer, further left is faster; dashed: fronts; areas: files in fp32 · fp16 · int8"
    axis.set_title(title, fontsize=10, loc="left")
    _draw_verdicts(axis)


def _draw_effects(axis: Axes, result: ParetoResult, references: Sequence[CellReport], colours: Colours) -> None:
    """The effects themselves, which have no error, in a strip below."""
    for row, cell in enumerate(references):
        colour = colours[result.standing(cell).target]
        axis.plot(cell.rtf.median, row, marker="^", color=colour)
        place = {"xytext": (9, 0), "textcoords": "offset points"}
        axis.annotate(f"{cell.effect} ({cell.engine})", (cell.rtf.median, row), **place, color=colour, fontsize=8, va="center")
    axis.set(facecolor="whitesmoke", ylabel="DSP", ylim=(-0.8, len(references) - 0.2), yticks=[])
    axis.set(xlabel="real-time factor (median of the runs, 95 % interval)")
    _number(axis.xaxis)
    axis.grid(alpha=0.2, axis="x")


def _number(axis: Axis, scale: float = 1.0) -> None:
    """Plain numbers at 1, 2 and 5 times every power of ten along a logarithmic axis, or at the powers where there are many, times
    `scale`."""
    from matplotlib.ticker import LogLocator, NullFormatter

    low, high = axis.get_view_interval()
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 300 * low else (1,)))
    axis.set_major_formatter(lambda value, _: f"{scale * value:g}")
    axis.set_minor_formatter(NullFormatter())


def _draw_verdicts(axis: Axes) -> None:
    """What the errors are called."""
    low, high = axis.get_ylim()
    for limit, word in VERDICTS:
        if low < limit < high:
            axis.axhline(limit, color="grey", linewidth=0.8, linestyle=":")
            place = {"xy": (1, limit), "xycoords": ("axes fraction", "data"), "xytext": (-4, -2), "textcoords": "offset points"}
            axis.annotate(f"{word} below {100 * limit:g} %", **place, ha="right", va="top", fontsize=7, color="grey")


def _write_names(axis: Axes, result: ParetoResult, networks: Sequence[CellReport], colours: Colours) -> None:
    """Networks' names and the sizes of their files, each where it covers the least of marks and other names."""
    from matplotlib.transforms import Bbox

    taken = []
    for cell in networks:
        (x, y), half = axis.transData.transform((cell.rtf.median, result.drawn_esr(cell))), _radius(axis, result, cell)
        taken.append(Bbox.from_extents(x - half, y - half, x + half, y + half))
        if np.isfinite(cell.rtf.low):
            ends = [(time, result.drawn_esr(cell)) for time in (cell.rtf.low, cell.rtf.high)]
            taken.append(Bbox(axis.transData.transform(ends) + [(0, -3), (0, 3)]))
    for target in colours:
        corners = axis.transData.transform(_front(result, networks, target))
        for one, other in zip(corners, corners[1:], strict=False):
            taken += [Bbox.from_bounds(*point, 4, 4) for point in np.linspace(one, other, 100)]
    for cell in networks:
        standing = result.standing(cell)
        if standing.timed_as is not None:
            continue
        own = [c for c in networks if c is cell or (result.standing(c).timed_as, c.engine) == (cell.effect, cell.engine)]
        sizes = " · ".join(f"{result.engine(c).file_bytes / 1024:.1f}" for c in own)
        written = axis.annotate(
            f"{cell.effect} ({cell.engine})\n{sizes} KiB",
            (cell.rtf.median, result.drawn_esr(cell)),
            (0, 0),
            textcoords="offset points",
            color=colours[standing.target],
            fontsize=8,
            bbox={"facecolor": "white", "alpha": 0.7, "edgecolor": "none", "pad": 0.5},
        )
        away = _radius(axis, result, cell) * 72 / axis.figure.dpi + 4

        def put(place, written=written, away=away) -> Bbox:
            written.set(position=(place[0] * away, place[1] * away), ha=place[2], va=place[3])
            return written.get_window_extent()

        boxes = [put(place) for place in _PLACES]
        costs = [sum(_overlap(box, other) for other in taken) + _outside(box, axis.bbox) for box in boxes]
        taken.append(put(_PLACES[int(np.argmin(costs))]))


def _front(result: ParetoResult, networks: Sequence[CellReport], target: str | None) -> np.ndarray:
    """Corners (real-time factor, error) of an effect's front, the fastest first, shape (corners, 2)."""
    own = [cell for cell in networks if result.standing(cell).target == target and "speed" in result.standing(cell).fronts]
    return np.array(sorted((cell.rtf.median, result.drawn_esr(cell)) for cell in own)).reshape(-1, 2)


def _radius(axis: Axes, result: ParetoResult, cell: CellReport) -> float:
    """Of a mark, in pixels."""
    return float(np.sqrt(_AREA * result.engine(cell).file_bytes / np.pi)) * axis.figure.dpi / 72


def _overlap(one, other) -> float:
    """The area in which two boxes overlap."""
    width = min(one.x1, other.x1) - max(one.x0, other.x0)
    height = min(one.y1, other.y1) - max(one.y0, other.y0)
    return max(0.0, width) * max(0.0, height)


def _outside(box, frame) -> float:
    """The area of a box beyond a frame, which weighs more than any overlap."""
    return 10 * (box.width * box.height - _overlap(box, frame))


def _draw_times(axis: Axes, result: ParetoResult, cells: Sequence[CellReport], colours: Colours) -> None:
    """Median, 99th percentile and the slowest block of everything timed, up to the deadline and beyond."""
    deadline = cells[0].stats.deadline_s * 1e6
    for row, cell in enumerate(reversed(cells)):
        stats, colour = cell.stats, colours[result.standing(cell).target]
        p50, p99, slowest = (1e6 * value for value in (stats.p50_s, stats.p99_s, stats.max_s))
        axis.plot([p50, slowest], [row, row], color=colour, linewidth=1, alpha=0.4)
        axis.plot([p50, p99], [row, row], color=colour, linewidth=4, alpha=0.6, solid_capstyle="butt")
        axis.plot(p50, row, "o", color=colour, markersize=5)
        axis.plot(p99, row, "|", color=colour, markersize=12, markeredgewidth=2)
        axis.plot(slowest, row, "x", color=colour, markersize=5, alpha=0.6)
        share = 100 * stats.p99_s / stats.deadline_s
        words = f"{share:.0f} %" if share >= 10 else f"{share:.2g} %"
        axis.annotate(words, (p99, row), (0, 7), textcoords="offset points", ha="center", fontsize=7, color=colour)
    axis.axvline(deadline, color="crimson", linewidth=1.2)
    names = [f"{cell.effect} ({cell.engine})" for cell in reversed(cells)]
    name_ticks(axis.yaxis, range(len(cells)), names, fontsize=8)
    axis.set(xscale="log", ylim=(-0.6, len(cells) - 0.3), xlabel="block time (µs)")
    _number(axis.xaxis)
    axis.tick_params(axis="y", length=0)
    title = f"● p50   | p99, in % of the deadline (red, {deadline:.0f} µs)   × slowest"
    axis.set_title(title, fontsize=10, loc="left")
    axis.grid(alpha=0.2, axis="x")
