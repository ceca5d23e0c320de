"""Single keys from the terminal of this process, on POSIX and on Windows, and the terminal as it was afterwards."""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

try:
    import termios
except ImportError:  # Windows
    termios = None  # type: ignore[assignment]


class Keyboard(Protocol):
    """What delivers the bytes of keys; `heard_s` is when the last ones came, by the monotonic clock."""

    heard_s: float

    def open(self) -> None: ...

    def close(self) -> None: ...

    def read(self, timeout_s: float) -> bytes:
        """What was typed, as soon as there is something; empty if there is nothing within the time."""


def open_keyboard(suspend: Callable[[], None] | None = None, resume: Callable[[], None] | None = None) -> Keyboard:
    """The keyboard of this process."""
    if sys.stdin is None or not sys.stdin.isatty():
        return NoKeyboard()
    if termios is None:
        return WindowsKeyboard()
    return PosixKeyboard(sys.stdin.fileno(), suspend, resume)


class NoKeyboard:
    """None at all: stdin is a file, a pipe or closed."""

    heard_s = 0.0

    def open(self) -> None:
        pass

    def close(self) -> None:
        pass

    def read(self, timeout_s: float) -> bytes:
        time.sleep(timeout_s)
        return b""


class PosixKeyboard:
    """A terminal without line editing and echo (cbreak); Ctrl-C, Ctrl-Z and their like keep their meaning.

    Args:
        descriptor: Of the terminal.
        suspend, resume: Called before Ctrl-Z stops the process and after it goes on.
    """

    def __init__(
        self, descriptor: int, suspend: Callable[[], None] | None = None, resume: Callable[[], None] | None = None
    ) -> None:
        self.heard_s = 0.0
        self._descriptor = descriptor
        self._suspend, self._resume = suspend, resume
        self._before: list[Any] | None = None
        self._handlers: dict[int, Any] = {}
        self._ended = False

    def open(self) -> None:
        """Takes the terminal; if the process runs in the background, once it is in the foreground."""
        self._take()
        atexit.register(self.close)
        if threading.current_thread() is threading.main_thread():
            for number, handler in ((signal.SIGTSTP, self._stopping), (signal.SIGCONT, self._going_on)):
                if signal.getsignal(number) is signal.SIG_DFL:  # SIGTSTP is ignored where there is no job control
                    self._handlers[number] = signal.signal(number, handler)

    def close(self) -> None:
        """Gives the terminal back as it was; calling it again does nothing."""
        atexit.unregister(self.close)
        while self._handlers:
            signal.signal(*self._handlers.popitem())
        self._give()

    def read(self, timeout_s: float) -> bytes:
        if self._ended or self._before is None or not self._foreground():
            time.sleep(timeout_s)
            return b""
        try:
            if not select.select([self._descriptor], [], [], timeout_s)[0]:
                return b""
            data = os.read(self._descriptor, 256)
        except OSError:  # the terminal has gone
            data = b""
        self._ended = not data
        self.heard_s = time.monotonic()
        return data

    def _take(self) -> None:
        if self._before is not None or not self._foreground():
            return
        try:
            self._before = termios.tcgetattr(self._descriptor)
            wanted = termios.tcgetattr(self._descriptor)
            wanted[3] &= ~(termios.ICANON | termios.ECHO)
            wanted[6][termios.VMIN], wanted[6][termios.VTIME] = 1, 0
            termios.tcsetattr(self._descriptor, termios.TCSANOW, wanted)
        except termios.error:
            self._before = None

    def _give(self) -> None:
        before, self._before = self._before, None
        if before is not None:
            with contextlib.suppress(termios.error):
                termios.tcsetattr(self._descriptor, termios.TCSANOW, before)

    def _foreground(self) -> bool:
        """Whether the terminal listens to this process: one in the background is stopped when it touches the terminal."""
        try:
            return os.tcgetpgrp(self._descriptor) == os.getpgrp()
        except OSError:  # a terminal, but not the one that controls this process: nobody is stopped there
            return True

    def _stopping(self, number: int, frame: object) -> None:
        if self._suspend:
            self._suspend()
        self._give()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def _going_on(self, number: int, frame: object) -> None:
        signal.signal(signal.SIGTSTP, self._stopping)
        self._take()
        if self._resume:
            self._resume()


class WindowsKeyboard:
    """The console of Windows, its special keys told as the sequences that other terminals send."""

    _SPECIAL = {
        "H": b"\x1b[A",
        "P": b"\x1b[B",
        "M": b"\x1b[C",
        "K": b"\x1b[D",
        "G": b"\x1b[H",
        "s": b"\x1b[1;5D",
        "t": b"\x1b[1;5C",
    }
    _LOOK_EVERY_S = 0.02  # the console can't be waited for with a limit of time

    def __init__(self) -> None:
        self.heard_s = 0.0

    def open(self) -> None:
        pass

    def close(self) -> None:
        pass

    def read(self, timeout_s: float) -> bytes:
        import msvcrt

        end = time.monotonic() + timeout_s
        while not msvcrt.kbhit():
            left_s = end - time.monotonic()
            if left_s <= 0:
                return b""
            time.sleep(min(left_s, self._LOOK_EVERY_S))
        self.heard_s = time.monotonic()
        sign = msvcrt.getwch()
        if sign in "\x00\xe0":
            return self._SPECIAL.get(msvcrt.getwch(), b"")
        if sign == "\x03":  # getwch swallows what Ctrl-C would do
            raise KeyboardInterrupt
        return sign.encode("ascii", "ignore")
