"""What else a machine has to do while audio plays: nothing, a busy process on every core, or Python beside the player."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

IDLE, CORES, PYTHON = "idle", "busy cores", "busy Python"
LOADS = (IDLE, CORES, PYTHON)

_LONGEST_S = 3600
# Ends by itself when its parent is gone, however that ended; the time limit is for systems that don't tell.
_BURN = """
import os, sys, time
parent, end = int(sys.argv[1]), time.monotonic() + float(sys.argv[2])
while os.getppid() == parent and time.monotonic() < end:
    for i in range(100_000):
        pass
"""


def cores() -> int:
    """Logical cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def loaded(kind: str, longest_s: float = _LONGEST_S) -> Iterator[list[int]]:
    """Keeps the machine busy within it.

    Args:
        kind: One of `LOADS`.
        longest_s: After which busy processes end in any case.

    Yields:
        Process numbers of what was started.
    """
    if kind == CORES:
        with _processes(longest_s) as started:
            yield started
    elif kind == PYTHON:
        with _thread():
            yield []
    else:
        yield []


@contextmanager
def _processes(longest_s: float) -> Iterator[list[int]]:
    words = [sys.executable, "-S", "-E", "-c", _BURN, str(os.getpid()), str(longest_s)]
    nowhere = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    started: list[subprocess.Popen] = []
    try:
        for _ in range(cores()):
            started.append(subprocess.Popen(words, **nowhere))
        yield [process.pid for process in started]
    finally:
        for process in started:
            process.kill()
        for process in started:
            process.wait()


@contextmanager
def _thread() -> Iterator[None]:
    stopped = threading.Event()

    def compute() -> None:
        while not stopped.is_set():
            sum(i * i for i in range(10_000))

    thread = threading.Thread(target=compute, name="busy", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()
