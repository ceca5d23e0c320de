from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from fxlab.audio import strings, testsignals
from fxlab.audio.testsignals import FAMILIES, LEVELS_DB, Segment, programme, render, synthesize
from fxlab.errors import UsageError

RATE = 16_000


@pytest.fixture(scope="module")
def minute() -> np.ndarray:
    return synthesize(60, RATE, 5)


def test_one_seed_gives_one_programme_and_another_seed_another(minute):
    np.testing.assert_array_equal(synthesize(60, RATE, 5), minute)
    other = synthesize(60, RATE, 6)
    assert abs(np.corrcoef(minute, other)[0, 1]) < 0.05


@settings(deadline=None, max_examples=25)
@given(seconds=st.floats(1e-3, 6), rate=st.sampled_from([8000, 11_025, 44_100, 48_000, 192_000]), seed=st.integers(0, 2**31 - 1))
def test_any_length_and_rate_is_finite_exact_in_length_and_within_full_scale(seconds, rate, seed):
    sound = synthesize(seconds, rate, seed)
    assert sound.shape == (round(seconds * rate),) and sound.dtype == np.float32
    assert np.isfinite(sound).all() and np.abs(sound).max() <= 1


def test_it_reaches_full_scale_exactly(minute):
    assert np.abs(minute).max() == 1


def test_segments_tile_the_programme_in_equal_shares():
    segments = programme(60, RATE, 5)
    borders = np.cumsum([0] + [segment.frames for segment in segments])
    assert [segment.start for segment in segments] == borders[:-1].tolist() and borders[-1] == 60 * RATE
    counts = [sum(segment.family == family for segment in segments) for family in FAMILIES]
    assert len(set(counts)) == 1
    for family in FAMILIES:
        levels = [segment.level_db for segment in segments if segment.family == family]
        assert levels[0] == 0 and len(set(levels)) == min(len(levels), len(LEVELS_DB))


def test_even_a_short_programme_has_every_family():
    assert {segment.family for segment in programme(1, RATE, 0)} == set(FAMILIES)


def test_every_segment_has_its_level_no_dc_silent_edges_and_a_gap(minute):
    for segment in programme(60, RATE, 5):
        sound = minute[segment.start : segment.start + segment.frames].astype(float)
        peak = 10 ** (segment.level_db / 20)
        assert np.abs(sound).max() == pytest.approx(peak, rel=1e-6)
        assert abs(sound.mean()) < 1e-6 * peak
        assert not sound[-int(0.05 * RATE) :].any() and abs(sound[0]) < 1e-3 * peak


def test_crest_factors_span_steady_tones_to_sparse_plucks(minute):
    crests = []
    for segment in programme(60, RATE, 5):
        sound = minute[segment.start : segment.start + segment.frames].astype(float)
        crests.append(20 * np.log10(np.abs(sound).max() / np.sqrt(np.mean(sound**2))))
    assert min(crests) < 5 and max(crests) > 15


def test_a_sweep_covers_the_band_in_equal_octaves():
    sound = testsignals.sweep(_Fixed(0.4), 4 * RATE, RATE)
    phase = np.unwrap(np.angle(signal.hilbert(sound)))
    frequency = np.diff(phase)[1000:-1000] * RATE / (2 * np.pi)
    octaves = np.log2(signal.medfilt(frequency, 5))
    slope = np.polyfit(np.arange(len(octaves)) / RATE, octaves, 1)[0]
    assert slope == pytest.approx(np.log2(0.45 * RATE / 20) / 4, rel=0.02)


def test_a_multitone_is_a_few_lines():
    rng = np.random.default_rng(2)
    sound = testsignals.multitone(rng, 2 * RATE, RATE)
    power = np.abs(np.fft.rfft(sound * signal.windows.blackmanharris(len(sound)))) ** 2
    peaks, _ = signal.find_peaks(power, height=power.max() * 1e-5)
    assert 1 <= len(peaks) <= 30
    near = np.zeros(len(power), bool)
    for peak in peaks:
        near[max(0, peak - 6) : peak + 7] = True
    assert power[~near].sum() < 1e-6 * power.sum()


def test_noise_has_bursts_at_different_levels_and_silence_between():
    quiet, steps = 0, set()
    for seed in range(8):
        sound = testsignals.noise(np.random.default_rng(seed), 2 * RATE, RATE)
        runs = np.split(sound, np.flatnonzero(np.diff(sound != 0)) + 1)
        quiet += sum(len(run) > 0.005 * RATE and not run.any() for run in runs)
        steps |= {round(20 * np.log10(np.abs(run).max()) / 12) for run in runs if run.any() and len(run) > 100}
    assert quiet >= 8 and len(steps) >= 4


@pytest.mark.parametrize("rate", [8000, 44_100, 48_000, 192_000])
@pytest.mark.parametrize("frequency_hz", [41.2, 82.41, 196.0, 440.0, 1200.0])
def test_a_string_is_in_tune_to_three_cents(rate, frequency_hz):
    sound = strings.pluck(np.random.default_rng(1), 2 * rate, rate, frequency_hz, 6.0, 1e-5, 3000)
    assert np.isfinite(sound).all()
    spectrum = np.abs(np.fft.rfft(sound[rate // 10 :] * np.hanning(len(sound) - rate // 10), 1 << 22))
    frequencies = np.fft.rfftfreq(1 << 22, 1 / rate)
    band = (frequencies > 0.9 * frequency_hz) & (frequencies < 1.1 * frequency_hz)
    found = frequencies[band][np.argmax(spectrum[band])]
    assert abs(1200 * np.log2(found / frequency_hz)) < 3


def test_a_string_decays_as_told():
    sound = strings.pluck(np.random.default_rng(1), 2 * 48_000, 48_000, 110.0, 2.0, 1e-6, 3000)
    sos = signal.butter(4, [90, 130], "bandpass", fs=48_000, output="sos")
    envelope = np.abs(signal.hilbert(signal.sosfiltfilt(sos, sound)))
    drop_db = 20 * np.log10(envelope[72_000] / envelope[24_000])
    assert drop_db == pytest.approx(-30, abs=1)


def test_muting_takes_the_highs_away_faster():
    def highs(damping_s):
        sound = strings.pluck(np.random.default_rng(1), 48_000, 48_000, 110.0, 2.0, damping_s, 5000)
        power = np.abs(np.fft.rfft(sound[24_000:] * signal.windows.blackmanharris(24_000))) ** 2
        return power[1000:].sum() / power.sum()

    assert highs(5e-5) < 0.01 * highs(5e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_families_sound_alike_at_every_rate(family):
    """The same segment at two rates keeps the octave its energy is centred in."""
    centres = []
    for rate in (32_000, 96_000):
        energy, moment = 0.0, 0.0
        for seed in range(6):
            sound = render(Segment(family, 0, 2 * rate, 0.0, (seed,)), rate)
            power = np.abs(np.fft.rfft(sound)) ** 2
            frequencies = np.fft.rfftfreq(len(sound), 1 / rate)
            inside = (frequencies > 20) & (frequencies < 14_000)
            energy += power[inside].sum()
            moment += (power[inside] * np.log2(frequencies[inside])).sum()
        centres.append(moment / energy)
    assert abs(centres[0] - centres[1]) < 1


def test_nothing_can_be_made_of_no_time():
    with pytest.raises(UsageError):
        synthesize(0, RATE, 0)


class _Fixed:
    """Stands for a generator whose every draw is the same."""

    def __init__(self, value: float) -> None:
        self.value = value

    def random(self) -> float:
        return self.value
