"""Training programs that take turns in one process, so that whatever else the machine does meets all alike."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import torch


class Runner:
    """A training program in a thread of its own, which runs only while it is its turn.

    Args:
        name: For the report.
        work: The program; it calls `stepped` after each of its steps and ends soon after that was true.
        threads: torch's threads for it.
    """

    def __init__(self, name: str, work: Callable[[Runner], None], threads: int) -> None:
        self.name, self.times_s, self.ended = name, [], False
        self._work, self._threads = work, threads
        self._error: BaseException | None = None
        self._left, self._stopping, self._last = 0, False, 0.0
        self._mine, self._theirs = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def seconds(self) -> float:
        """How long its steps took in all, with whatever it did between them."""
        return sum(self.times_s)

    def turn(self, steps: int) -> None:
        """Lets it take so many steps; raises what it raised."""
        if not self.ended:
            self._left = steps
            self._mine.release()
            self._theirs.acquire()
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def stop(self) -> None:
        """Lets it end."""
        self._stopping = True
        while not self.ended:
            self.turn(1)
        self._thread.join()

    def stepped(self) -> bool:
        """To be called behind a step; whether the program shall end."""
        self.times_s.append(time.perf_counter() - self._last)
        self._left -= 1
        if self._left <= 0 and not self._stopping:
            self._theirs.release()
            self._mine.acquire()
        self._last = time.perf_counter()
        return self._stopping

    def _run(self) -> None:
        self._mine.acquire()
        torch.set_num_threads(self._threads)  # counts for this thread alone
        self._last = time.perf_counter()
        try:
            self._work(self)
        except BaseException as error:  # `turn` raises it where it can be handled
            self._error = error
        self.ended = True
        self._theirs.release()
