"""Effects as stages: the same output as `process` to the last bit, nothing allocated, and states that can be handed over."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys

import numpy as np
import pytest

from fxlab.effects.chain import Chain
from fxlab.effects.compiled import Compiled
from fxlab.effects.processor import Processor
from fxlab.effects.registry import effects

RATE, FRAMES, MOST = 48_000, 2500, 1100
FULL = {
    "saturator": {"lowpass": ("one_pole", "biquad"), "oversample": (1, 2, 4, 8), "antialias": ("none", "adaa1")},
    "clipper": {
        "mode": ("hard", "tanh", "cubic"),
        "knee_db": (0.0, 6.0),
        "oversample": (1, 2, 8),
        "antialias": ("none", "adaa1"),
    },
    "bitcrusher": {
        "bits": (8.0, 7.5),
        "rate_hz": (192_000.0, 9000.0),
        "dither": ("none", "tpdf"),
        "antialias": ("none", "polyblep", "adaa1"),
        "oversample": (1, 4),
    },
    "eq": {"peak1_db": (0.0, 6.0), "low_shelf_db": (0.0, -3.0), "highpass_hz": (10.0, 80.0)},
    "compressor": {"link": (True, False), "ratio": (1.0, 4.0), "knee_db": (0.0, 6.0), "attack_ms": (0.1, 30.0)},
    "imager": {"width": (0.0, 1.0, 1.5), "low_width": (0.0, 0.5, 1.0)},
    "convolver": {"max_s": (0.001, 0.005, 10.0), "mix": (0.4, 1.0)},
    "ace": {"bands": (16, 60), "latency_ms": (4, 16), "adapt": (False, True), "tce_carrier": ("full", "highpassed")},
    "limiter": {"gain_db": (0.0, 20.0), "lookahead_ms": (0.5, 5.0), "link": (1.0, 0.5)},
}


def variants(name):
    return [dict(zip(FULL[name], values, strict=True)) for values in itertools.product(*FULL[name].values())]


def prepared(name, settings, channels=1, most=MOST):
    processor = effects()[name].processor("numba", **settings)
    processor.prepare(RATE, channels, most)
    return processor


@pytest.mark.parametrize("name", sorted(FULL))
def test_the_stage_plays_what_process_plays(name, play_stage):
    rng = np.random.default_rng(0)
    for number, settings in enumerate(variants(name)):
        channels = (1, 2, 8)[number % 3]
        one, other = prepared(name, settings, channels), prepared(name, settings, channels)
        stage, done = other.compiled(), 0
        x = (0.5 * rng.standard_normal((channels, FRAMES))).astype(np.float32)
        x[0, 50], x[-1, 300], x[:, 800:900] = np.nan, np.inf, 0
        while done < FRAMES:
            block = x[:, done : done + int(rng.choice([1, 17, 64, 512, 513, MOST]))].copy()
            wet = np.empty_like(block)
            one.process(block, wet)
            assert np.isfinite(wet).all()
            np.testing.assert_array_equal(play_stage(stage, block), wet, f"{settings}, {channels} channels, from {done}")
            done += block.shape[1]
        state = one.state()
        for key, array in other.state().items():
            np.testing.assert_array_equal(array, state[key])


def test_stage_and_process_work_on_one_state(play_stage):
    block = np.random.default_rng(1).standard_normal((2, 500)).astype(np.float32)
    for name in FULL:
        for settings in (variants(name)[0], variants(name)[-1]):
            one = prepared(name, settings, 2)
            stage, wet = one.compiled(), np.empty_like(block)
            start = one.state()
            first = play_stage(stage, block)
            middle = one.state()
            second = play_stage(stage, block)
            one.restore(middle)
            one.process(block, wet)
            np.testing.assert_array_equal(wet, second)
            one.restore(start)
            np.testing.assert_array_equal(play_stage(stage, block), first)


def test_what_is_not_compiled_says_so():
    class Plain(Processor):
        def _allocate(self):
            pass

        def _run(self, block, out):
            np.copyto(out, block)

    chain = Chain([effects()["eq"].processor("numba")])
    for processor in (Plain(), chain, *(effects()[name].processor("numpy") for name in FULL)):
        processor.prepare(RATE, 1, 64)
        assert processor.compiled() is None


PLAY = """
import ctypes, json, sys
import numpy as np
from numba import njit
from fxlab.kernels.stages import call_stage
from fxlab.effects.registry import effects

counter = ctypes.CDLL(sys.argv[1]).allocations
counter.restype = ctypes.c_long

@njit
def play(function, at, frames, times):
    good = True
    for _ in range(times):
        good &= call_stage(function, at, frames)
    return good

for name, settings in json.loads(sys.argv[2]):
    processor = effects()[name].processor("numba", **settings)
    processor.prepare(48000, 2, 700)
    stage = processor.compiled()
    stage.dry[:] = np.random.default_rng(0).uniform(-1, 1, stage.dry.size)
    play(stage.function, stage.at, 700, 1)
    before = counter()
    good = play(stage.function, stage.at, 64, 500) & play(stage.function, stage.at, 700, 50)
    print(name, settings, int(good), counter() - before, sep="|")
"""


def test_playing_a_stage_allocates_nothing(malloc_counter):
    import json

    cases = [(name, settings) for name in FULL for settings in variants(name)[:: max(1, len(variants(name)) // 4)]]
    environment = os.environ | {"LD_PRELOAD": malloc_counter}
    command = [sys.executable, "-c", PLAY, malloc_counter, json.dumps(cases)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    rows = [line.split("|") for line in done.stdout.splitlines()]
    assert len(rows) == len(cases)
    for name, settings, good, calls in rows:
        # A call from Python itself takes one or two.
        assert good == "1" and int(calls) <= 8, f"{name} {settings}: {calls} calls of malloc in 550 blocks"


def test_every_compiled_effect_is_tested_here():
    assert {name for name, one in effects().items() if isinstance(one.processor("numba"), Compiled)} <= set(FULL)
