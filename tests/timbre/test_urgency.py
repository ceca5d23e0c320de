"""A helper takes over the scheduling of the thread that it helps, where it may."""

from __future__ import annotations

import os
import threading

import pytest

from fxlab.timbre.urgency import as_urgent_as


@pytest.mark.skipif(not hasattr(os, "sched_setscheduler"), reason="this system has no such scheduling")
def test_a_helper_takes_over_the_scheduling():
    found, go, over = [], threading.Event(), threading.Event()

    def batch():
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        found.append(threading.get_native_id())
        go.set()
        over.wait()

    def helper():
        as_urgent_as(found[0])
        found.append(os.sched_getscheduler(0))

    threads = [threading.Thread(target=batch), threading.Thread(target=helper)]
    threads[0].start()
    go.wait()
    threads[1].start()
    threads[1].join()
    over.set()
    threads[0].join()
    assert found[1] == os.SCHED_BATCH


def test_one_that_is_over_is_no_mistake():
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()
    as_urgent_as(thread.native_id)
