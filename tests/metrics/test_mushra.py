"""The predicted rating: as published, and monotonous in everything that listeners would hear."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fxlab.audio.biquad import run_cascade
from fxlab.audio.resampling import resample
from fxlab.metrics.mushra import HEARD_FROM, RATE_HZ, predict, rating

# The authors' demo pairs (docs/data/selected_demo_examples.csv), and one of example_usage.ipynb in single precision: distance,
# rating.
PUBLISHED = (
    (0.4892544033252879, 100.0),
    (1.210397105031095, 100.0),
    (1.6128583872452733, 100.0),
    (2.8920020333644487, 100.0),
    (3.425949131918167, 95.08780482344628),
    (4.208053548358493, 88.89036071779579),
    (5.518948301197419, 80.71677098764225),
    (6.650526652145874, 75.09539094578872),
    (7.990047088176394, 69.5646758891761),
    (9.4774299091876, 64.41927366031067),
    (12.454367886568024, 56.18627470742302),
    (16.606993461561963, 47.51340358144889),
    (20.126256942749023, 41.72044558200835),
)


def buzz(slope=1.0, seconds=3.0):
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return 0.2 * np.exp(-1.5 * t) * sum(np.sin(2 * np.pi * 110 * n * t) / n**slope for n in range(1, 40))


def duller(audio, amount):
    """A one-pole low-pass: y[n] = (1 - amount) x[n] + amount y[n-1]."""
    out = np.empty((1, len(audio)))
    section = np.array([[1 - amount, 0, 0, -amount, 0]])
    run_cascade(audio[None].astype(np.float32), out, section, np.zeros((1, 1, 2)))
    return out[0]


@pytest.mark.parametrize(("distance", "rated"), PUBLISHED)
def test_the_mapping_is_the_published_one(distance, rated):
    assert rating(distance) == pytest.approx(rated, abs=2e-6)


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_larger_distance_never_rates_higher(one, other):
    near, far = sorted((one, other))
    assert 0 <= rating(far) <= rating(near) <= 100


@pytest.mark.parametrize(("lead", "distance"), [(0, 7.663667254384), (30_000, 7.658360818008077)])
def test_the_published_procedure_gives_the_same_distance(lead, distance):
    """Their steps with librosa 0.11.0 and pyloudnorm 0.2.0; with a lead-in of silence, which is trimmed by whole hops."""
    silence = np.zeros(lead)
    found = predict(*(np.concatenate([silence, buzz(slope)]) for slope in (1.0, 1.3)), RATE_HZ)
    assert found.distance == pytest.approx(distance, abs=1e-5)
    assert found.mushra == pytest.approx(rating(distance), abs=1e-4)


def test_equal_signals_rate_100():
    found = predict(buzz(), buzz(), RATE_HZ)
    assert found.mushra == 100 and found.distance == 0


@pytest.mark.parametrize(
    "worse",
    [
        lambda audio, amount: audio + 10 ** (4 * amount - 5) * np.random.default_rng(0).standard_normal(len(audio)),
        duller,
        lambda audio, amount: np.tanh(40 * amount * audio) / (40 * amount),
        lambda audio, amount: audio * 10 ** (-amount),
    ],
    ids=["noise", "low-pass", "distortion", "level"],
)
def test_the_worse_the_lower(worse):
    clean = buzz()
    found = [predict(clean, worse(clean, amount), RATE_HZ) for amount in (0.05, 0.3, 0.6, 0.9)]
    distances = [one.distance for one in found]
    assert distances == sorted(distances) and distances[0] > 0 and distances[-1] > HEARD_FROM
    assert all(a.mushra >= b.mushra for a, b in zip(found, found[1:], strict=False)) and found[-1].mushra < 100


@pytest.mark.parametrize("gain", [1e-2, 0.3, 20.0])
def test_the_level_of_both_does_not_matter(gain):
    one, same = (predict(g * buzz(1.0), g * buzz(1.2), RATE_HZ) for g in (1, gain))
    assert same.distance == pytest.approx(one.distance, abs=1e-3)


def test_a_decibel_moves_the_distance_as_stated():
    noise = 0.1 * np.random.default_rng(0).standard_normal(3 * RATE_HZ)
    assert predict(noise, 10 ** (1 / 20) * noise, RATE_HZ).distance == pytest.approx(math.sqrt(128) / 20, abs=1e-3)


def test_the_sample_rate_does_not_matter():
    pair = [buzz(1.0), buzz(1.2)]
    elsewhere = [resample(audio, RATE_HZ, 48_000) for audio in pair]
    assert predict(*elsewhere, 48_000).distance == pytest.approx(predict(*pair, RATE_HZ).distance, rel=0.01)


def test_long_audio_is_judged_clip_by_clip():
    """Two clips of 3 s and a rest of 1.5 s, of which every one counts by its length."""
    pieces = [(buzz(), buzz(1.3)), (buzz(), buzz()), (buzz(1.0, 1.5), buzz(1.2, 1.5))]
    found = [predict(*piece, RATE_HZ) for piece in pieces]
    whole = predict(*(np.concatenate(side) for side in zip(*pieces, strict=True)), RATE_HZ)
    for name in ("mushra", "distance"):
        expected = np.average([getattr(one, name) for one in found], weights=[3, 3, 1.5])
        assert getattr(whole, name) == pytest.approx(expected, abs=1e-4)


def test_clips_without_sound_do_not_count():
    target = np.concatenate([buzz(), 1e-4 * buzz(), np.zeros(3 * RATE_HZ)])
    output = np.concatenate([buzz(1.3), np.zeros(6 * RATE_HZ)])
    assert predict(target, output, RATE_HZ).distance == pytest.approx(predict(buzz(), buzz(1.3), RATE_HZ).distance, abs=1e-6)


def test_where_it_says_nothing():
    assert predict(np.zeros(200_000), buzz(1, 200_000 / RATE_HZ), RATE_HZ) is None
    assert predict(buzz()[:40_000], buzz()[:40_000], RATE_HZ) is None
    assert predict(buzz()[:45_000], buzz()[:45_000], RATE_HZ).mushra == 100
    assert predict(np.zeros(0), np.zeros(0), RATE_HZ) is None
    assert predict(np.concatenate([np.zeros(100_000), buzz()[:40_000]]), np.zeros(140_000), RATE_HZ) is None
    for target, output in ((np.zeros(5), np.zeros(6)), (np.zeros((1, 5)), np.zeros((1, 5)))):
        with pytest.raises(ValueError, match="frames"):
            predict(target, output, RATE_HZ)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_an_output_that_is_no_number_rates_0(value):
    output = buzz()
    output[70_000] = value
    found = predict(buzz(), output, RATE_HZ)
    assert found.mushra == 0 and found.distance == math.inf
