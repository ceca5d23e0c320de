"""Threads that help a thread in a hurry."""

from __future__ import annotations

import os


def as_urgent_as(thread: int) -> None:
    """Gives the calling thread another one's scheduling, where the system has such and allows it: who waits for a helper that is
    less urgent waits for everyone.

    Args:
        thread: The other's number, as `threading.get_native_id` gives it.
    """
    if not hasattr(os, "sched_setscheduler"):
        return
    try:
        policy, priority = os.sched_getscheduler(thread), os.sched_getparam(thread)
        if (policy, priority) != (os.sched_getscheduler(0), os.sched_getparam(0)):
            os.sched_setscheduler(0, policy, priority)
    except OSError:  # it is over, or this process may not
        return
