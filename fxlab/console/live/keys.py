"""Keys of `fxlab live`: what a terminal sends becomes actions by name."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from fxlab.console.live.terminal import Keyboard, open_keyboard

SHORT_HELP = (
    ("space", "bypass"),
    ("a", "A/B"),
    ("↑↓", "choose"),
    ("←→", "change"),
    ("q", "quit"),
    ("r", "reset"),
    ("?", "help"),
    ("0", "default"),
    ("[ ]", "change fast"),
)
"""What the panel's border says, the most useful first."""

HELP = (
    ("space", "bypass: the dry signal and back"),
    ("a", "A/B: the twin (a network beside its effect) and back"),
    ("↑ ↓  k j  Tab", "choose a parameter"),
    ("← →  h l  - +", "less or more of it"),
    ("[ ]  Shift ← →", "less or more in large steps"),
    ("0  Home", "its default"),
    ("1 … 9", "presets"),
    ("r", "reset the statistics"),
    ("q  Esc", "quit"),
    ("?", "show or hide this"),
)
"""All keys and what they do."""

ESCAPE_WAIT_S = 0.2
"""An Esc after which so long nothing follows was the key itself, and no beginning of another key's sequence."""

_PLAIN = {
    " ": "bypass", "a": "twin", "r": "reset", "q": "quit", "j": "next", "\t": "next", "k": "previous", "h": "less", "-": "less",
    "l": "more", "+": "more", "=": "more", "[": "less_fast", "]": "more_fast", "0": "default", "\x7f": "default",
    "\b": "default", "?": "help", **{digit: f"profile {digit}" for digit in "123456789"},
}  # fmt: skip
_FINAL = {"A": "previous", "B": "next", "C": "more", "D": "less", "H": "default", "Z": "previous"}
_FAST = {"more": "more_fast", "less": "less_fast"}
_RXVT = {"a": "previous", "b": "next", "c": "more_fast", "d": "less_fast"}  # how rxvt sends arrows with Shift and Ctrl
_TILDE = {"1": "default", "7": "default"}  # Home of the Linux console, of tmux and of rxvt
_LONGEST = 16


class Decoder:
    """Turns bytes of a terminal, however they are split, into actions; what it doesn't know is ignored."""

    def __init__(self) -> None:
        self._open = ""

    @property
    def waiting(self) -> bool:
        """Whether a sequence has begun that the next byte decides."""
        return bool(self._open)

    def feed(self, data: bytes) -> list[str]:
        """The actions that these bytes complete."""
        found = (self._next(chr(byte)) for byte in data)
        return [action for action in found if action is not None]

    def flush(self) -> list[str]:
        """The action of what has begun if nothing follows it: a lone Esc quits."""
        found = ["quit"] if self._open == "\x1b" else []
        self._open = ""
        return found

    def _next(self, sign: str) -> str | None:
        before, self._open = self._open, ""
        if sign == "\x1b":
            self._open = sign
            return "quit" if before == "\x1b" else None
        if not before:
            return _PLAIN.get(sign)
        if before == "\x1b":
            if sign in "[O":
                self._open = before + sign
            return None  # else Alt with a key
        if "\x20" <= sign <= "\x3f":  # parameters and intermediate bytes of a control sequence (ECMA-48, section 5.4)
            self._open = (before + sign)[:_LONGEST]
            return None
        return _sequence(before[2:], sign)


def _sequence(parameters: str, final: str) -> str | None:
    if final == "~":
        return _TILDE.get(parameters)
    action = _FINAL.get(final) or _RXVT.get(final)
    modified = parameters not in ("", "1", "1;1")
    return _FAST.get(action or "", action) if modified else action


class Keys:
    """The keyboard for the length of a `with`: keys arrive one by one and unseen, Ctrl-C still interrupts.

    Where stdin is no terminal there are simply no keys. The terminal is as before afterwards: at the end, on an exception, when
    Python exits, while the process is stopped by Ctrl-Z.

    Args:
        suspend, resume: Called when Ctrl-Z stops the process and when it goes on, for others who draw on the terminal.
        keyboard: What delivers bytes; None for that of this process.
    """

    def __init__(
        self,
        suspend: Callable[[], None] | None = None,
        resume: Callable[[], None] | None = None,
        keyboard: Keyboard | None = None,
    ) -> None:
        self._keyboard = keyboard or open_keyboard(suspend, resume)
        self._decoder = Decoder()
        self._found: deque[str] = deque()

    def __enter__(self) -> Keys:
        self._keyboard.open()
        return self

    def __exit__(self, *exc: object) -> None:
        self._keyboard.close()

    def poll(self, timeout_s: float) -> str | None:
        """The next key's action, or None if there is none within `timeout_s`.

        Returns:
            "bypass", "twin", "reset", "quit", "next", "previous", "less", "more", "less_fast", "more_fast", "default", "help" or
            "profile 1" to "profile 9".
        """
        end = time.monotonic() + timeout_s
        while not self._found:
            left_s = max(0.0, end - time.monotonic())
            data = self._keyboard.read(min(left_s, ESCAPE_WAIT_S) if self._decoder.waiting else left_s)
            if data:
                self._found.extend(self._decoder.feed(data))
            elif self._decoder.waiting and time.monotonic() - self._keyboard.heard_s >= ESCAPE_WAIT_S:
                self._found.extend(self._decoder.flush())
            if not self._found and time.monotonic() >= end:
                return None
        return self._found.popleft()
