"""Effects as stages: the same output as `process` to the last bit, nothing allocated, and states that can be handed over."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

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
    "convolver": {"max_s": (0.001, 0.005, 10.0), "mix": (0.4, 1.0)},
}
TAKEN = 960  # frames of a crossfade


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
from fxlab.compiled import call_stage
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

    cases = [(name, settings) for name in FULL for settings in variants(name)[:: max(1, len(variants(name)) // 8)]]
    environment = os.environ | {"LD_PRELOAD": malloc_counter, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", PLAY, malloc_counter, json.dumps(cases)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    rows = [line.split("|") for line in done.stdout.splitlines()]
    assert len(rows) == len(cases)
    for name, settings, good, calls in rows:
        # A call from Python itself takes one or two.
        assert good == "1" and int(calls) <= 8, f"{name} {settings}: {calls} calls of malloc in 550 blocks"


CHANGES = [
    ("saturator", {"lowpass": "biquad"}, {"drive_db": 40.0}),
    ("saturator", {}, {"drive_db": 0.0}),
    ("saturator", {"bias": -0.5}, {"bias": 0.8}),
    ("saturator", {"lowpass": "biquad"}, {"makeup_db": -20.0}),
    ("saturator", {"makeup_db": -20.0, "lowpass": "biquad"}, {"makeup_db": 6.0}),
    ("saturator", {"dc_block_hz": 5.0}, {"dc_block_hz": 200.0}),
    ("saturator", {"cutoff_hz": 200.0}, {"cutoff_hz": 20_000.0}),
    ("saturator", {"cutoff_hz": 20_000.0}, {"cutoff_hz": 200.0}),
    ("saturator", {"bias": 0.6}, {"lowpass": "biquad"}),
    ("saturator", {"lowpass": "biquad"}, {"lowpass": "one_pole"}),
    ("saturator", {}, {"oversample": 8}),
    ("saturator", {"oversample": 4}, {"oversample": 2}),
    ("saturator", {"oversample": 2}, {"drive_db": 30.0}),
    ("saturator", {"antialias": "adaa1", "oversample": 2}, {"drive_db": 0.0}),
    ("saturator", {"antialias": "adaa1"}, {"bias": -0.9}),
    ("saturator", {}, {"antialias": "adaa1"}),
    ("clipper", {}, {"threshold_db": -20.0}),
    ("clipper", {"mode": "tanh"}, {"drive_db": 30.0}),
    ("clipper", {"antialias": "adaa1", "drive_db": 30.0}, {"drive_db": 0.0}),
    ("clipper", {}, {"mode": "cubic"}),
    ("clipper", {"oversample": 2}, {"makeup_db": 12.0}),
    ("clipper", {"oversample": 8}, {"oversample": 1}),
    ("bitcrusher", {}, {"bits": 4.0}),
    ("bitcrusher", {"bits": 16.0, "antialias": "adaa1"}, {"bits": 3.0}),
    ("bitcrusher", {"bits": 3.0, "antialias": "adaa1"}, {"bits": 16.0}),
    ("bitcrusher", {"bits": 16.0}, {"rate_hz": 9000.0}),
    ("bitcrusher", {"bits": 16.0, "rate_hz": 9000.0}, {"rate_hz": 20_000.0}),
    ("bitcrusher", {"bits": 16.0, "rate_hz": 9000.0}, {"rate_hz": 192_000.0}),
    ("bitcrusher", {"bits": 16.0, "rate_hz": 9000.0}, {"oversample": 4}),
    ("bitcrusher", {"bits": 16.0, "rate_hz": 9000.0}, {"bits": 12.0}),
    ("bitcrusher", {"bits": 12.0}, {"dither": "tpdf"}),
    ("bitcrusher", {"bits": 16.0, "rate_hz": 9000.0}, {"antialias": "none"}),
    ("eq", {}, {"peak1_db": 12.0}),
    ("eq", {"peak1_db": 12.0, "peak1_q": 20.0, "peak1_hz": 440.0}, {"peak1_hz": 3000.0}),
    ("eq", {"peak1_db": 12.0, "peak1_q": 20.0, "peak1_hz": 440.0}, {"peak1_db": -12.0}),
    ("eq", {"low_shelf_db": 12.0, "highpass_hz": 80.0}, {"peak2_db": 6.0}),
    ("eq", {"highpass_hz": 80.0}, {"highpass_hz": 10.0}),
    ("eq", {"lowpass_hz": 5000.0}, {"lowpass_hz": 300.0}),
    ("convolver", {}, {"mix": 0.3}),
    ("convolver", {}, {"gain_db": -30.0}),
    ("convolver", {"gain_db": -30.0}, {"gain_db": 0.0}),
    ("convolver", {}, {"max_s": 0.002}),
    ("convolver", {"max_s": 0.01}, {"max_s": 10.0}),
    ("convolver", {}, {"normalize": "peak"}),
]


def take_over(new, old):
    """Copies what the new one can use of the old one's state."""
    known = old.heritage()
    for name, array in new.heritage().items():
        if name in known and known[name].shape == array.shape:
            assert array.flags.c_contiguous and any(np.shares_memory(array, own) for own in new._state.values())
            np.copyto(array, known[name])


def run(processor, x):
    wet = np.empty_like(x)
    for start in range(0, x.shape[1], 64):
        block = x[:, start : start + 64].copy()
        processor.process(block, block)
        wet[:, start : start + 64] = block
    return wet


def steps(x):
    return float(np.abs(np.diff(x)).max())


