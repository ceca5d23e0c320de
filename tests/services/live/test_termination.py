"""The first signal asks for an end, the second is the end; an ignored one stays ignored."""

from __future__ import annotations

import os
import signal
import sys
import threading

import pytest

from fxlab.services.live.termination import stop_on_termination

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows ends processes at once")


@pytest.fixture(autouse=True)
def as_at_a_terminal():
    """Started by nohup, SIGHUP would be ignored."""
    previous = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in previous.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_first_is_told_and_the_second_does_what_it_always_did(number):
    before = signal.getsignal(number)
    with stop_on_termination() as told:
        assert told() == 0
        os.kill(os.getpid(), number)
        assert told() == number
        assert signal.getsignal(number) is before is signal.SIG_DFL
    assert told() == number


def test_afterwards_the_signals_are_as_before():
    with stop_on_termination():
        assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    assert signal.getsignal(signal.SIGTERM) is signal.getsignal(signal.SIGHUP) is signal.SIG_DFL


def test_nohup_is_respected():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_on_termination():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


def test_elsewhere_than_in_the_main_thread_nothing_is_caught():
    def look():
        with stop_on_termination() as told:
            seen.append((told(), signal.getsignal(signal.SIGTERM)))

    seen = []
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [(0, signal.SIG_DFL)]
