"""The suite "training" as a picture: validation ESR over each trainer's own time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fxlab.wording import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fxlab.services.bench.training import TrainingResult


def figure(result: TrainingResult) -> Figure:
    """One curve per trainer; where there are two, the time at which fxlab is as good as the other ever gets is marked."""
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(9, 5.5), layout="constrained")
    axis = drawn.subplots()
    for number, one in enumerate(result.trainers):
        seconds, esr = [point[0] for point in one.curve], [100 * point[2] for point in one.curve]
        label = f"{one.name} {one.version}: {1 / one.step_s.median:.2f} steps/s, best {100 * one.best_esr:.3g} %"
        axis.plot(seconds, esr, marker=".", color=f"C{number}", label=label)
    found = result.comparison
    if found and found["lasting_seconds"]:
        at = (found["lasting_seconds"], 100 * found["target_esr"])
        axis.axhline(at[1], color="grey", linewidth=0.8, linestyle=":")
        axis.annotate(f"no worse any more after {at[0]:.0f} s", at, xytext=(4, 8), textcoords="offset points", fontsize=9)
    setup = result.setup
    axis.set(yscale="log", xlabel="seconds of its own training", ylabel="validation ESR (%)")
    axis.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.grid(alpha=0.2, which="both")
    axis.legend()
    what = f"{setup['network']} TCN on {setup['data']}, {setup['batch']} x {setup['segment']} samples a step"
    drawn.suptitle(
        f"fxlab bench --suite training: {what}\n{counted(setup['threads'], 'thread')}, {result.machine.cpu}", fontsize=10
    )
    return drawn
