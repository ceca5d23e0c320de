"""Which device is meant, and what is said when there is none."""

from __future__ import annotations

import builtins
import sys
from dataclasses import replace

import pytest

from fxlab.audio import devices, portaudio
from fxlab.audio.devices import Device, choose
from fxlab.errors import MissingError, UsageError


def device(index, name, inputs=2, outputs=2, default=False):
    return Device(index, name, "ALSA", inputs, outputs, 48_000, 0.01, 0.01, default, default)


ALL = (
    device(0, "USB Interface: Audio (hw:1,0)"),
    device(1, "USB Interface: Audio (hw:1,1)", outputs=0),
    device(2, "Microphone", outputs=0),
    device(3, "Speakers", inputs=0),
    device(4, "default", default=True),
    device(5, "default and more"),
)


@pytest.mark.parametrize(
    ("spec", "kind", "index"),
    [
        (None, "input", 4),
        (None, "output", 4),
        ("2", "input", 2),
        ("micro", "input", 2),
        ("SPEAK", "output", 3),
        ("hw:1,1", "input", 1),
        ("usb", "output", 0),
        ("Default", "input", 4),
        (" more ", "output", 5),
    ],
)
def test_choice(spec, kind, index):
    assert choose(spec, kind, ALL).index == index


@pytest.mark.parametrize(
    ("spec", "kind", "said", "named"),
    [
        ("usb", "input", "More than one", ("0 (USB Interface: Audio (hw:1,0), ALSA)", "1 (USB")),
        ("piano", "input", "no input device 'piano'", ("2 (Microphone, ALSA)", "4 (default, ALSA)")),
        ("3", "input", "no input device '3'", ("2 (Microphone, ALSA)",)),
        ("", "output", "no output device ''", ("3 (Speakers, ALSA)",)),
    ],
)
def test_what_cannot_be_chosen_is_answered_with_what_can(spec, kind, said, named):
    with pytest.raises(UsageError) as caught:
        choose(spec, kind, ALL)
    assert said in caught.value.message
    assert all(name in caught.value.hint for name in named)


def test_the_first_device_is_the_default_where_the_system_has_none():
    assert choose(None, "input", ALL[:4]).index == 0


@pytest.mark.parametrize("kind", ["input", "output"])
def test_no_device_at_all(kind):
    with pytest.raises(MissingError, match=f"no {kind} device") as caught:
        choose(None, kind, ())
    assert "--virtual" in caught.value.hint


def test_the_same_device_after_a_new_scan(monkeypatch):
    before = device(7, "Microphone", outputs=0)
    elsewhere = replace(before, host_api="JACK")
    monkeypatch.setattr(devices, "devices", lambda: [elsewhere, *ALL])
    assert devices.again(before, "input") is ALL[2]
    assert devices.again(elsewhere, "input") is elsewhere
    twin = replace(ALL[2], index=9)
    monkeypatch.setattr(devices, "devices", lambda: [*ALL, twin])
    assert devices.again(twin, "input") is twin
    monkeypatch.setattr(devices, "devices", lambda: [ALL[3]])
    for gone, kind in ((before, "input"), (ALL[3], "input")):
        with pytest.raises(MissingError, match="is gone"):
            devices.again(gone, kind)


def test_without_pyaudio(monkeypatch):
    monkeypatch.setattr(portaudio, "_manager", None)
    monkeypatch.setitem(sys.modules, "pyaudio", None)
    with pytest.raises(MissingError, match="PyAudio is not installed") as caught:
        devices.devices()
    assert caught.value.exit_code == 4
    assert all(word in caught.value.hint for word in ("portaudio19-dev", "fxlab[live]", "--virtual"))


def test_without_the_portaudio_library(monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name == "pyaudio":
            raise ImportError("libportaudio.so.2: cannot open shared object file: No such file or directory")
        return real(name, *rest)

    monkeypatch.setattr(portaudio, "_manager", None)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingError, match="libportaudio.so.2") as caught:
        devices.devices()
    assert "portaudio19-dev" in caught.value.hint


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (-9985, MissingError, "in use by another program"),
        (OSError(-9985, "Device unavailable"), MissingError, "in use by another program"),
        (OSError(-9997, "Invalid sample rate"), UsageError, "sample rate"),
        (-9998, UsageError, "channels"),
        (OSError(-9986, "Internal PortAudio error"), MissingError, "Internal PortAudio error"),
        (-9986, MissingError, "-9986"),
    ],
)
def test_errors_in_words(error, kind, said):
    told = portaudio.failure(error, "The stream can't be opened")
    assert type(told) is kind
    assert told.message.startswith("The stream can't be opened: ")
    assert said in told.message
    assert "--list-devices" in told.hint
