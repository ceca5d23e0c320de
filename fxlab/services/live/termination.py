"""Being told to end from outside: what is played ends as by q, so that nothing of its recording is lost."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def stop_on_termination() -> Iterator[Callable[[], int]]:
    """Within it the first SIGTERM or SIGHUP (a terminal that is closed) only makes the yielded function return its number.

    It returns 0 until then, and always outside the main thread, where Python delivers no signals. A second one ends the process
    as usual. A signal that is ignored, as by `nohup`, stays so.
    """
    told: list[int] = []
    names = ("SIGTERM", "SIGHUP") if threading.current_thread() is threading.main_thread() else ()
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]  # Windows has no SIGHUP
    caught = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]

    def give_back() -> None:
        for number in caught:
            signal.signal(number, signal.SIG_DFL)

    def first(number: int, frame: object) -> None:
        told.append(number)
        give_back()

    for number in caught:
        signal.signal(number, first)
    try:
        yield lambda: told[0] if told else 0
    finally:
        give_back()
