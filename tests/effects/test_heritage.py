"""States that a processor hands over to one with other parameters: it goes on from there, without a click."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fxlab.effects.registry import effects

RATE = 48_000
TAKEN = 960  # frames of a crossfade


def prepared(name, settings):
    processor = effects()[name].processor("numba", **settings)
    processor.prepare(RATE, 1, 1100)
    return processor


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
    ("compressor", {"threshold_db": -40.0}, {"ratio": 10.0}),
    ("compressor", {"threshold_db": -40.0, "release_ms": 1000.0}, {"threshold_db": -10.0}),
    ("compressor", {}, {"attack_ms": 300.0, "makeup_db": 12.0}),
    ("imager", {}, {"width": 0.0}),
    ("convolver", {}, {"mix": 0.3}),
    ("convolver", {}, {"gain_db": -30.0}),
    ("convolver", {"gain_db": -30.0}, {"gain_db": 0.0}),
    ("convolver", {}, {"max_s": 0.002}),
    ("convolver", {"max_s": 0.01}, {"max_s": 10.0}),
    ("convolver", {}, {"normalize": "peak"}),
    ("ace", {}, {"li_strength": 0.0}),
    ("ace", {"li_strength": 0.0, "ex_strength": 0.0}, {"ex_strength": 20.0}),
    ("ace", {"dp_decay_s": 5.0}, {"dp_decay_s": 0.0}),
    ("ace", {"sce_share": 1.0}, {"sce_share": 0.0}),
    ("ace", {"mix": 0.2, "output_db": -20.0}, {"mix": 1.0}),
    ("ace", {}, {"output_db": 12.0}),
    ("ace", {}, {"band3_db": 12.0}),
    ("ace", {}, {"highpass_hz": 1000.0}),
    ("ace", {}, {"tce_highpass_hz": 100.0}),
    ("ace", {}, {"noise_floor_db": -60.0, "delta_db": -60.0}),
    ("ace", {}, {"adapt": True}),
    ("ace", {}, {"tce_carrier": "highpassed"}),
    ("ace", {}, {"time_constants": "synthdef"}),
    ("ace", {"bands": 16}, {"bands": 60}),
    ("ace", {"latency_ms": 16}, {"latency_ms": 4}),
    ("limiter", {"gain_db": 12.0}, {"gain_db": 0.0}),
    ("limiter", {}, {"gain_db": 12.0}),
    ("limiter", {"gain_db": 12.0}, {"ceiling_db": -12.0}),
    ("limiter", {"gain_db": 12.0}, {"release_ms": 500.0}),
    ("limiter", {"gain_db": 12.0}, {"link": 0.0}),
    ("limiter", {"gain_db": 12.0}, {"lookahead_ms": 1.0}),
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
