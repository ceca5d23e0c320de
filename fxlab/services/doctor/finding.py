"""What a probe finds."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

State = Literal["ok", "optional", "broken"]


@dataclass(frozen=True)
class Finding:
    """One thing that fxlab needs or can use.

    Args:
        topic: What it belongs to, "engines".
        name: What was looked at, "ONNX Runtime".
        state: "ok"; "optional" is missing or not as it could be, and fxlab works without; "broken" is needed.
        found: What is there, or what is wrong, in words.
        advice: How to get or mend it, a command where there is one; empty where nothing is to be done.
    """

    topic: str
    name: str
    state: State
    found: str
    advice: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Probe:
    """A look at something.

    Args:
        topic, name: Of its findings, where it can't tell more.
        function: "module:function" of what returns findings and takes `arguments`.
        needed: Whether fxlab can't do without it.
        limit_s: How long it may take.
        advice: What helps where it dies or takes longer.
    """

    topic: str
    name: str
    function: str
    arguments: tuple[str, ...] = ()
    needed: bool = True
    limit_s: float = 60.0
    advice: str = ""

    def failed(self, why: str) -> Finding:
        """What is told of a probe that gave no answer."""
        return Finding(self.topic, self.name, "broken" if self.needed else "optional", why, self.advice)


def reason(error: BaseException) -> str:
    """An exception in one line: what it says, or else what it is called."""
    said = str(error).strip().splitlines()
    return f"{type(error).__name__}: {said[0]}" if said else type(error).__name__
