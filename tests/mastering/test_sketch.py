from __future__ import annotations

import math

import numpy as np
import pytest

from fxlab.audio.loudness import integrated_lufs, mean_lufs
from fxlab.audio.true_peak import true_peak_db
from fxlab.effects.processor import apply
from fxlab.effects.registry import effect
from fxlab.mastering import solver
from fxlab.mastering.sketch import Sketch


def drums(rate=44_100, seconds=2.0, channels=2, seed=1):
    """Decaying bursts of noise over a steady one: far peaks over its loudness."""
    rng, frames = np.random.default_rng(seed), round(rate * seconds)
    decay = np.exp(-(np.arange(frames) % (rate // 4)) / (0.05 * rate))
    audio = rng.standard_normal((channels, frames)) * decay + 0.1 * rng.standard_normal(frames)
    return (0.1 * audio).astype(np.float32)


def sketch(audio, rate=44_100, block=10_000):
    drawn = Sketch(rate, len(audio))
    for start in range(0, audio.shape[1], block):
        drawn.add(audio[:, start : start + block])
    drawn.end()
    return drawn


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (44_100, 2), (96_000, 2), (48_000, 6)])
def test_without_a_limiter_the_sketch_is_as_loud_as_the_song(rate, channels):
    audio = drums(rate, 1.0, channels)
    drawn = sketch(audio, rate)
    assert drawn.lufs() == pytest.approx(integrated_lufs(audio, rate), abs=1e-4)
    assert drawn.lufs(7.0) == pytest.approx(integrated_lufs(audio, rate) + 7.0, abs=1e-4)
    assert drawn.true_peak_db == pytest.approx(true_peak_db(audio, rate), abs=1e-4)


@pytest.mark.parametrize("gain_db", [6.0, 10.0, 14.0])
@pytest.mark.parametrize("rate", [8000, 44_100, 96_000])
def test_the_sketch_knows_what_the_limiter_does_to_the_loudness(rate, gain_db):
    audio = drums(rate)
    limited = apply(effect("limiter").processor(gain_db=gain_db, ceiling_db=-1.0), audio, rate)
    lost = sketch(audio, rate).lufs() + gain_db - integrated_lufs(limited, rate)
    assert sketch(audio, rate).lufs(gain_db, -1.0) == pytest.approx(integrated_lufs(limited, rate), abs=0.01 + 0.02 * lost)


def test_any_split_gives_the_same_sketch():
    audio = drums()
    whole, split = sketch(audio, block=10**9), sketch(audio, block=777)
    assert np.array_equal(whole.powers, split.powers)
    assert whole.peaks == pytest.approx(split.peaks, abs=1e-6)


def test_what_is_too_short_or_too_quiet_for_gates_counts_as_a_whole():
    audio = drums(seconds=0.3)
    assert sketch(audio).lufs() == pytest.approx(mean_lufs(audio, 44_100), abs=0.02)
    assert math.isfinite(sketch(1e-5 * drums()).lufs())
    assert sketch(np.zeros((2, 44_100), np.float32)).lufs() == -math.inf
    assert sketch(np.ones((2, 1), np.float32)).lufs() == -math.inf


@pytest.mark.parametrize("lufs", [-30.0, -20.0, -14.0, -12.0])
def test_the_gain_is_the_one_that_makes_it_so_loud(lufs):
    drawn = sketch(drums())
    aim = solver.aim(drawn, lufs, -1.0, 1.0, 12.0)
    assert aim.promised_lufs == lufs
    gain = solver.gain_db(drawn, aim, -1.0, 12.0)
    assert drawn.lufs(gain, -1.0) == pytest.approx(lufs, abs=0.003)
    louder = solver.gain_db(drawn, aim, -1.0, 12.0, correction_lu=-0.2)
    assert drawn.lufs(louder, -1.0) == pytest.approx(lufs + 0.2, abs=0.003)


def test_what_a_song_is_spared():
    drawn = sketch(drums())
    spared = solver.aim(drawn, -5.0, -1.0, 1.0, 6.0)
    assert spared.promised_lufs is None and "more than 6 dB" in spared.instead
    assert solver.gain_db(drawn, spared, -2.0, 6.0) == pytest.approx(-2.0 + 6.0 - drawn.true_peak_db, abs=1e-4)


def test_how_much_of_the_way():
    drawn = sketch(drums())
    assert solver.aim(drawn, -14.0, -1.0, 0.5, 12.0).lufs == pytest.approx((drawn.lufs() - 14.0) / 2)
    assert solver.aim(drawn, -14.0, -1.0, 0.0, 12.0) == solver.Aim(None, False)
    assert solver.aim(drawn, None, -1.0, 1.0, 12.0) == solver.Aim(None, False)
    assert solver.aim(drawn, None, drawn.true_peak_db - 0.1, 1.0, 12.0) == solver.Aim(None, True)
