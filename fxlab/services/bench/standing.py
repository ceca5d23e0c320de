"""Where networks stand among those of the same effect: who is nearer and faster, who is nearer and smaller."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from fxlab.metrics.pareto import dominators
from fxlab.services.bench.report import CellReport, Result

_SMALLEST_ESR = 1e-12


@dataclass(frozen=True)
class Standing:
    """Where a cell stands.

    Args:
        target: The effect that it copies, or that it is; None where that isn't known.
        reference: It is the effect itself.
        precision: Of a network's weights in its file, one of `fxlab.models.precision.PRECISIONS`; None for DSP.
        timed_as: The network whose times these are; None where the cell was timed itself.
        behind_in_speed, behind_in_size: "effect/engine" of the networks of the same target and buffer that are at least as
            near to it and as fast (small), and nearer or faster (smaller); empty on the front, None for what isn't compared.
    """

    target: str | None
    reference: bool = False
    precision: str | None = None
    timed_as: str | None = None
    behind_in_speed: tuple[str, ...] | None = None
    behind_in_size: tuple[str, ...] | None = None

    @property
    def fronts(self) -> tuple[str, ...]:
        """Those of "speed" and "size" on whose front it is."""
        behind = {"speed": self.behind_in_speed, "size": self.behind_in_size}
        return tuple(name for name, ahead in behind.items() if ahead == ())


@dataclass(frozen=True)
class ParetoResult(Result):
    """What the suite "pareto" found.

    Args:
        standings: One per cell.
        settings: Those of every target that aren't its defaults.
    """

    standings: list[Standing] = field(default_factory=list)
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)

    def standing(self, cell: CellReport) -> Standing:
        return next(s for c, s in zip(self.cells, self.standings, strict=True) if c is cell)

    def esr(self, cell: CellReport) -> float | None:
        """Its error against its target; None for DSP and where there is no target."""
        quality = self.quality_of(cell.effect)
        return quality.likeness.esr if quality and quality.likeness else None

    def drawn_esr(self, cell: CellReport) -> float:
        """The same where it is known, for a logarithmic axis, which an exact copy has no place on."""
        return max(self.esr(cell), _SMALLEST_ESR)

    def to_json(self) -> dict:
        return super().to_json() | {"targets": self.settings, "points": self._points()}

    def rows(self) -> list[dict[str, Any]]:
        return [
            point | {key: None if point[key] is None else " ".join(point[key]) for key in ("behind_in_speed", "behind_in_size")}
            for point in self._points()
        ]

    def _points(self) -> list[dict[str, Any]]:
        return [row | asdict(standing) for row, standing in zip(super().rows(), self.standings, strict=True)]


def compared(result: Result, standings: Sequence[Standing]) -> list[Standing]:
    """The standings of a result's cells, with who is ahead of whom filled in."""
    groups: dict[tuple[str, int], list[int]] = {}
    for number, (cell, standing) in enumerate(zip(result.cells, standings, strict=True)):
        quality = result.quality_of(cell.effect)
        if standing.target and not standing.reference and quality and quality.likeness:
            groups.setdefault((standing.target, cell.buffer), []).append(number)
    found = list(standings)
    for numbers in groups.values():
        cells = [result.cells[number] for number in numbers]
        errors = [result.quality_of(cell.effect).likeness.esr for cell in cells]
        ahead = [
            [
                tuple(f"{cells[i].effect}/{cells[i].engine}" for i in those)
                for those in dominators(list(zip(errors, costs, strict=True)))
            ]
            for costs in ([cell.rtf.median for cell in cells], [result.engine(cell).file_bytes for cell in cells])
        ]
        for number, in_speed, in_size in zip(numbers, *ahead, strict=True):
            found[number] = replace(found[number], behind_in_speed=in_speed, behind_in_size=in_size)
    return found