@pytest.fixture(scope="module")
def sounds():
    sounds = [(0.5 * np.sin(2 * np.pi * 440 / RATE * np.arange(RATE // 2))).astype(np.float32)]
    path = Path(os.environ.get("FXLAB_DATA", Path(__file__).parents[3] / "shared")) / "audio" / "di" / "pop_punk_guitar.flac"
    if path.is_file():
        audio, rate = soundfile.read(path, frames=4 * RATE, dtype="float32", always_2d=True)
        sounds.append(audio[-RATE // 2 :, 0])
    return [sound[None] for sound in sounds]


@pytest.mark.parametrize("name, before, change", CHANGES, ids=[f"{name}-{before}-{change}" for name, before, change in CHANGES])
def test_a_new_setting_takes_over_without_a_click(name, before, change, sounds):
    for x in sounds:
        half = x.shape[1] // 2
        alone = [run(prepared(name, settings), x) for settings in (before, before | change)]
        old, new = prepared(name, before), prepared(name, before | change)
        run(old, x[:, :half])
        take_over(new, old)
        wet = run(new, x[:, half:])
        assert np.isfinite(wet).all()
        fade = np.clip(np.arange(half) / TAKEN, 0, 1)
        gone = alone[0][:, half:]
        heard = np.concatenate((alone[0][:, half - 1 : half], gone * (1 - fade) + wet * fade), axis=1)
        usual = max(steps(alone[0]), steps(alone[1])) + (np.abs(alone[0]).max() + np.abs(alone[1]).max()) / TAKEN
        assert steps(heard) <= 1.5 * usual, f"{steps(heard):.4f} where {usual:.4f} is usual"
        assert np.abs(heard).max() <= 1.5 * max(np.abs(one).max() for one in alone)


@pytest.mark.parametrize(
    "before, change",
    [
        ({}, {"rate_hz": 1000.0}),
        ({"rate_hz": 40_000.0}, {"rate_hz": 100.0}),
        ({"rate_hz": 100.0}, {"rate_hz": 40_000.0}),
        ({"rate_hz": 9000.0, "oversample": 8}, {"oversample": 1}),
        ({"rate_hz": 9000.0}, {"rate_hz": 192_000.0}),
    ],
)
def test_after_an_hour_a_new_rate_neither_catches_up_nor_waits(before, change):
    old, new = prepared("bitcrusher", before), prepared("bitcrusher", before | change)
    old._state["counters"][0] = done = 3600 * RATE * old.oversample
    old._state["counters"][1] = int(3600 * old.rate_hz) if old.reduces else 0
    take_over(new, old)
    samples, instants = new._state["counters"]
    assert samples in (0, done) and (not new.reduces or abs(samples * new.rate_hz / new.clock_hz - instants) <= 1)
    block = np.full((1, 512), 0.5, np.float32)
    new.process(block, block)
    assert new._state["counters"][1] - instants <= 512 * new.oversample
    assert np.abs(block[0, -1] - 0.5) < 0.01 or new.rate_hz < 200 or new.oversample > 1


def test_the_same_rate_goes_on_where_it_was():
    old, new = (prepared("bitcrusher", {"rate_hz": 9000.0, "bits": bits}) for bits in (8.0, 8.5))
    run(old, np.zeros((1, 1000), np.float32))
    take_over(new, old)
    assert new._state["counters"].tolist() == old._state["counters"].tolist() != [0, 0]


def test_bands_of_the_equaliser_go_on_where_others_are_switched_on(sounds):
    old, new = prepared("eq", {"low_shelf_db": 6.0}), prepared("eq", {"low_shelf_db": 6.0, "highpass_hz": 30.0})
    run(old, sounds[0][:, :1000])
    take_over(new, old)
    np.testing.assert_array_equal(new._state["low_shelf"], old._state["low_shelf"])
    assert not new._state["highpass"].any()


def test_another_low_pass_keeps_what_the_dc_blocker_knows():
    x = (0.5 * np.sin(2 * np.pi * 480 / RATE * np.arange(4000))).astype(np.float32)[None]  # a period is 100 frames
    for before, after in itertools.permutations(("one_pole", "biquad")):
        old, new = (prepared("saturator", {"bias": 0.6, "drive_db": 20.0, "lowpass": one}) for one in (before, after))
        run(old, np.tile(x, 5))
        take_over(new, old)
        assert not new._state["lowpass"].any()
        assert abs(run(new, x)[0, 1000:1100].mean()) < 0.01


def test_responses_that_are_cut_up_otherwise_share_no_half_done_work(tmp_path):
    noise = np.random.default_rng(0).standard_normal(40_000) * np.exp(-np.arange(40_000) / 8000)
    made = []
    for frames in (20_000, 20_100, 30_000):
        soundfile.write(tmp_path / f"{frames}.wav", 0.05 * noise[:frames], RATE, "FLOAT")
        made.append(prepared("convolver", {"ir": str(tmp_path / f"{frames}.wav")}))
    first, alike, longer = (one.heritage() for one in made)
    assert {name: array.shape for name, array in first.items()} == {name: array.shape for name, array in alike.items()}
    assert first.keys() & longer.keys() == {"clock", "latest", "heard"}
    # What goes on with all states of an equal filter's is that filter.
    x = np.random.default_rng(1).standard_normal((1, 30_000)).astype(np.float32)
    soundfile.write(tmp_path / "again.wav", 0.05 * noise[:20_000], RATE, "FLOAT")
    again = prepared("convolver", {"ir": str(tmp_path / "again.wav")})
    run(made[0], x[:, :9990])
    take_over(again, made[0])
    np.testing.assert_array_equal(run(again, x[:, 9990:]), run(made[0], x[:, 9990:]))


def test_every_compiled_effect_is_tested_here():
    assert {name for name, one in effects().items() if isinstance(one.processor("numba"), Compiled)} <= set(FULL)
