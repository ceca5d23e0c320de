"""What is broken in a recording is found, left out, and nothing else is; strangers are refused."""

from __future__ import annotations

import numpy as np
import pytest
import soxr

from fxlab.audio.alignment import align
from fxlab.audio.alignment_defects import clipping, repeats, without
from fxlab.errors import InputError

RATE = 16_000


def overlaps(found, first, last):
    return any(a < last and b > first for a, b in found)


def test_dropouts_and_repeated_buffers_are_left_out(plucked, misaligned):
    dry = plucked(1)
    wet = misaligned(np.tanh(5 * dry), 100.4, 20)
    loud = [place for place in range(20_000, 110_000, 1_000) if np.std(dry[place : place + 256]) > 0.05]
    silent, again = loud[0], loud[-1]
    wet[silent + 100 : silent + 356] = 0
    wet[again + 100 : again + 228] = wet[again - 28 : again + 100]
    found = align(dry, wet, RATE)
    assert len(found.dead) == len(found.repeated) == 1
    for place, size in ((silent, 256), (again, 128)):
        assert not overlaps(found.stretches, place + 5, place + size - 5)
    assert sum(b - a for a, b in found.stretches) > len(dry) - 2_500


def test_a_lost_buffer_makes_the_delay_jump(plucked, misaligned):
    dry = plucked(2, 12.0)
    wet = misaligned(np.tanh(5 * dry), 50.3)
    wet = np.concatenate((wet[:100_000], wet[100_128:]))
    found = align(dry, wet, RATE)
    assert len(found.jumps) == 1
    np.testing.assert_allclose(found.jumps[0][1], -128, atol=0.2)
    assert not overlaps(found.stretches, 99_900, 100_100) and len(found.stretches) == 2
    aligned = found.applied(wet, len(dry))
    wanted = np.tanh(5 * dry)
    for first, last in found.stretches:
        error = aligned[first + 101 : last - 100] - wanted[first + 100 : last - 101]
        assert np.sum(error**2) < 0.02 * np.sum(wanted[first:last] ** 2)


def test_nothing_is_wrong_with_a_sound_recording(plucked):
    dry = plucked(3)
    found = align(dry, np.tanh(5 * dry), RATE)
    assert not (found.dead or found.repeated or found.jumps or found.clipping.tops)


def test_noise_is_heard_where_the_dry_side_is_silent(plucked):
    dry = np.concatenate((np.zeros(RATE, np.float32), plucked(4), np.zeros(RATE, np.float32)))
    noise = np.random.default_rng(0).normal(0, 1e-3, len(dry))
    found = align(dry, (np.tanh(5 * dry) + noise).astype(np.float32), RATE)
    assert found.noise.source == "silence"
    np.testing.assert_allclose(found.noise.level_db, -60, atol=0.5)
    np.testing.assert_allclose(found.noise.esr, 1e-6 / np.mean(np.tanh(5 * dry) ** 2), rtol=0.15)


def test_noise_under_constant_playing_is_bounded(plucked):
    dry = plucked(5)
    noise = np.random.default_rng(0).normal(0, 3e-3, len(dry))
    found = align(dry, (np.tanh(5 * dry) + noise).astype(np.float32), RATE)
    assert found.noise.source == "residue"
    assert -53 < found.noise.level_db < -30
    assert found.predictable.linear < found.predictable.bent < 1


@pytest.mark.parametrize("told", ["honest", "lying"])
def test_another_rate_is_undone_and_a_wrong_header_recognised(plucked, misaligned, told):
    dry = plucked(6, rate=44_100)
    wet = soxr.resample(misaligned(np.tanh(5 * dry), 441.0), 44_100, 48_000)
    found = align(dry, wet, 44_100, 48_000 if told == "honest" else 44_100)
    np.testing.assert_allclose(found.ratio, 1.0 if told == "honest" else 48_000 / 44_100)
    np.testing.assert_allclose(found.delay, 441, atol=0.05)
    np.testing.assert_allclose(found.drift_ppm, 0, atol=1)


def test_flat_tops_are_clipping_at_full_scale_only(plucked):
    loud = 4 * plucked(7)
    full, low = clipping(np.clip(loud, -1, 1)), clipping(0.5 * np.clip(loud, -1, 1))
    assert full.tops == low.tops > 10 and full.at_full_scale is True and low.at_full_scale is False
    assert full.share == pytest.approx(np.mean(np.abs(loud) >= 1), rel=0.4)
    assert not clipping(plucked(7)).tops and not clipping(np.zeros(100, np.float32)).tops


def test_periodic_and_flat_signals_do_not_repeat_buffers():
    time = np.arange(48_000)
    assert not repeats(np.sin(2 * np.pi * time / 64).astype(np.float32))
    assert not repeats(np.sign(np.sin(2 * np.pi * time / 777)).astype(np.float32))
    assert not repeats(np.zeros(5_000, np.float32))


def test_stretches_are_cut():
    assert without([(0, 100)], [(10, 20), (15, 30), (90, 200)], 2, 3) == [(0, 8), (33, 88)]
    assert without([(0, 10), (20, 30)], [(5, 25)], 0, 0) == [(0, 5), (25, 30)]
    assert without([(0, 10)], [], 1, 1) == [(0, 10)]


@pytest.mark.parametrize(
    ("wet", "reason"),
    [
        (lambda play: np.tanh(5 * play(9)), "nothing in it follows"),
        (lambda play: np.tanh(5 * play(8))[::-1].copy(), "backwards"),
        (lambda play: np.zeros(RATE * 5, np.float32), "silent"),
        (lambda play: np.full(RATE * 5, 0.1, np.float32), "silent"),
        (lambda play: np.tanh(5 * play(8))[: RATE // 2], "lasts 0.50 s"),
        (lambda play: np.tanh(5 * play(8))[: 3 * RATE], "covers only"),
        (lambda play: np.random.default_rng(0).normal(0, 0.1, 8 * RATE).astype(np.float32), "nothing in it follows"),
    ],
)
def test_what_does_not_belong_together_is_refused(plucked, wet, reason):
    with pytest.raises(InputError, match=reason):
        align(plucked(8), wet(plucked), RATE)
