"""The biquad against scipy.signal and the properties that each design promises."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import butter, freqz, sosfilt

from fxlab.audio import biquad

RATES = [8_000, 44_100, 48_000, 192_000]


def designs(rate):
    return np.array(
        [
            biquad.lowpass(0.08 * rate, 0.9, rate),
            biquad.highpass(30.0, biquad.BUTTERWORTH_Q, rate),
            biquad.peaking(1000.0, 9.0, 3.0, rate),
            biquad.low_shelf(120.0, -12.0, 0.8, rate),
            biquad.high_shelf(0.2 * rate, 6.0, 0.7, rate),
            biquad.dc_blocker(20.0, rate),
            biquad.one_pole_lowpass(0.08 * rate, rate),
        ]
    )


def as_sos(sections):
    return np.insert(sections, 3, 1.0, axis=1)


def gain_db(section, freq_hz, rate):
    return 20 * np.log10(np.abs(biquad.response(section, np.array([freq_hz]), rate)[0]))


@pytest.mark.parametrize("rate", RATES)
def test_response_is_that_of_scipy(rate):
    freqs = np.linspace(0, rate / 2, 300)
    expected = np.prod([freqz(s[:3], [1.0, *s[3:]], freqs, fs=rate)[1] for s in designs(rate)], axis=0)
    assert np.allclose(biquad.response(designs(rate), freqs, rate), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("kind", ["lowpass", "highpass"])
def test_butterworth_is_that_of_scipy(rate, kind):
    b, a = butter(2, 0.07 * rate, kind, fs=rate)
    assert np.allclose(getattr(biquad, kind)(0.07 * rate, biquad.BUTTERWORTH_Q, rate), [*b, *a[1:]], rtol=1e-12, atol=0)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("q", [0.4, 2.0])
def test_resonance_at_the_cutoff_is_q(rate, q):
    assert gain_db(biquad.lowpass(900.0, q, rate), 900.0, rate) == pytest.approx(20 * np.log10(q), abs=1e-9)
    assert gain_db(biquad.highpass(900.0, q, rate), 900.0, rate) == pytest.approx(20 * np.log10(q), abs=1e-9)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("gain", [-18.0, 4.5])
def test_bell_and_shelves_reach_their_gains(rate, gain):
    top = rate / 2
    bell, low, high = (design(1000.0, gain, 0.8, rate) for design in (biquad.peaking, biquad.low_shelf, biquad.high_shelf))
    expected = {"bell": (bell, 0, gain, 0), "low": (low, gain, gain / 2, 0), "high": (high, 0, gain / 2, gain)}
    for section, *gains in expected.values():
        assert [gain_db(section, f, rate) for f in (0.0, 1000.0, top)] == pytest.approx(gains, abs=1e-6)


def test_bandwidth_of_the_bell():
    rate, freq, q = 192_000, 1000.0, 2.0
    freqs = np.linspace(500, 2000, 150_001)
    level = 20 * np.log10(np.abs(biquad.response(biquad.peaking(freq, 12.0, q, rate), freqs, rate)))
    inside = freqs[level >= 6.0]
    assert inside[-1] - inside[0] == pytest.approx(freq / q, rel=1e-3)


@pytest.mark.parametrize("rate", RATES)
def test_first_order_filters(rate):
    low, high = biquad.one_pole_lowpass(rate / 100, rate), biquad.dc_blocker(20.0, rate)
    assert gain_db(low, 0.0, rate) == pytest.approx(0.0, abs=1e-12)
    assert gain_db(low, rate / 100, rate) == pytest.approx(-3.01, abs=0.02)
    assert np.abs(biquad.response(high, np.zeros(1), rate)) == 0.0
    assert gain_db(high, 20.0, rate) == pytest.approx(-3.01, abs=0.1)
    assert gain_db(high, rate / 2, rate) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("count", [1, 2, 7])
@pytest.mark.parametrize("rate", [8_000, 192_000])
def test_both_streams_are_scipys_filter(count, rate):
    x = np.random.default_rng(0).standard_normal((2, 5000))
    sections = designs(rate)[::-1][:count]
    expected, state, out = sosfilt(as_sos(sections), x), np.zeros((2, count, 2)), np.empty_like(x)
    biquad.run_cascade(x, out, sections, state)
    plain, plain_state = biquad.reference_cascade(x, sections, np.zeros((2, count, 2)))
    assert np.abs(out - expected).max() < 1e-10
    assert np.abs(plain - expected).max() < 1e-10
    assert np.abs(plain_state - state).max() < 1e-10


@pytest.mark.parametrize("size", [1, 17, 64, 512, 1000])
def test_blocks_of_any_size_give_one_output(size):
    x, sections = np.random.default_rng(1).standard_normal((2, 3000)), designs(48_000)
    whole = biquad.reference_cascade(x, sections, np.zeros((2, 7, 2)))[0]
    compiled_state, state, out, plain = np.zeros((2, 7, 2)), np.zeros((2, 7, 2)), np.empty_like(x), []
    for start in range(0, 3000, size):
        part = slice(start, start + size)
        biquad.run_cascade(x[:, part], out[:, part], sections, compiled_state)
        wet, state = biquad.reference_cascade(x[:, part], sections, state)
        plain.append(wet)
    assert np.abs(out - whole).max() < 1e-10
    assert np.abs(np.concatenate(plain, axis=1) - whole).max() < 1e-10


def test_reference_leaves_its_arguments_alone():
    x, state = np.ones((1, 100)), np.ones((1, 7, 2))
    biquad.reference_cascade(x, designs(48_000), state)
    assert (x == 1).all() and (state == 1).all()


def test_empty_cascade_passes_the_signal():
    x, out = np.random.default_rng(2).standard_normal((2, 50)).astype(np.float32), np.empty((2, 50), np.float32)
    biquad.run_cascade(x, out, np.zeros((0, 5)), np.zeros((2, 0, 2)))
    assert np.array_equal(out, x)
    assert np.array_equal(biquad.reference_cascade(x, np.zeros((0, 5)), np.zeros((2, 0, 2)))[0], x)


def test_in_place():
    x, sections = np.random.default_rng(3).standard_normal((2, 700)), designs(48_000)
    apart = np.empty_like(x)
    biquad.run_cascade(x, apart, sections, np.zeros((2, 7, 2)))
    biquad.run_cascade(x, x, sections, np.zeros((2, 7, 2)))
    assert np.array_equal(x, apart)


@pytest.mark.parametrize("count", [1, 7])
def test_not_a_number_counts_as_silence(count):
    x, sections = np.random.default_rng(4).standard_normal((1, 600)), designs(48_000)[:count]
    clean, bad = x.copy(), x.copy()
    clean[0, 200:203], bad[0, 200:203] = 0.0, [np.nan, np.inf, -np.inf]
    for stream in (_compiled, _plain):
        assert np.array_equal(stream(bad, sections), stream(clean, sections))


def _compiled(x, sections):
    out = np.empty_like(x)
    biquad.run_cascade(x, out, sections, np.zeros((len(x), len(sections), 2)))
    return out


def _plain(x, sections):
    return biquad.reference_cascade(x, sections, np.zeros((len(x), len(sections), 2)))[0]


def test_silence_ends_in_zeros_not_in_denormals():
    for count in (1, 7):
        sections, state = designs(8_000)[:count], np.zeros((1, count, 2))
        out = np.ones((1, 400_000))
        biquad.run_cascade(out, out, sections, state)
        biquad.run_cascade(np.zeros_like(out), out, sections, state)
        assert (state == 0).all()
        assert not ((np.abs(out) > 0) & (np.abs(out) < np.finfo(np.float64).tiny)).any()


@pytest.mark.parametrize("rate", RATES)
def test_tail_lasts_until_120_db_and_not_much_longer(rate):
    rng = np.random.default_rng(5)
    settings = [(biquad.lowpass(0.4 * rate, 0.7, rate), 1.0), (biquad.one_pole_lowpass(0.1 * rate, rate), 8.0)]
    for _ in range(6):
        f, g, q = rng.uniform(60, 3000), rng.uniform(-24, 24), rng.uniform(0.3, 6)
        settings.append((np.array([biquad.peaking(f, g, q, rate), biquad.highpass(50.0, q, rate)]), rng.uniform(0.1, 8)))
    for sections, level in settings:
        sections = np.atleast_2d(sections)
        tail = biquad.tail_samples(sections, level)
        burst = level * np.sign(rng.standard_normal((1, 2000)))
        burst[0, 1000:] = level
        _, state = biquad.reference_cascade(burst, sections, np.zeros((1, len(sections), 2)))
        after = np.abs(biquad.reference_cascade(np.zeros((1, tail + 100)), sections, state)[0][0])
        assert after[tail:].max() <= 1e-6
        audible = np.flatnonzero(after > 1e-6)
        assert tail <= 3 * (audible[-1] if len(audible) else 0) + 100


def test_an_unstable_section_has_no_tail():
    with pytest.raises(ValueError, match="unstable"):
        biquad.tail_samples(np.array([1.0, 0, 0, -2.1, 1.1]))
