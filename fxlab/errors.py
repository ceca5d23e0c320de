"""The errors a user can cause or meet, one exit code per kind.

Every error carries what is wrong (`message`) and a way out (`hint`). The command line shows them as one panel
without a traceback; a Python caller catches `FxlabError`.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable

_LONGEST = 1600


class FxlabError(Exception):
    """Base of all errors fxlab raises on purpose.

    Args:
        message: What is wrong, naming the file or value.
        hint: What to do about it; may be empty.

    Of texts longer than any of fxlab's own, which somebody's file or argument made so, the middle is left out.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        self.message, self.hint = _shortened(message), _shortened(hint)
        super().__init__(self.message)

    def __reduce__(self) -> tuple[type[FxlabError], tuple[str, str]]:
        # Errors cross process borders (parallel render and dataset), where the default would drop the hint.
        return type(self), (self.message, self.hint)


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]} ... {text[-_LONGEST // 4 :]}"


class UsageError(FxlabError):
    """A flag, profile or parameter that can't be accepted (exit code 2)."""

    exit_code = 2


class InputError(FxlabError):
    """An input file, dataset or model file that can't be used (exit code 3)."""

    exit_code = 3


class MissingError(FxlabError):
    """A device or an optional dependency that isn't there (exit code 4)."""

    exit_code = 4


class CheckError(FxlabError):
    """A check the user asked for, or one fxlab makes of its own work, failed (exit code 5)."""

    exit_code = 5


class OutputError(FxlabError):
    """The output can't be written (exit code 6)."""

    exit_code = 6


def exit_code_of(errors: Collection[FxlabError]) -> int:
    """Of work on many files: 0 where none failed, 6 where outputs couldn't be written and that was all, else 3."""
    if not errors:
        return 0
    return OutputError.exit_code if all(isinstance(error, OutputError) for error in errors) else InputError.exit_code


def nearest(name: str, candidates: Iterable[str]) -> str:
    """A hint naming the candidate closest to `name`, or all of them when none is close."""
    candidates = sorted(candidates)
    close = difflib.get_close_matches(name, candidates, n=1)
    return f"Did you mean '{close[0]}'?" if close else f"Choose one of: {', '.join(candidates)}."
