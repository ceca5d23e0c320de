"""Albums keep the distances between their songs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fxlab.audio.programme import Programme, ProgrammeMeter
from fxlab.errors import UsageError
from fxlab.mastering.album import album, album_lufs


def programme(lufs: float, seconds: float = 200.0) -> Programme:
    return Programme(seconds, lufs, 5.0, lufs + 3, lufs + 5, -1.0, -1.2)


def test_the_loudest_song_meets_the_target_and_the_others_keep_their_distance():
    songs = [programme(level) for level in (-23.0, -18.5, -31.0)]
    plan = album(songs, -14.0)
    assert plan.anchor == 1 and plan.gain_db == 4.5
    assert plan.targets_lufs == pytest.approx((-18.5, -14.0, -26.5))


def test_distances_can_be_halved_or_dropped():
    songs = [programme(-20.0), programme(-16.0)]
    assert album(songs, -14.0, 0.5).targets_lufs == pytest.approx((-16.0, -14.0))
    assert album(songs, -14.0, 0.0).targets_lufs == pytest.approx((-14.0, -14.0))


def test_silent_songs_are_left_out_but_get_the_albums_gain():
    songs = [programme(-20.0), programme(-math.inf)]
    plan = album(songs, -14.0)
    assert plan.targets_lufs == (-14.0, None) and plan.gain_db == 6.0
    assert album([programme(-math.inf)], -14.0).anchor is None
    with pytest.raises(UsageError, match="songs"):
        album([], -14.0)


def test_loudness_of_an_album_is_that_of_its_songs_in_a_row():
    rng = np.random.default_rng(0)
    rate, songs = 48_000, []
    for seconds, level in ((3.0, 0.1), (6.0, 0.2), (2.0, 0.15)):
        songs.append((level * rng.standard_normal((2, round(seconds * rate)))).astype(np.float32))

    def measured(audio):
        meter = ProgrammeMeter(rate, 2, true_peak=0)
        meter.add(audio)
        return meter.programme()

    assert album_lufs([measured(one) for one in songs]) == pytest.approx(
        measured(np.concatenate(songs, axis=1)).integrated_lufs, abs=0.1
    )
    assert album_lufs([programme(-20.0, 10), programme(-20.0, 300)]) == pytest.approx(-20.0)
