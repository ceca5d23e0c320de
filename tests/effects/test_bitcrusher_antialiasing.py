"""The bitcrusher's reduced rate and its anti-aliasing, against plain loops, integrals and spectra."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from fxlab.effects.bitcrusher import EFFECT
from fxlab.effects.bitcrusher.quantiser import Quantiser
from fxlab.effects.processor import apply
from fxlab.metrics.spectrum import aliasing_to_signal_db, coherent_sine

RATE = 48_000
RATES = [47_000.0, 31_111.0, 16_000.0, 11_025.0, 437.5]


def crush(x, block=8192, engine="numba", **parameters):
    return apply(EFFECT.processor(engine, **parameters), x, RATE, block)


def held_by_hand(x, rate_hz, bits):
    """(instant, level) of each step, in samples, with exact fractions for the instants."""
    period, line = Fraction(RATE) / Fraction(rate_hz), np.concatenate([[0.0], x.astype(np.float64)])
    found, k = [], 0
    while k * period <= len(x) - 1:
        at = k * period
        whole = int(at)
        part = float(at - whole)
        following = line[whole + 2] if part else 0.0
        value = (1 - part) * line[whole + 1] + part * following
        scale = 2.0 ** (bits - 1)
        found.append((float(at), np.clip(np.rint(value * scale) / scale, -1, 1)))
        k += 1
    return found


@pytest.mark.parametrize("rate_hz", RATES)
def test_hold_equals_a_plain_loop(rate_hz):
    x = np.random.default_rng(5).uniform(-0.9, 0.9, 2000).astype(np.float32)
    steps = held_by_hand(x, rate_hz, 10)
    expected = [next(level for at, level in reversed(steps) if at <= n) for n in range(len(x))]
    assert np.abs(crush(x, bits=10, rate_hz=rate_hz, antialias="none") - expected).max() <= 1e-7


@pytest.mark.parametrize("rate_hz", RATES)
def test_polyblep_is_the_hold_averaged_over_a_triangle(rate_hz):
    """Each output sample is the integral of the held staircase, in continuous time, over a triangle of two samples."""
    x = np.random.default_rng(6).uniform(-0.9, 0.9, 1000).astype(np.float32)
    steps = held_by_hand(x, rate_hz, 10)
    edges = np.array([at for at, _ in steps] + [np.inf])
    levels = np.array([level for _, level in steps])

    def below(t):  # integral of the triangle around 0 up to t
        t = np.clip(t, -1, 1)
        return np.where(t < 0, (1 + t) ** 2 / 2, 1 - (1 - t) ** 2 / 2)

    # The last sample before the end isn't complete until the next one is known, hence the delay of one.
    expected = [np.sum(levels * (below(edges[1:] - n) - below(edges[:-1] - n))) for n in range(len(x) - 1)]
    processor = EFFECT.processor(bits=10, rate_hz=rate_hz)
    got = apply(processor, x, RATE)
    assert processor.latency == 1
    assert np.abs(got[1:] - expected).max() <= 1e-6


@pytest.mark.parametrize("engine", ["numba", "numpy"])
def test_phase_does_not_drift_in_days(engine):
    rate_hz, frames, start = 44_099.7, 500, 48_000 * 86_400 * 3
    period = Fraction(RATE) / Fraction(rate_hz)
    first = -int(-start // period)
    processor = EFFECT.processor(engine, bits=24, rate_hz=rate_hz, antialias="none")
    processor.prepare(RATE, 1, frames)
    state = processor.state()
    state["counters"][:] = start, first
    processor.restore(state)
    ramp = np.linspace(0, 1, frames, dtype=np.float32)[None]
    out = np.empty_like(ramp)
    processor.process(ramp, out)
    for n in range(1, frames):
        latest = (start + n) // period * period - start
        if latest > 0:
            assert out[0, n] == pytest.approx(float(latest) / (frames - 1), abs=2e-6)


def test_no_reduction_at_or_above_the_rate_of_the_audio():
    x = np.random.default_rng(7).uniform(-1, 1, 500).astype(np.float32)
    for rate_hz in (48_000, 96_000, 192_000):
        assert np.array_equal(crush(x, rate_hz=rate_hz), crush(x))


def folded_db(output, tone, reduced_cycles):
    """Energy at folded images over energy at those a continuous-time hold has below half the sample rate."""
    energy = np.abs(np.fft.rfft(output[-tone.period :].astype(np.float64))) ** 2
    images = np.arange(-tone.period, tone.period) * reduced_cycles + tone.cycles
    genuine = np.zeros(len(energy), bool)
    genuine[np.abs(images[np.abs(images) < len(energy)])] = True
    return 10 * np.log10(energy[~genuine].sum() / energy[genuine].sum())


@pytest.mark.parametrize("rate_hz, margin_db", [(5_000, 6), (11_000, 6), (29_000, 6)])
def test_polyblep_lowers_aliasing(rate_hz, margin_db):
    tone = coherent_sine(1245, RATE)
    reduced_cycles = round(rate_hz * tone.period / RATE)
    settings = {"bits": 24, "rate_hz": reduced_cycles * RATE / tone.period}
    naive = folded_db(crush(tone.audio, antialias="none", **settings), tone, reduced_cycles)
    smooth = folded_db(crush(tone.audio, antialias="polyblep", **settings), tone, reduced_cycles)
    print(f"{rate_hz} Hz: naive {naive:.1f} dB, polyBLEP {smooth:.1f} dB")
    assert smooth < naive - margin_db


@pytest.mark.parametrize("bits", [1, 3, 1.4, 2.6, 6])
def test_mean_of_the_staircase_is_its_integral(bits):
    law, rng = Quantiser(bits), np.random.default_rng(8)
    start, end = rng.uniform(-1.6, 1.6, (2, 300)) * law.scale
    end[:100] = start[:100] + rng.uniform(-1e-7, 1e-7, 100)
    dense = (np.arange(20_000) + 0.5) / 20_000
    integral = law.quantise(start[:, None] + dense * (end - start)[:, None]).mean(axis=1)
    # The midpoint rule misplaces each of the steps crossed by at most half a cell.
    assert np.abs(law.mean(start, end) - integral).max() <= 2 * law.scale / 20_000 / law.scale + 1e-9


def test_mean_is_exact_on_the_shortest_segments():
    law = Quantiser(8)
    tie = 2.5
    for width in (1e-3, 1e-9, 1e-14):
        assert law.mean(np.array([tie - width]), np.array([tie + width]))[0] * law.scale == pytest.approx(2.5, abs=0.05)


@pytest.mark.parametrize("bits, frequency_hz", [(2, 1245), (4, 1245), (3, 4186), (8, 1245)])
def test_aliasing_contract_of_the_quantiser(bits, frequency_hz):
    """Aliasing-to-signal ratio of a coherent sine falls with each measure taken."""
    tone = coherent_sine(frequency_hz, RATE, amplitude=0.9)
    got = {
        name: aliasing_to_signal_db(crush(tone.audio, bits=bits, **settings), tone)
        for name, settings in {
            "naive": {"antialias": "none"},
            "adaa1": {"antialias": "adaa1"},
            "4x": {"antialias": "none", "oversample": 4},
            "4x adaa": {"antialias": "adaa1", "oversample": 4},
        }.items()
    }
    print(bits, frequency_hz, {name: round(value, 1) for name, value in got.items()})
    assert got["adaa1"] < got["naive"] - 4
    assert got["4x"] < got["naive"] - 4
    assert got["4x adaa"] < got["4x"] - 4
