from __future__ import annotations

import dataclasses
import math

import pytest

from fxlab.audio.programme import Programme
from fxlab.errors import UsageError
from fxlab.mastering.platforms import PLATFORMS, effects_of
from fxlab.mastering.presets import PRESETS
from fxlab.mastering.targets import DEFAULT, TARGETS, target
from fxlab.settings import MasterSettings


def programme(lufs, true_peak_db):
    return Programme(60.0, lufs, 5.0, lufs, lufs, true_peak_db, true_peak_db)


def test_every_target_leaves_what_it_does_not_ask_for():
    assert TARGETS[DEFAULT].lufs == -14.0 and TARGETS[DEFAULT].ceiling_db == -1.0
    assert (TARGETS["ebu-r128"].lufs, TARGETS["ebu-r128"].ceiling_db) == (-23.0, -1.0)
    assert (TARGETS["cd"].subtype, TARGETS["cd"].sample_rate_hz) == ("PCM_16", 44_100)
    for name, one in TARGETS.items():
        assert one.name == name and one.about.endswith(".") and one.ceiling_db <= -0.3 and -23 <= one.lufs <= -9


def test_settings_know_every_target_and_every_preset():
    known = {one.name: one.metadata["choices"] for one in dataclasses.fields(MasterSettings) if one.metadata["choices"]}
    assert set(known["target"]) == set(TARGETS) and set(known["preset"]) == {"none", *PRESETS}


def test_unknown_target_names_the_nearest():
    with pytest.raises(UsageError, match="no target 'spotfy'") as caught:
        target("spotfy")
    assert "spotify" in caught.value.hint


def test_changed_target():
    asked = target("spotify").changed(lufs=-9.0, ceiling_db=-1.5)
    assert (asked.name, asked.lufs, asked.ceiling_db) == ("custom", -9.0, -1.5)
    assert target("spotify").changed(lufs=-14.0) is target("spotify").changed()
    assert target("spotify").changed(lufs=-9.0).ceiling_db == -2.0  # asked for by Spotify
    assert target("spotify").changed(lufs=-16.0).ceiling_db == target("apple").changed(lufs=-9.0).ceiling_db == -1.0
    for wrong in ({"lufs": -4.0}, {"lufs": -41.0}, {"ceiling_db": 0.1}, {"lufs": math.nan}):
        with pytest.raises(UsageError, match="out of range"):
            target("spotify").changed(**wrong)


@pytest.mark.parametrize(
    ("lufs", "peak", "expected"),
    [
        (-9.9, -1.0, {"Spotify": -4.1, "Apple Music": -6.1, "YouTube": -4.1, "Deezer": -5.1}),
        (-14.0, -1.0, {"Spotify": 0.0, "Apple Music": -2.0, "Tidal": 0.0, "Deezer": -1.0}),
        (-18.0, -3.0, {"Spotify": 2.0, "Apple Music": 2.0, "YouTube": 0.0, "Amazon Music": 0.0}),
        (-20.0, -0.5, {"Spotify": 0.0, "Apple Music": 0.5}),
    ],
)
def test_platforms_turn_down_and_some_of_them_up_as_far_as_the_peak_allows(lufs, peak, expected):
    found = {one.platform: one for one in effects_of(programme(lufs, peak))}
    assert list(found) == [platform.name for platform in PLATFORMS]
    for name, gain in expected.items():
        assert found[name].gain_db == pytest.approx(gain, abs=1e-9)


def test_what_platforms_do_in_words():
    texts = {one.platform: one.text for one in effects_of(programme(-9.9, -1.0))}
    assert texts["Spotify"] == "Spotify turns it down 4.1 dB"
    texts = {one.platform: one.text for one in effects_of(programme(-18.0, -3.0))}
    assert texts["Spotify"] == "Spotify turns it up 2.0 dB of 4.0, as far as the peak allows"
    assert texts["Apple Music"] == "Apple Music turns it up 2.0 dB"
    assert texts["YouTube"] == "YouTube leaves it 4.0 dB quieter than other songs"
    texts = {one.platform: one.text for one in effects_of(programme(-20.0, -0.5))}
    assert texts["Spotify"] == "Spotify would turn it up 6.0 dB, but its peaks allow nothing"
    assert effects_of(programme(-math.inf, -3.0)) == ()
