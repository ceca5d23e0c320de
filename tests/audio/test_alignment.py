"""Delay, drift, polarity and gain that were put into recordings are found again."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fxlab
from fxlab.audio.alignment import align
from fxlab.audio.files import read

RATE = 16_000
EFFECTS = {"eq": {}, "saturator": {"drive_db": 18.0}, "clipper": {"drive_db": 12.0}}


def played(name: str, audio: np.ndarray, rate: int) -> np.ndarray:
    return fxlab.apply(fxlab.effect(name).processor(**EFFECTS[name]), audio, rate)


@pytest.fixture(scope="module")
def takes(shared_audio):
    """Eight seconds of a guitar and of a bass at 48 kHz, with the pickup's noise."""
    names = {"guitar": ("jazz_hop_guitar", 2), "bass": ("downtown_bass", 4)}
    return {
        key: soundfile.read(shared_audio / "di" / f"{name}.flac", start=48_000 * at, frames=48_000 * 8, dtype="float32")[0]
        for key, (name, at) in names.items()
    }


INJECTED = {
    ("guitar", "eq"): [(1234.3, 45, -1), (-20.5, -7, 1)],
    ("guitar", "saturator"): [(17.7, -120, 1), (5.2, 3, -1)],
    ("guitar", "clipper"): [(-300.45, 45, -1), (0.6, -7, 1)],
    ("bass", "eq"): [(1234.3, -120, 1), (100.0, 3, -1)],
}


@pytest.mark.parametrize(("take", "effect"), INJECTED)
def test_real_takes_through_effects(takes, misaligned, take, effect):
    dry = takes[take]
    wet = played(effect, dry, 48_000)
    plain = align(dry, wet, 48_000)
    assert plain.polarity == 1 and abs(plain.delay) < 1
    np.testing.assert_allclose(plain.drift_ppm, 0, atol=1)
    for delay, ppm, sign in INJECTED[take, effect]:
        found = align(dry, sign * misaligned(wet, delay, ppm), 48_000)
        np.testing.assert_allclose(found.delay - plain.delay, delay, atol=0.05)
        np.testing.assert_allclose(found.drift_ppm, ppm, atol=1)
        assert found.polarity == sign


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    delay=st.floats(-2_000, 20_000),
    ppm=st.sampled_from([-120.0, -7.0, 0.0, 3.0, 45.0]),
    sign=st.sampled_from([-1, 1]),
    gain_db=st.floats(-30, 10),
    seed=st.integers(0, 5),
)
def test_any_delay_drift_polarity_and_gain(plucked, misaligned, delay, ppm, sign, gain_db, seed):
    dry = plucked(seed)
    bent = np.tanh(4 * dry)
    gain = sign * 10 ** (gain_db / 20)
    found = align(dry, gain * misaligned(bent, delay, ppm), RATE)
    np.testing.assert_allclose(found.delay, delay, atol=0.05)
    np.testing.assert_allclose(found.drift_ppm, ppm, atol=1)
    assert found.polarity == sign
    usual = 20 * np.log10(np.std(bent) / np.std(dry))
    np.testing.assert_allclose(found.gain_db - usual, gain_db, atol=0.5)


@pytest.mark.parametrize("bias", [-0.4, 0.4])
def test_a_bent_asymmetric_device_keeps_its_polarity(plucked, bias):
    dry = plucked(1)
    wet = np.tanh(20 * dry + 8 * bias) - np.tanh(8 * bias)
    assert align(dry, wet.astype(np.float32), RATE).polarity == 1
    assert align(dry, -wet.astype(np.float32), RATE).polarity == -1


@pytest.mark.parametrize("order", [1, 2, 4])
def test_a_filter_of_minimum_phase_is_no_delay(plucked, order):
    """Its answer begins with the sound, however late the peak of the cross-correlation."""
    dry = plucked(2)
    low = scipy.signal.butter(order, 1500, fs=RATE)
    wet = np.concatenate((np.zeros(40), scipy.signal.lfilter(*low, dry)))
    found = align(dry, wet.astype(np.float32), RATE)
    correlation = scipy.signal.correlate(wet, dry)
    peak = int(np.argmax(np.abs(correlation))) - (len(dry) - 1)
    assert peak >= 40 + order - 1
    np.testing.assert_allclose(found.delay, 40, atol=0.8)


def test_a_wet_recording_never_comes_before_the_dry_one(plucked, misaligned):
    """An impulse behind the playing comes out no sooner than it went in, for delays of all fractions."""
    dry = plucked(3)
    dry = np.concatenate((dry, np.zeros(4_000, np.float32)))
    dry[-2_000] = 0.5
    for delay in (0.0, 7.0, 7.25, 7.5, 7.9, -5.3):
        wet = misaligned(dry, delay)
        found = align(dry, wet, RATE)
        tail = np.abs(found.applied(wet, len(dry))[-3_000:])
        assert int(np.argmax(tail)) == 1_000 + found.guard > 1_000
        np.testing.assert_allclose(tail[1_000 + found.guard], 0.5, rtol=0.05)


def test_what_was_shifted_by_software_is_copied_bit_by_bit(plucked):
    dry = plucked(4)
    wet = np.tanh(3 * dry)
    found = align(dry, np.concatenate((np.zeros(333, np.float32), wet)), RATE)
    assert found.drift_ppm == 0
    aligned = found.applied(np.concatenate((np.zeros(333, np.float32), wet)), len(dry))
    np.testing.assert_array_equal(aligned[found.guard :], wet[: -found.guard])


def test_aligned_recordings_are_those_that_were_never_apart(plucked, misaligned):
    """Delay and drift undone leave less than a model can hear; the independent resampling is of the same quality."""
    dry = plucked(5)
    low = scipy.signal.butter(2, 4_000, fs=RATE)
    wet = scipy.signal.lfilter(*low, np.tanh(4 * dry)).astype(np.float32)
    for delay, ppm in ((100.37, 45.0), (-20.6, -120.0)):
        apart = misaligned(wet, delay, ppm)
        found = align(dry, apart, RATE)
        plain = align(dry, wet, RATE)
        a, b = found.applied(apart, len(dry)), plain.applied(wet, len(dry))
        first, last = found.stretches[0][0] + 200, found.stretches[-1][1] - 200
        np.testing.assert_allclose(found.delay - plain.delay, delay, atol=0.05)
        shift = (found.delay - plain.delay - delay) - (found.clock.offsets[0] - plain.clock.offsets[0] - delay)
        assert abs(shift) < 0.2
        error = np.sum((a - b)[first:last] ** 2) / np.sum(b[first:last] ** 2)
        assert error < 2e-3


def test_the_same_recordings_give_the_same_figures(plucked):
    dry = plucked(6)
    one, two = (align(dry, np.tanh(5 * dry), RATE) for _ in range(2))
    assert (one.delay, one.clock.offsets, one.stretches) == (two.delay, two.clock.offsets, two.stretches)


def test_a_circuit_that_answers_in_the_bass_alone_is_not_moved_ahead_of_its_cause(shared_audio):
    """The Klon's files share their first sample; its treble, in which the answer's beginning would be seen, is all but gone."""
    dry, wet = (read(shared_audio / "klon" / name)[0][0][: 60 * 22_050] for name in ("input.flac", "gain_050.flac"))
    found = align(dry, wet, 44_100)
    assert found.polarity == -1 and found.drift_ppm == 0
    assert found.delay - found.guard <= 0
