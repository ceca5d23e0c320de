"""Work that is done beside the stream it belongs to, in a thread: meters and writers whose kernels don't hold the interpreter."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

import numpy as np

_WAITING = 4  # blocks


class Beside:
    """Gives blocks to `work` in the order they come, in a thread of its own; use it in a `with` block, whose end waits for it.

    What `work` raises is raised by a later call or at the end. Not more than a few blocks ever wait.
    """

    def __init__(self, work: Callable[[np.ndarray], object]) -> None:
        self._work = work
        self._waiting: deque[Future] = deque()
        self._thread = ThreadPoolExecutor(1)

    def __enter__(self) -> Beside:
        return self

    def __call__(self, block: np.ndarray) -> None:
        if len(self._waiting) == _WAITING:
            self._waiting.popleft().result()
        self._waiting.append(self._thread.submit(self._work, block))

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._thread.shutdown(wait=True, cancel_futures=error is not None)
        if error is None:
            for future in self._waiting:
                future.result()
