"""The bitcrusher's law: its levels, its noise, its dither, and its three forms as one."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from fxlab.effects.bitcrusher import EFFECT, dither
from fxlab.effects.bitcrusher.quantiser import Quantiser
from fxlab.effects.processor import apply

RATE = 48_000


def crush(x, block=8192, engine="numba", **parameters):
    return apply(EFFECT.processor(engine, **parameters), x, RATE, block)


def music_like(frames=3000, channels=2, seed=1):
    rng = np.random.default_rng(seed)
    x = (0.5 * rng.standard_normal((channels, frames))).astype(np.float32)
    x[:, frames // 3 : frames // 3 + 20] = 0.0
    return x


@pytest.mark.parametrize("bits", [1, 2, 3, 8, 11, 1.4, 2.6, 4.25, 7.9])
def test_level_count_and_largest_error(bits):
    x = np.linspace(-1, 1, 300_001, dtype=np.float32)
    y = crush(x, bits=bits)
    step = 2.0 / 2.0**bits
    assert len(np.unique(y)) == Quantiser(bits).level_count
    if float(bits).is_integer():
        assert len(np.unique(y)) == 2**bits + 1
    assert np.abs(y.astype(np.float64) - x).max() <= step / 2 + 1e-6
    assert np.array_equal(y, -y[::-1])
    assert np.abs(crush(100 * x, bits=bits)).max() <= 1.0


def test_ties_go_to_the_even_code():
    ties = np.array([-3.5, -2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5], np.float32) / 4
    assert np.array_equal(crush(ties, bits=3) * 4, [-4, -2, -2, 0, 0, 2, 2, 4])


@pytest.mark.parametrize("bits", [1, 8, 24, 5.3, 12.7, 23.6])
def test_a_second_pass_changes_nothing(bits):
    once = crush(music_like(), bits=bits)
    assert np.array_equal(crush(once, bits=bits), once)


def test_same_levels_as_pedalboard_at_one_bit_more():
    pedalboard = pytest.importorskip("pedalboard")
    x = np.random.default_rng(3).uniform(-1, 1, (1, 20_000)).astype(np.float32)
    for bits in (4, 8, 14):
        assert np.array_equal(crush(x, bits=bits + 1), pedalboard.Bitcrush(bits).process(x, RATE))


@pytest.mark.parametrize("bits", [6, 8, 9.5, 12, 16])
def test_noise_of_a_full_scale_sine_is_what_theory_says(bits):
    frames = 1 << 16
    x = np.sin(2 * np.pi * 4441 * np.arange(frames) / frames + 0.1).astype(np.float32)
    noise = crush(x, bits=bits).astype(np.float64) - x
    snr_db = 10 * np.log10(np.mean(x.astype(np.float64) ** 2) / np.mean(noise**2))
    assert snr_db == pytest.approx(6.0206 * bits + 1.76, abs=0.4)


def test_dither_makes_the_error_independent_of_the_signal():
    step, frames = 2.0**-5, 60_000
    for offset in (0.0371, 0.25, 0.49, 0.5, 0.77):
        x = np.full((1, frames), (3 + offset) * step, np.float32)
        error = crush(x, bits=6, dither="tpdf").astype(np.float64) - x
        assert abs(error.mean()) < 5 * (step / 2) / np.sqrt(frames)
        assert error.var() == pytest.approx(step**2 / 4, rel=0.03)
    assert abs((crush(x, bits=6) - x).mean()) > 0.2 * step


def test_dither_is_the_published_generator_and_triangular():
    def split_mix(word):  # SplitMix64 with Python's whole numbers
        mask = 2**64 - 1
        word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 & mask
        word = (word ^ word >> 27) * 0x94D049BB133111EB & mask
        return word ^ word >> 31

    keys = dither.keys(2)
    drawn = dither.tpdf(keys[:, None], np.arange(100_000, dtype=np.uint64))
    for channel, index in itertools.product(range(2), (0, 1, 77, 99_999)):
        word = split_mix((int(keys[channel]) + (index + 1) * 0x9E3779B97F4A7C15) % 2**64)
        assert drawn[channel, index] == (word >> 32) / 2**32 + (word & 0xFFFFFFFF) / 2**32 - 1
    assert drawn.min() >= -1 and drawn.max() < 1
    share = np.histogram(drawn, bins=20, range=(-1, 1))[0] / drawn.size
    edges = np.linspace(-1, 1, 21)
    cumulative = np.where(edges < 0, (1 + edges) ** 2 / 2, 1 - (1 - edges) ** 2 / 2)
    assert np.allclose(share, np.diff(cumulative), atol=2e-3)
    assert abs(np.corrcoef(drawn)[0, 1]) < 0.01
    assert abs(np.corrcoef(drawn[0, 1:], drawn[0, :-1])[0, 1]) < 0.01


def test_digital_silence_stays_silent():
    assert not crush(np.zeros((2, 1000), np.float32), bits=4, dither="tpdf", rate_hz=10_000).any()


BITS, RATES, ANTIALIAS = (1, 1.3, 7.6, 12, 24), (192_000, 47_999.0, 13_333.3), ("none", "polyblep", "adaa1")
SETTINGS = list(itertools.product(BITS, RATES, ("none", "tpdf"), ANTIALIAS))


@pytest.mark.parametrize("bits, rate_hz, noise, antialias", SETTINGS)
def test_three_forms_are_one(bits, rate_hz, noise, antialias):
    x = music_like()
    settings = {"bits": bits, "rate_hz": rate_hz, "dither": noise, "antialias": antialias}
    compiled = crush(x, 17, **settings)
    assert np.abs(crush(x, 777, "numpy", **settings) - compiled).max() <= 1e-6
    assert np.abs(crush(x, 3000, **settings) - compiled).max() <= 1e-6
    module = EFFECT.torch_module(RATE, **settings)
    assert np.abs(module(torch.from_numpy(x)).detach().numpy() - compiled).max() <= 1e-6


@pytest.mark.parametrize("oversample", [2, 4, 8])
@pytest.mark.parametrize("more", [{}, {"rate_hz": 9000.0}, {"antialias": "adaa1", "dither": "tpdf"}], ids=str)
def test_three_forms_are_one_when_oversampled(oversample, more):
    x = music_like()
    x[:, 2000:2300] = 12.5 / 16  # stands exactly between two levels, where rounding errors could tip it
    settings = {"bits": 5, "oversample": oversample, **more}
    compiled = crush(x, 17, **settings)
    assert np.abs(crush(x, 3000, **settings) - compiled).max() <= 1e-6
    assert np.abs(crush(x, 777, "numpy", **settings) - compiled).max() <= 1e-6
    module = EFFECT.torch_module(RATE, **settings)
    assert np.abs(module(torch.from_numpy(x)).detach().numpy() - compiled).max() <= 1e-6


@pytest.mark.parametrize("oversample", [1, 2, 8])
@pytest.mark.parametrize("antialias", ["none", "polyblep", "adaa1"])
def test_declared_latency_aligns_dry_and_wet(oversample, antialias):
    t = np.arange(6000) / RATE
    x = (0.5 * np.sin(2 * np.pi * 440 * t) * np.hanning(6000)).astype(np.float32)
    for rate_hz in (192_000, 46_000.0):
        processor = EFFECT.processor(bits=16, rate_hz=rate_hz, oversample=oversample, antialias=antialias)
        wet = apply(processor, x, RATE)
        lag = np.argmax(np.correlate(wet, x, "full")) - (len(x) - 1)
        held_for = 0.5 * RATE / rate_hz if rate_hz < RATE else 0.0  # a held value is late by half its duration on average
        assert abs(lag - held_for - processor.latency) <= 1.0


@pytest.mark.parametrize(
    "settings",
    [{}, {"rate_hz": 700.0}, {"antialias": "adaa1"}, {"rate_hz": 700.0, "oversample": 4, "dither": "tpdf"}],
    ids=str,
)
def test_silent_after_the_tail(settings):
    processor = EFFECT.processor(bits=5, **settings)
    x = np.zeros(3000, np.float32)
    x[:1000] = 0.9
    out = apply(processor, x, RATE)
    assert not out[1000 + processor.tail :].any()
    assert out[:1000].any()


@pytest.mark.parametrize("antialias", ["none", "polyblep", "adaa1"])
@pytest.mark.parametrize("rate_hz", [48_000 / 1.9, 48_000 / 3.3, 16_000.0, 48_000.0])
def test_silent_after_the_tail_wherever_the_sound_ends(rate_hz, antialias):
    processor = EFFECT.processor(bits=24, rate_hz=rate_hz, antialias=antialias)
    for end in range(100, 140):
        out = apply(processor, np.repeat(np.float32([1, 0]), [end, 100]), RATE)
        assert np.abs(out[end + processor.tail :]).max() < 1e-6, end


@pytest.mark.parametrize("settings", [{"rate_hz": 8000.0}, {}, {"antialias": "adaa1"}], ids=str)
def test_the_largest_samples_stay_finite_and_engines_agree(settings):
    x = np.zeros((1, 400), np.float32)
    x[:, 50:200], x[:, 250:300] = 3e38, -3e38  # what the oversampler makes of the edges is more than float32 holds
    settings = {"oversample": 4, **settings}
    compiled = crush(x, **settings)
    assert np.isfinite(compiled).all()
    assert np.abs(crush(x, engine="numpy", **settings) - compiled).max() <= 1e-6
    with torch.no_grad():
        wet = EFFECT.torch_module(RATE, **settings)(torch.from_numpy(x))
    # Its filters run as FFTs, whose rounding errors at this level exceed full scale, so there is no more to agree on.
    assert torch.isfinite(wet).all()


@pytest.mark.parametrize("settings", [{}, {"rate_hz": 11_025.0}, {"antialias": "adaa1"}, {"oversample": 4}])
@pytest.mark.parametrize("engine", ["numba", "numpy"])
def test_not_a_number_counts_as_silence(engine, settings):
    x = music_like()
    bad, clean = x.copy(), x.copy()
    bad[0, 500:503] = [np.nan, np.inf, -np.inf]
    clean[0, 500:503] = 0.0
    assert np.array_equal(crush(bad, engine=engine, **settings), crush(clean, engine=engine, **settings))


@pytest.mark.parametrize("engine", ["numba", "numpy"])
def test_state_can_be_restored(engine):
    settings = {"bits": 4, "rate_hz": 7777.0, "dither": "tpdf", "oversample": 2}
    x = music_like(1200)
    whole = crush(x, 1200, engine, **settings)
    processor = EFFECT.processor(engine, **settings)
    processor.prepare(RATE, 2, 600)
    out = np.empty((2, 600), np.float32)
    processor.process(np.ascontiguousarray(x[:, :600]), out)
    saved = processor.state()
    for _ in range(2):
        processor.restore(saved)
        processor.process(np.ascontiguousarray(x[:, 600:]), out)
        assert np.array_equal(out, whole[:, 600:])
    processor.reset()
    processor.process(np.ascontiguousarray(x[:, :600]), out)
    assert np.array_equal(out, whole[:, :600])


def test_gradient_passes_straight_through_inside_full_scale():
    module = EFFECT.torch_module(RATE, bits=3)
    x = torch.tensor([-1.5, -0.9, 0.1, 0.6, 1.2], requires_grad=True)
    module(x).sum().backward()
    assert torch.equal(x.grad, torch.tensor([0.0, 1.0, 1.0, 1.0, 0.0]))


def test_gradient_of_the_word_length_is_that_of_a_learned_step():
    bits, x = 4.2, torch.linspace(-0.9, 0.9, 101, dtype=torch.float64)
    module = EFFECT.torch_module(RATE, bits=bits)
    module(x).sum().backward()
    scale = 2 ** (bits - 1)
    error = torch.round(x * scale) - x * scale
    assert module.bits.grad.item() == pytest.approx((-error / scale * np.log(2)).sum().item(), rel=1e-9)


def test_a_signal_can_be_fitted_through_the_crusher():
    target = 0.6 * torch.sin(torch.arange(480) * 0.05)
    wanted = EFFECT.torch_module(RATE, bits=6, rate_hz=12_000)(target).detach()
    gain = torch.tensor(0.3, requires_grad=True)
    optimiser = torch.optim.Adam([gain], lr=0.02)
    module = EFFECT.torch_module(RATE, bits=6, rate_hz=12_000)
    for _ in range(150):
        optimiser.zero_grad()
        (module(gain * target / 0.6) - wanted).square().mean().backward()
        optimiser.step()
    assert gain.item() == pytest.approx(0.6, abs=0.02)
