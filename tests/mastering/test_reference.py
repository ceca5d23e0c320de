"""Towards a reference: what a song lacks is given back, each stage by its weight, and reasons say so."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from fxlab.audio.bands import CENTRES_HZ
from fxlab.mastering.chain import Chain, Peak
from fxlab.mastering.comparable import known, levelled, mean_of
from fxlab.mastering.explain import LEFT_ALONE, Reason, describe, sentences, tone_db
from fxlab.mastering.reference import Weights, chain_towards, compression, reduction_db, wanted_curve

HEARD = (CENTRES_HZ >= 60) & (CENTRES_HZ <= 12_000)


def changed_width(audio, factor):
    mid, side = audio.mean(axis=0), (audio[0] - audio[1]) / 2 * np.float32(factor)
    return np.stack((mid + side, mid - side))


def test_a_song_is_its_own_reference(song, analysed):
    heard = analysed(song())
    assert chain_towards(heard, [heard, heard]) == (Chain(), ())
    quieter = analysed(song() * 0.1)
    assert chain_towards(heard, [quieter])[0] == Chain(), "loudness is no tone"


def test_what_was_taken_from_the_tone_is_given_back(song, analysed, equalised):
    taken = 4 * np.sin(2 * np.pi * np.arange(27) / 14)
    original, other = analysed(song(6.0)), analysed(song(6.0, seed=1))
    worse = analysed(equalised(song(6.0), taken))
    chain, reasons = chain_towards(worse, [original, other])
    given = tone_db(chain, 44_100)
    left = (given + taken)[HEARD]
    assert np.sqrt(np.mean((left - left.mean()) ** 2)) < 0.35 * np.sqrt(np.mean(taken[HEARD] ** 2))
    assert {one.stage for one in reasons} == {"tone"} and not chain.width and not chain.dynamics
    for one in reasons:
        assert (one.measured - one.comparable) * one.change < 0, one


def test_no_band_is_changed_by_more_than_six_decibels(song, analysed, equalised):
    worse = analysed(equalised(song(), 20 * np.sign(np.sin(np.arange(27) / 2))))
    chain, _ = chain_towards(worse, [analysed(song())])
    assert 5.0 < np.abs(tone_db(chain, 44_100)).max() <= 6.0


def test_width_and_its_weight(song, analysed):
    audio = song()
    narrow, wide = analysed(changed_width(audio, 0.6)), analysed(audio)
    chain, (reason,) = chain_towards(narrow, [wide])
    assert chain.width["width"] == pytest.approx(1 / 0.6, rel=0.01) and not chain.peaks
    assert sentences([reason]) == [f"Its sides were 4.4 dB quieter than in comparable songs: widened to {1 / 0.6:.2f}."]
    half = chain_towards(narrow, [wide], Weights(width=0.5))[0].width["width"]
    assert half == pytest.approx((1 / 0.6) ** 0.5, rel=0.01)
    assert chain_towards(narrow, [wide], Weights(width=0))[0] == Chain()


def test_mono_songs_stay_mono_and_mono_references_tell_nothing_of_width(song, analysed):
    mono, stereo = analysed(song(channels=1)), analysed(song())
    assert not chain_towards(mono, [stereo])[0].width and not chain_towards(stereo, [mono])[0].width
    assert describe(Chain(width={"width": 2.0}), mono, mean_of([stereo])) == ()
    both = mean_of([mono, stereo])
    assert both.width_db == pytest.approx(stereo.width_db)


def test_more_dynamic_songs_are_compressed_and_less_dynamic_ones_never_expanded(song, analysed):
    even, lively = analysed(song(swing_db=2.0)), analysed(song(swing_db=20.0))
    chain, reasons = chain_towards(lively, [even])
    assert chain.dynamics["ratio"] > 1.05 and "dynamics" in {one.stage for one in reasons}
    assert not chain_towards(even, [lively])[0].dynamics
    assert not chain_towards(lively, [even], Weights(dynamics=0))[0].dynamics
    ratios = [compression(reduction, lively).get("ratio", 1.0) for reduction in (0, 1, 2, 3, 6)]
    assert ratios == sorted(ratios) and ratios[0] == 1.0 and ratios[-1] <= 1.5
    assert 0 <= reduction_db(lively, mean_of([even])) <= 6


def test_silence_has_no_chain(song, analysed):
    silence, heard = analysed(np.zeros((2, 88_200), np.float32)), analysed(song())
    assert chain_towards(silence, [heard]) == chain_towards(heard, [silence]) == (Chain(), ())


def test_bands_that_a_reference_lacks_are_left_to_their_neighbours(song, analysed):
    low_rate, heard = analysed(song(rate=16_000), 16_000), analysed(song())
    assert np.isnan(known(low_rate)[-3:]).all() and np.isfinite(known(heard)).all()
    curve = wanted_curve(heard, mean_of([low_rate]))
    assert np.isfinite(curve).all() and np.abs(curve[-4:]).max() < 3


def test_levelled_spectra_know_no_loudness_nor_channel_count(song, analysed):
    stereo, mono = analysed(song(width=0.0)), analysed(song(channels=1) * 0.2)
    np.testing.assert_allclose(levelled(stereo.mid_db), levelled(mono.mid_db), atol=0.01)


@pytest.mark.parametrize(
    ("reason", "line"),
    [
        (
            ("tone", 2000.0, -20.0, -22.0, "dB", 1.5),
            "Around 2 kHz: raised 1.5 dB, as a matter of taste; by itself it was 2.0 dB above X.",
        ),
        (("tone", 80.0, -20.0, -18.0, "dB", 1.5), "Around 80 Hz it was 2.0 dB below X: raised 1.5 dB."),
        (
            ("width", None, -8.0, -12.0, "dB", 1.3),
            "Its sides: widened to 1.30, as a matter of taste; they were 4.0 dB louder than in X.",
        ),
        (("width", None, -8.0, -12.0, "dB", 0.8), "Its sides were 4.0 dB louder than in X: narrowed to 0.80."),
        (
            ("dynamics", None, 14.0, 11.0, "dB", 1.5),
            "Its peaks stood 14.0 dB above its loudness, 3.0 dB more than in X: compressed 1.5:1.",
        ),
        (
            ("dynamics", None, 8.0, 11.0, "dB", 1.5),
            "Its dynamics: compressed 1.5:1, as a matter of taste; its peaks stood 8.0 dB above its loudness, 3.0 dB less than "
            "in X.",
        ),
    ],
)
def test_what_goes_against_the_comparison_is_said(reason, line):
    assert sentences([Reason(*reason, "X")]) == [line]


def test_reasons_in_words(song, analysed):
    heard = analysed(song())
    others = mean_of([heard])
    at_250 = others.mid_db - 3.2 * np.exp(-((np.log2(CENTRES_HZ / 250)) ** 2))
    chain = Chain((Peak(250.0, -1.6, 1.0),), dynamics={"ratio": 2.0}, width={"width": 1.3})
    lines = sentences(describe(chain, heard, dataclasses.replace(others, mid_db=at_250)))
    assert lines[0].startswith("Around 250 Hz it was 2.") and lines[0].endswith("dB above comparable songs: cut 1.6 dB.")
    assert lines[1].startswith("Its dynamics: compressed 2:1, as a") and lines[1].endswith("as in comparable songs.")
    assert lines[2] == "Its sides: widened to 1.30, as a matter of taste; they were as loud as in comparable songs."
    assert sentences(describe(chain, heard, None))[0] == "Around 250 Hz: cut 1.6 dB."
    assert sentences(()) == [LEFT_ALONE] == sentences(describe(Chain(), heard, others))
    loudness = Reason("loudness", None, -18.0, -14.0, "LUFS", 4.2, "")
    assert sentences([loudness]) == [LEFT_ALONE, "Its loudness was -18.0 LUFS, the target is -14.0: turned up by 4.2 dB."]
