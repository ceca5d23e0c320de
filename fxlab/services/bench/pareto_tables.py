"""What the suite "pareto" found as tables and sentences, for the terminal and for pages."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from fxlab.pages.parts import Table
from fxlab.services.bench.report import CellReport
from fxlab.services.bench.standing import ParetoResult
from fxlab.services.bench.tables import interval, thousands
from fxlab.services.pages import table
from fxlab.wording import duration, figure, percent, size

FRONT = "●"
LEGEND = (
    f"{FRONT} speed: no other network of that effect is as near to it and as fast, and better in one of both; {FRONT} size: "
    "as near and as small. MUSHRA: predicted. Weights in fp16 and int8 are unfolded to float32 when loaded: times are those of "
    "the fp32 network."
)


def targets(result: ParetoResult) -> list[str | None]:
    """The effects that networks copy, in order; None stands for unknown ones."""
    return list(dict.fromkeys(standing.target for standing in result.standings))


def members(result: ParetoResult, target: str | None, buffer: int) -> list[CellReport]:
    """The networks of one effect, the fastest first, behind the effect itself."""
    cells = [cell for cell in result.cells if cell.buffer == buffer and result.standing(cell).target == target]
    return sorted(cells, key=lambda cell: (not result.standing(cell).reference, cell.rtf.median, result.esr(cell) or 0.0))


def group(result: ParetoResult, target: str | None, buffer: int) -> Table:
    """A row for each of `members`."""
    columns = ("network", "ESR", "MUSHRA", "RTF", "file", "params", "front")
    rows = []
    for cell in members(result, target, buffer):
        standing, engine, quality = result.standing(cell), result.engine(cell), result.quality_of(cell.effect)
        found = quality.likeness if quality else None
        row = [
            named(result, cell),
            "reference" if standing.reference else found and percent(found.esr),
            found and found.mushra,
            f"{cell.rtf.median:.3g}",
            engine.file_bytes and size(engine.file_bytes),
            engine.parameter_count,
            "  ".join(f"{FRONT} {name}" for name in standing.fronts) or None,
        ]
        rows.append(row)
    settings = ", ".join(
        f"{name}={figure(value) if isinstance(value, float) else value}"
        for name, value in result.settings.get(target, {}).items()
    )
    what = f"{target}{settings and f' ({settings})'} and its networks" if target else "Networks of unknown effects"
    return table(f"{what} at {buffer} frames", columns, rows)


def speed(result: ParetoResult, buffer: int) -> Table:
    """What was timed: the networks as they are, and the effects."""
    cells = [c for c in result.cells if c.buffer == buffer and result.standing(c).timed_as is None]
    columns = ("timed", "RTF", "95 % interval", "samples/s", "p99", "of deadline", "jitter")
    rows = [
        (
            named(result, cell),
            f"{cell.rtf.median:.3g}",
            interval(cell.rtf.low, cell.rtf.high, 2),
            thousands(cell.stats.samples_per_s),
            duration(cell.stats.p99_s),
            percent(cell.stats.p99_s / cell.stats.deadline_s, 2),
            duration(cell.stats.std_s),
        )
        for cell in cells
    ]
    deadline = duration(cells[0].stats.deadline_s)
    return table(f"Speed at {buffer} frames, deadline {deadline}; jitter: standard deviation", columns, rows)


def timed(result: ParetoResult) -> ParetoResult:
    """The part of a result that was timed, without the networks that take over others' times."""
    kept = [i for i, standing in enumerate(result.standings) if standing.timed_as is None]
    cells, standings = ([items[i] for i in kept] for items in (result.cells, result.standings))
    return dataclasses.replace(result, cells=cells, standings=standings)


def verdicts(result: ParetoResult) -> Iterator[str]:
    """What the fronts say of each effect at the smallest buffer measured, and what rounding weights does to all networks."""
    buffer = result.setup["buffers"][0]
    cells = [cell for cell in result.cells if cell.buffer == buffer and result.standing(cell).behind_in_speed is not None]
    for target in dict.fromkeys(result.standing(cell).target for cell in cells):
        own = [cell for cell in cells if result.standing(cell).target == target]
        front = sorted((c for c in own if "speed" in result.standing(c).fronts), key=lambda c: c.rtf.median)
        listed = "; ".join(
            f"{named(result, c)}: ESR {percent(result.esr(c))} at {percent(c.rtf.median, 2)} of real time" for c in front
        )
        worse = [named(result, c) for c in own if not result.standing(c).fronts]
        beaten = f" On neither front: {', '.join(worse)}." if worse else ""
        yield f"{target} at {buffer} frames, its front from the fastest network to the nearest one: {listed}.{beaten}"
    for precision in ("fp16", "int8"):
        rounded = [cell for cell in cells if result.standing(cell).precision == precision and result.standing(cell).timed_as]
        if rounded:
            yield _rounding(result, precision, cells, rounded)


def named(result: ParetoResult, cell: CellReport) -> str:
    """Its effect, with the engine where that isn't the same for all networks."""
    engines = {engine.engine for engine in result.engines if engine.neural}
    return cell.effect if len(engines) < 2 or result.standing(cell).reference else f"{cell.effect}/{cell.engine}"


def _rounding(result: ParetoResult, precision: str, cells: list[CellReport], rounded: list[CellReport]) -> str:
    smaller, farther = [], []
    for cell in rounded:
        parent = next(c for c in cells if (c.effect, c.engine) == (result.standing(cell).timed_as, cell.engine))
        smaller.append(1 - result.engine(cell).file_bytes / result.engine(parent).file_bytes)
        farther.append(result.esr(cell) / result.esr(parent) if result.esr(parent) else 1.0)
    sizes = _span([figure(100 * share, 2) for share in sorted(smaller)])
    errors = _span([f"{ratio:.3f}" for ratio in sorted(farther)])
    return f"Weights stored in {precision}: files {sizes} % smaller, ESR {errors} times what it was."


def _span(figures: list[str]) -> str:
    return figures[0] if figures[0] == figures[-1] else f"{figures[0]} to {figures[-1]}"
