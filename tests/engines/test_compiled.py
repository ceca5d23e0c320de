"""Networks as stages: the same output as `process` to the last bit, whatever the blocks and however knobs turn meanwhile."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from numba import njit

from fxlab.engines.loader import open_processor, processor_of
from fxlab.kernels.stages import call_stage
from fxlab.models.registry import architecture
from fxlab.models.tcn_config import SIZES

NAMES = ("tcn", "tcn-nano", "lstm", "gru", "tcn-knobs", "klon")
MOST = 512


def opened(name, channels=2):
    processor = open_processor(name).processor
    processor.prepare(processor.native_rate_hz, channels, MOST)
    return processor


def turned(processor, rng):
    return {knob.name: knob.at(rng.uniform(-1, 1)) for knob in processor.controls if rng.random() < 0.7}


@pytest.mark.parametrize("channels", [1, 2, 8])
@pytest.mark.parametrize("name", NAMES)
def test_the_stage_plays_what_process_plays(name, channels, play_stage):
    rng = np.random.default_rng(channels)
    one, other = opened(name, channels), opened(name, channels)
    stage = other.compiled()
    wet = np.empty((channels, 1), np.float32)
    one.process(np.zeros_like(wet), wet)  # what is heard moves its knobs, and so does a stage from its first block on
    play_stage(stage, np.zeros_like(wet))
    for turn in range(60):
        if turn % 7 == 3:
            values = turned(one, rng)
            one.set(**values)
            other.set(**values)
        frames = int(rng.integers(1, 40 if turn % 3 else MOST + 1))
        block = (0.4 * rng.standard_normal((channels, frames))).astype(np.float32)
        if turn == 20:
            block[0, 0], block[-1, -1] = np.nan, np.inf
        wet = np.empty_like(block)
        one.process(block, wet)
        assert np.isfinite(wet).all()
        np.testing.assert_array_equal(play_stage(stage, block), wet, f"block {turn}")
    assert one.values == other.values
    states = one.state(), other.state()
    assert states[0].keys() == states[1].keys()
    for name, array in states[0].items():
        np.testing.assert_array_equal(array, states[1][name])


@pytest.mark.parametrize("kind, size", [("tcn", "nano"), ("gru", "16")])
def test_no_split_shows_while_knobs_move(kind, size, conditioned, play_stage):
    config = architecture(kind).config(size)
    block = np.random.default_rng(0).uniform(-0.5, 0.5, (1, 2000)).astype(np.float32)
    outputs = []
    for sizes in ([2000], [1] * 50 + [959, 1, 64, 926], [500] * 4):
        processor = processor_of(conditioned(config), "fused")
        processor.prepare(48_000, 1, 2000)
        stage = processor.compiled()
        processor.set(drive_db=30.0, bias=-0.4)
        starts = np.cumsum([0, *sizes])
        parts = [play_stage(stage, block[:, a:b].copy()) for a, b in zip(starts, starts[1:], strict=False)]
        outputs.append(np.concatenate(parts, axis=1))
    for output in outputs[1:]:
        assert np.abs(output - outputs[0]).max() <= 1e-5


def test_knobs_set_for_a_stage_move_and_do_not_reset(conditioned, play_stage):
    processor = processor_of(conditioned(architecture("gru").config("16")), "fused")
    processor.prepare(48_000, 1, 64)
    stage = processor.compiled()
    before = {name: array.copy() for name, array in processor._state.items()}
    processor.set(drive_db=30.0)
    assert processor.values["drive_db"] == 30.0
    for name, array in before.items():
        np.testing.assert_array_equal(processor._state[name], array)
    play_stage(stage, np.zeros((1, 64), np.float32))
    moving = processor._knobs.state()
    processor.state()
    np.testing.assert_array_equal(processor._knobs.state(), moving)
    assert moving[2, 0] != 0 and moving[3, 0] == 64


def test_knobs_turn_while_another_thread_plays(conditioned):
    @njit(nogil=True)
    def play(function, at, frames, times):
        good = True
        for _ in range(times):
            good &= call_stage(function, at, frames)
        return good

    processor = processor_of(conditioned(SIZES["nano"]), "fused")
    processor.prepare(48_000, 1, 64)
    stage, played, rng = processor.compiled(), [], np.random.default_rng(0)
    stage.dry[:] = rng.uniform(-0.5, 0.5, 64)
    play(stage.function, stage.at, 64, 1)
    thread = threading.Thread(target=lambda: played.append(play(stage.function, stage.at, 64, 4000)))
    thread.start()
    while thread.is_alive():
        processor.set(**turned(processor, rng))
    processor.set(drive_db=30.0, bias=0.25)
    assert played == [True] and play(stage.function, stage.at, 64, 100) and np.isfinite(stage.wet).all()
    value, target, offset, done = processor._knobs.state()
    assert value.tolist() == list(processor.values.values()) and not offset.any() and not done.any()
    np.testing.assert_array_equal(target, [k.normalised(processor.values[k.name]) for k in processor.controls])


def test_only_the_same_network_takes_over_a_state(conditioned):
    config = architecture("gru").config("16")
    one, same, other = (processor_of(conditioned(config, seed=seed), "fused") for seed in (0, 0, 1))
    for processor in (one, same, other):
        processor.prepare(48_000, 1, 64)
    same.set(drive_db=3.0)
    assert one.heritage().keys() == same.heritage().keys() and one.heritage()
    assert not one.heritage().keys() & other.heritage().keys()
    for engine in ("onnx", "torch"):
        processor = processor_of(conditioned(config), engine)
        processor.prepare(48_000, 1, 64)
        assert processor.heritage() == {} and processor.compiled() is None


PLAY = """
import ctypes, sys
import numpy as np
from numba import njit
from fxlab.kernels.stages import call_stage
from fxlab.engines.loader import open_processor

counter = ctypes.CDLL(sys.argv[1]).allocations
counter.restype = ctypes.c_long

@njit
def play(function, at, frames, times):
    good = True
    for _ in range(times):
        good &= call_stage(function, at, frames)
    return good

rng = np.random.default_rng(0)
for name in sys.argv[2:]:
    processor = open_processor(name).processor
    processor.prepare(processor.native_rate_hz, 2, 512)
    stage = processor.compiled()
    stage.dry[:] = rng.uniform(-1, 1, stage.dry.size)
    play(stage.function, stage.at, 64, 1)
    calls, good = 0, True
    for _ in range(20):
        processor.set(**{knob.name: knob.at(rng.uniform(-1, 1)) for knob in processor.controls})
        before = counter()
        good &= play(stage.function, stage.at, 64, 40)
        calls += counter() - before
    print(name, int(good), calls)
"""


def test_playing_a_stage_allocates_nothing(malloc_counter):
    environment = os.environ | {"LD_PRELOAD": malloc_counter}
    command = [sys.executable, "-c", PLAY, malloc_counter, *NAMES]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert [row[0] for row in rows] == list(NAMES)
    for name, good, calls in rows:
        # A call from Python itself takes one or two, a thousandth of what blocks would.
        assert good == "1" and int(calls) <= 40, f"{name}: {calls} calls of malloc in 800 blocks"
