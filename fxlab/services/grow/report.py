"""What is told of a growth: what was learnt, played and written."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fxlab.errors import FxlabError
from fxlab.models.model import Model, title
from fxlab.services.grow.file import Rendered
from fxlab.services.grow.measures import Measures


@dataclass
class Result:
    """How `fxlab grow` ended.

    Attributes:
        instrument: Which instrument, in words.
        model: The instrument; None where learning was interrupted before there was one.
        training: What the training told of itself, None where nothing was learnt.
        ended: "finished" or "interrupted".
        performance: What was played, in words.
        into: The instrument that it grew into, "" for none.
        automaton: "grown", "classic", or "" where nothing grew.
        steps: Of the automaton from age 0 to age 1.
        takes: Renderings, in order.
        report: Measures of the automaton, None where they weren't asked for.
        files: What was written besides, by what it is.
        remarks: Worth knowing.
        warnings: What is wrong.
        html: Where the page was written.
        html_error: What kept it from being written.
    """

    instrument: str
    model: Model | None = None
    training: Any = None
    ended: str = "finished"
    performance: str = ""
    into: str = ""
    automaton: str = ""
    steps: int = 0
    takes: list[Rendered] = field(default_factory=list)
    report: Measures | None = None
    files: dict[str, Path] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    html: Path | None = None
    html_error: FxlabError | None = None

    @property
    def exit_code(self) -> int:
        return 130 if self.ended == "interrupted" else 0

    @property
    def about(self) -> dict[str, Any]:
        """The instrument, from its card."""
        card = {} if self.model is None else self.model.card
        found = {"name": self.instrument, "model": title(card) if card else None}
        found |= {name: card.get(name) or None for name in ("licence", "attribution")}
        return found | {"parameters_count": None if self.model is None else self.model.config.parameters_count}

    def to_json(self) -> dict[str, Any]:
        return {
            "ended": self.ended,
            "instrument": self.about,
            "training": self.training.to_json() if self.training else None,
            "performance": self.performance,
            "into": self.into or None,
            "automaton": self.automaton or None,
            "steps": self.steps or None,
            "takes": [take.to_json() for take in self.takes],
            "report": self.report.to_json() if self.report else None,
            "files": {what: str(path) for what, path in self.files.items()},
            "remarks": self.remarks,
            "warnings": self.warnings,
            "html": self.html and str(self.html),
        }
