"""The grow suite as a picture: loss on what was kept back over each trainer's own time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fxlab.services.bench.grow import BASELINE, FXLAB, Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure(result: Result) -> Figure:
    """A line per trainer, and the baseline's best level."""
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(10, 6), layout="constrained")
    axis = drawn.subplots()
    for one in result.trainers:
        width, color = {FXLAB: (2.5, "#2a7f62"), BASELINE: (2.5, "black")}.get(one.name, (1.0, None))
        seconds, losses = [point[0] for point in one.curve], [point[2] for point in one.curve]
        axis.plot(seconds, losses, label=one.name, linewidth=width, color=color, marker=".", markersize=4)
    target = result.trainers[0].best
    axis.axhline(target, color="0.5", linewidth=0.8, linestyle="--")
    best = min(one.best for one in result.trainers)
    axis.set(xlabel="its own training time (s)", ylabel="spectral loss on what was kept back", xscale="log")
    axis.set_ylim(best - 0.3, 2 * target)
    axis.grid(alpha=0.25, which="both")
    axis.legend()
    drawn.suptitle("fxlab bench --suite grow: less is better, sooner is better")
    return drawn
