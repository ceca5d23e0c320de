"""Keeps what sound libraries write to stderr away from the user.

PortAudio, ALSA and JACK write to file descriptor 2 themselves: dozens of lines while they look for devices, one for every
underrun, a few when a device disappears. Python's own stderr takes another descriptor meanwhile, so that nothing else is lost.
"""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_depth = 0
_shown = False
_aside: int | None = None
_moved: io.FileIO | None = None
_silent = False


def show(shown: bool) -> None:
    """Whether `quiet_stderr` lets everything through where nothing else is said (`--debug`)."""
    global _shown
    _shown = shown


@contextmanager
def quiet_stderr(debug: bool | None = None) -> Iterator[None]:
    """While this is open, file descriptor 2 leads nowhere, and Python's stderr to where the descriptor led before.

    It may be open several times at once and in several threads; the last one to end restores everything. Nothing happens when
    stderr is closed. Processes started meanwhile inherit the silence.

    Args:
        debug: Let everything through; None for what `show` said.
    """
    if _shown if debug is None else debug:
        yield
        return
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _depth, _aside, _moved, _silent
    with _lock:
        _depth += 1
        if _depth > 1:
            return
        try:
            if _aside is None:
                _aside = os.dup(2)
            else:
                os.dup2(2, _aside, inheritable=False)
            nowhere = os.open(os.devnull, os.O_WRONLY)
        except OSError:
            return
        _moved = _python_stderr()
        if _moved is not None:
            _lead(_moved, _aside)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        _silent = True


def _leave() -> None:
    global _depth, _moved, _silent
    with _lock:
        _depth -= 1
        if _depth or not _silent:
            return
        os.dup2(_aside, 2)
        if _moved is not None:
            _lead(_moved, 2)
        _moved, _silent = None, False


def _python_stderr() -> io.FileIO | None:
    """What is below the interpreter's own stderr, flushed; None if that isn't at descriptor 2 (any more)."""
    try:
        sys.__stderr__.flush()
        buffer = sys.__stderr__.buffer
        raw = getattr(buffer, "raw", buffer)
        return raw if type(raw) is io.FileIO and raw.fileno() == 2 else None
    except (AttributeError, OSError, ValueError):
        return None


def _lead(raw: io.FileIO, descriptor: int) -> None:
    """Lets a file lead to another descriptor, for everyone who holds it: panels and loggers don't ask for `sys.stderr` again."""
    name = raw.name
    raw.__init__(descriptor, "w", closefd=False)
    raw.name = name
