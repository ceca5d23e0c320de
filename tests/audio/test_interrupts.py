from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from fxlab.audio.interrupts import ctrl_c_held_back

IMPORTED = """
import signal, sys
import numpy

signal.signal(signal.SIGINT, signal.default_int_handler)

def interrupt(frame, event, argument):
    if "enum" in frame.f_code.co_filename and "soxr.soxr_ext" in sys.modules:
        signal.raise_signal(signal.SIGINT)

sys.settrace(interrupt)
try:
    import fxlab.audio.resampling
    fxlab.audio.resampling.resample(numpy.zeros(9), 2, 1)
except KeyboardInterrupt:
    sys.settrace(None)
    assert len(fxlab.audio.resampling.resample(numpy.zeros(10), 2, 1)) == 5
    print("interrupted")
"""


@pytest.fixture(autouse=True)
def as_at_a_terminal():
    """Started in the background, Ctrl-C would be ignored."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


def test_it_comes_right_after():
    done = []
    with pytest.raises(KeyboardInterrupt):
        with ctrl_c_held_back():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            done.append("work")
        done.append("more")
    assert done == ["work"] and signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_it_comes_after_an_error_too():
    with pytest.raises(KeyboardInterrupt) as caught, ctrl_c_held_back():
        signal.raise_signal(signal.SIGINT)
        raise ImportError("no such library")
    assert isinstance(caught.value.__context__, ImportError)


def test_what_ctrl_c_did_before_it_does_again():
    heard = []
    previous = signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    try:
        with ctrl_c_held_back():
            signal.raise_signal(signal.SIGINT)
            assert not heard
        assert heard == [signal.SIGINT]
        with ctrl_c_held_back():
            pass
        assert heard == [signal.SIGINT]
        signal.raise_signal(signal.SIGINT)
        assert len(heard) == 2
    finally:
        signal.signal(signal.SIGINT, previous)


def test_another_thread_leaves_the_signals_alone():
    handlers = []

    def look():
        with ctrl_c_held_back():
            handlers.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert handlers == [signal.default_int_handler]


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_ctrl_c_while_the_resampler_is_imported():
    run = subprocess.run([sys.executable, "-c", IMPORTED], capture_output=True, text=True, timeout=200)
    assert (run.returncode, run.stdout) == (0, "interrupted\n"), run.stderr
