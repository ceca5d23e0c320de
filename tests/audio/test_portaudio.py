"""A sound system that takes its time doesn't take the program's."""

from __future__ import annotations

import threading

import pytest

from fxlab.audio import portaudio
from fxlab.errors import MissingError


def test_an_answer_in_time():
    assert portaudio.patiently(lambda: 5) == 5
    assert portaudio.patiently(lambda: None) is None
    with pytest.raises(KeyError):
        portaudio.patiently(lambda: {}["nothing"])
    assert not portaudio.hanging()


def test_an_answer_too_late_is_cleared_away():
    answer, cleared = threading.Event(), threading.Event()
    with pytest.raises(MissingError, match="doesn't answer"):
        portaudio.patiently(lambda: answer.wait() and "late", 0.01, late=lambda result: result == "late" and cleared.set())
    assert portaudio.hanging()
    answer.set()
    assert cleared.wait(60)
    for thread in [thread for thread in threading.enumerate() if thread.name == "fxlab-portaudio"]:
        thread.join(60)
    assert not portaudio.hanging()
