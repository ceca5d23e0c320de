"""How `fxlab bench --suite training` looks: a row per trainer, and what it means."""

from __future__ import annotations

from fxlab.console import output
from fxlab.console.bench import interval
from fxlab.console.tables import duration, figure, percent, table
from fxlab.services.bench_training import TrainingResult


def show(result: TrainingResult) -> None:
    """Everything that was measured."""
    out, setup = output.out(), result.setup
    columns = ("trainer", "steps", "trained for", "step", "95 % interval (ms)", "steps/s", "best validation ESR", "after")
    rows = [
        (
            f"{one.name} {one.version}",
            one.steps,
            duration(one.seconds),
            duration(one.step_s.median),
            interval(one.step_s.low * 1e3, one.step_s.high * 1e3, 3),
            figure(1 / one.step_s.median),
            percent(one.best_esr),
            duration(one.reached(one.best_esr) or 0.0),
        )
        for one in result.trainers
    ]
    title = f"{setup['network']} TCN, {setup['batch']} x {setup['segment']} samples a step, {setup['threads']} threads"
    out.print(table(title, columns, rows, columns[1:]))
    for sentence in sentences(result):
        out.print(sentence, markup=False, soft_wrap=True)
    output.note(f"{setup['data']}, {result.machine.cpu}, load {result.machine.load:.1f} when it began.")


def sentences(result: TrainingResult) -> list[str]:
    """fxlab against the other trainer."""
    found = result.comparison
    if found is None:
        return [result.missing] if result.missing else []
    other = result.trainers[1].name
    said = [f"fxlab takes {figure(found['steps_per_second_ratio'])} times as many steps per second as {other}."]
    if found["time_ratio"]:
        lasting = "and is judged worse again later"
        if found["lasting_time_ratio"]:
            times = f"{duration(found['lasting_seconds'])}, {figure(found['lasting_time_ratio'])} of the time"
            lasting = f"and no worse one any more after {times}"
        said.append(
            f"Where {other} is at its best (ESR {percent(found['target_esr'])} after {duration(found['their_seconds'])}), it has "
            f"a network as good after {duration(found['seconds'])}, {figure(found['time_ratio'])} of the time, {lasting}."
        )
    else:
        said.append(f"It doesn't become as good as {other} (ESR {percent(found['target_esr'])}) in this time.")
    return said
