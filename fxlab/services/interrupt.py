"""Ctrl-C for work that must end at a good moment."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def stop_on_ctrl_c() -> Iterator[Callable[[], bool]]:
    """Within it the first Ctrl-C only makes the yielded function return true; a second one interrupts as usual.

    Outside the main thread, where Python delivers no signals, the function stays false.
    """
    wanted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield wanted.is_set
        return
    previous = signal.getsignal(signal.SIGINT)

    def first(number: int, frame: object) -> None:
        wanted.set()
        signal.signal(signal.SIGINT, previous)

    signal.signal(signal.SIGINT, first)
    try:
        yield wanted.is_set
    finally:
        signal.signal(signal.SIGINT, previous)
