"""Trims and fades: exact in length, nothing audible lost, the same for any split."""

from __future__ import annotations

import numpy as np
import pytest

from fxlab.mastering.edit import AFTER_S, BEFORE_S, Edit, find_ends

RATE = 48_000


def blocks(audio, size):
    return [audio[:, start : start + size] for start in range(0, audio.shape[1], size)]


def edited(audio, edit, size=4_096):
    edit = edit.located(blocks(audio, size), RATE)
    pieces = list(edit.apply(blocks(audio, size), audio.shape[1], RATE))
    out = np.concatenate(pieces, axis=1) if pieces else audio[:, :0]
    assert out.shape[1] == edit.frames(audio.shape[1], RATE)
    assert out.dtype == np.float32
    return out


def song(frames=50_000, lead=20_000, tail=30_000):
    """Noise that decays by 100 dB, with silence before it and faint noise after it."""
    rng = np.random.default_rng(0)
    tone = rng.uniform(-1, 1, (2, frames)) * 10 ** (-5 * np.arange(frames) / frames)
    faint = 1e-5 * rng.uniform(-1, 1, (2, tail))
    return np.concatenate((np.zeros((2, lead)), tone, faint), axis=1).astype(np.float32)


def test_the_default_changes_nothing():
    audio = song()
    assert np.array_equal(edited(audio, Edit()), audio)


@pytest.mark.parametrize("trim_db", [-40.0, -70.0])
def test_nothing_above_the_threshold_is_cut_and_little_else_is_kept(trim_db):
    audio = song()
    first, stop = find_ends(blocks(audio, 1_000), RATE, trim_db)
    loud = np.flatnonzero(np.abs(audio).max(axis=0) > 10 ** (trim_db / 20))
    assert loud[0] - first == round(BEFORE_S * RATE) and stop - loud[-1] - 1 == round(AFTER_S * RATE)
    assert np.array_equal(edited(audio, Edit(trim_db)), audio[:, first:stop])


def test_fades_begin_and_end_at_nothing_and_leave_the_middle_alone():
    audio = np.ones((1, RATE), np.float32)
    out = edited(audio, Edit(fade_in_s=0.1, fade_out_s=0.25))
    fade_in, fade_out = RATE // 10, RATE // 4
    assert out[0, 0] < 1e-6 and out[0, -1] < 1e-6
    assert np.all(np.diff(out[0, :fade_in]) > 0) and np.all(np.diff(out[0, -fade_out:]) < 0)
    assert out[0, fade_in // 2] == pytest.approx(0.5, abs=1e-3) == out[0, -fade_out // 2]
    assert np.array_equal(out[0, fade_in:-fade_out], audio[0, fade_in:-fade_out])


@pytest.mark.parametrize("size", [1, 63, 100_000])
def test_any_split_gives_the_same(size):
    audio = song(3_000, 500, 700)
    edit = Edit(-60.0, 0.02, 0.03)
    assert np.array_equal(edited(audio, edit, size), edited(audio, edit))


def test_fades_that_are_too_long_overlap():
    out = edited(np.ones((1, 1_000), np.float32), Edit(fade_in_s=1.0, fade_out_s=1.0))
    assert np.argmax(out[0]) in (499, 500) and np.allclose(out[0], out[0, ::-1], atol=1e-6)


def test_silence_is_kept_whole_and_an_unlocated_trim_refused():
    silence = np.zeros((2, 500), np.float32)
    assert np.array_equal(edited(silence, Edit(-60.0)), silence)
    with pytest.raises(ValueError, match="located"):
        Edit(-60.0).frames(500, RATE)
