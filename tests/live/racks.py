"""Racks for tests: made, and played both ways, through the interpreter and without it."""

from __future__ import annotations

import ctypes
import sys

import numpy as np
import pytest

from fxlab.engines.loader import open_processor
from fxlab.live.program import Program
from fxlab.live.rack import FADE_S
from fxlab.live.rack import Rack as ImpatientRack

RATE, BLOCK = 48_000, 128
FADE = round(FADE_S * RATE)
linux = pytest.mark.skipif(sys.platform != "linux", reason="on Windows and macOS the callback is Python")


def Rack(*arguments):
    """Tests of the sound don't ask how busy the machine is."""
    return ImpatientRack(*arguments, rests=False)


def program(*stages, gain_db=0.0, channels=1, block=BLOCK, latency=0):
    opened = [open_processor(name, values) for name, values in stages]
    kinds = [one.name for one in opened]
    return Program([one.processor for one in opened], kinds, RATE, channels, block, gain_db, latency)


def sine(frames, hz=440.0, level=0.5):
    return (level * np.sin(2 * np.pi * hz / RATE * np.arange(frames))).astype(np.float32)


def portable(rack):
    def call(source, target, frames, flags=0):
        rack.process(source, target, frames, flags)

    return call


def native(rack):
    from fxlab.live.rack_native import callback

    gate = np.array([rack.address])

    def call(source, target, frames, flags=0):
        pointers = [ctypes.c_int64(0 if array is None else array.ctypes.data) for array in (source, target)]
        assert callback.ctypes(*pointers, frames, 0, flags, gate.ctypes.data) == 0

    return call


WAYS = [portable, pytest.param(native, marks=linux)]


def play(call, rack, audio, sizes, between=lambda position: None):
    """Audio (channels, frames) through the rack in blocks of these sizes, over and over."""
    out, position, turn = [], 0, 0
    while position < audio.shape[1]:
        between(position)
        n = min(sizes[turn % len(sizes)], audio.shape[1] - position)
        source = np.ascontiguousarray(audio[:, position : position + n].T).ravel()
        target = np.full(n * rack.outputs, np.nan, np.float32)
        call(source, target, n)
        out.append(target.reshape(n, rack.outputs).T)
        position, turn = position + n, turn + 1
    return np.concatenate(out, axis=1)


def roughness(audio):
    """The largest step from one sample to the next."""
    return float(np.abs(np.diff(audio)).max())
