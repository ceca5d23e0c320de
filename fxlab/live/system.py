"""The few functions of Linux's C library that the audio path calls, for compiled code."""

from __future__ import annotations

import numpy as np
from numba import njit, types

from fxlab.kernels.addresses import table_at

_clock_gettime = types.ExternalFunction("clock_gettime", types.int32(types.int32, types.intp))
_clock_nanosleep = types.ExternalFunction("clock_nanosleep", types.int32(types.int32, types.int32, types.intp, types.intp))
_gettid = types.ExternalFunction("gettid", types.int32())

_MONOTONIC, _THREAD_CPU, _ABSOLUTE = 1, 3, 1


@njit(nogil=True)
def now_ns(room):
    """Time since some moment in the past; `room` is the address of scratch memory, `records.ROOM` int64."""
    _clock_gettime(np.int32(_MONOTONIC), room)
    time = table_at(room, 2)
    return time[0] * 1_000_000_000 + time[1]


@njit(nogil=True)
def cpu_ns(room):
    """Time for which the calling thread has run on a processor."""
    _clock_gettime(np.int32(_THREAD_CPU), room)
    time = table_at(room, 2)
    return time[0] * 1_000_000_000 + time[1]


@njit(nogil=True)
def thread_number():
    """The calling thread's number, as the scheduler knows it."""
    return np.int64(_gettid())


@njit(nogil=True)
def wait_until(due_ns, spin_ns, room):
    """Returns at a time: sleeps until shortly before it, then watches the clock."""
    time = table_at(room, 2)
    while due_ns - now_ns(room) > spin_ns:
        time[0], time[1] = (due_ns - spin_ns) // 1_000_000_000, (due_ns - spin_ns) % 1_000_000_000
        _clock_nanosleep(np.int32(_MONOTONIC), np.int32(_ABSOLUTE), room, np.int64(0))
    while now_ns(room) < due_ns:
        pass


sleep_until = njit(types.void(types.intp, types.intp, types.intp), nogil=True, cache=True)(wait_until.py_func)
"""`wait_until` for Python, whose lock it leaves to others."""
