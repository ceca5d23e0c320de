"""What keeps the rest of the program and of the system from disturbing the audio thread."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

PRIORITY = 60
"""Below what audio servers give their own threads (70 and above), far above everything else."""
_SWITCH_S = 0.0005


@contextmanager
def undisturbed() -> Iterator[None]:
    """Within it Python collects no garbage, and a thread that computes lets others run ten times as often as usual.

    The second matters where the audio's callback is Python: by default it could wait for its turn for 5 ms.
    """
    collects, interval = gc.isenabled(), sys.getswitchinterval()
    gc.collect()
    gc.freeze()
    gc.disable()
    sys.setswitchinterval(_SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        gc.unfreeze()
        if collects:
            gc.enable()


def raise_priority(thread: int) -> str:
    """Asks the system to run a thread before all ordinary ones; says what came of it.

    Args:
        thread: Its number, as `threading.get_native_id` gives it.
    """
    if not hasattr(os, "sched_setscheduler"):
        return "normal priority (this system offers no other)"
    try:
        os.sched_setscheduler(thread, os.SCHED_FIFO, os.sched_param(PRIORITY))
    except PermissionError:
        return "normal priority (real-time needs `rtprio` in /etc/security/limits.d, or the group audio)"
    except (OSError, ProcessLookupError):
        return "normal priority (the system refused real-time)"
    return f"real-time priority {PRIORITY}"
