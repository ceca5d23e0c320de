"""Ctrl-C put off for a moment that must not be torn apart."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ctrl_c_held_back() -> Iterator[None]:
    """Within it Ctrl-C does nothing; right after it, it does what it would have done.

    For what takes a few milliseconds. Outside the main thread, where Python delivers no signals, it changes nothing.
    """
    # None: the handler isn't Python's, and couldn't be put back.
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) is None:
        yield
        return
    came: list[int] = []
    # A handler, not a mask: a masked signal would go to another thread of the process, whose Python tells this one.
    previous = signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
        if came:
            signal.raise_signal(signal.SIGINT)
