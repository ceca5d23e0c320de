"""The compressor against the formulas of its paper, against a plain loop, and as three forms of one thing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fxlab.effects.compressor import EFFECT
from fxlab.effects.compressor.curve import gain_db
from fxlab.effects.compressor.torch_compress import compress
from fxlab.effects.processor import apply

RATE = 48_000
NAMES = [one.name for one in EFFECT.parameters if one.name != "link"]
HARD = {"threshold_db": -30.0, "ratio": 4.0, "attack_ms": 20.0, "release_ms": 80.0, "knee_db": 9.0, "makeup_db": 3.0}
every_engine = pytest.mark.parametrize("engine", ["numba", "numpy"])


def by_the_paper(level_db, threshold, ratio, knee):
    """Output level in dB, equation 4 of Giannoulis et al. 2012."""
    over = level_db - threshold
    if 2 * over < -knee:
        return level_db
    if 2 * abs(over) <= knee and knee > 0:
        return level_db + (1 / ratio - 1) * (over + knee / 2) ** 2 / (2 * knee)
    return threshold + over / ratio


def by_a_loop(x, settings, rate):
    """Equations 4 and 17 of the paper, sample by sample, for linked channels from silence."""
    v = EFFECT.resolve(settings)
    attack, release = (np.exp(-1 / (0.001 * v[name] * rate)) for name in ("attack_ms", "release_ms"))
    held = smooth = 0.0
    out = np.zeros(x.shape)
    for n, sample in enumerate(x.T.astype(np.float64)):
        level_db = 20 * np.log10(max(np.abs(sample).max(), 1e-9))
        lowered = level_db - by_the_paper(level_db, v["threshold_db"], v["ratio"], v["knee_db"])
        held = max(lowered, release * held + (1 - release) * lowered)
        smooth = attack * smooth + (1 - attack) * held
        wet = sample * 10 ** ((v["makeup_db"] - smooth) / 20)
        out[:, n] = v["mix"] * wet + (1 - v["mix"]) * sample
    return out


def music(frames=4000, channels=2, seed=0):
    """Noise whose level goes up and down by 50 dB."""
    rng = np.random.default_rng(seed)
    level_db = -25 - 25 * np.cos(np.arange(frames) * 2 * np.pi / 1500)
    return (0.4 * rng.standard_normal((channels, frames)) * 10 ** (level_db / 20)).astype(np.float32)


def square(level_db, frames, period=48):
    """A square wave, whose size is the same at every sample."""
    signs = np.where(np.arange(frames) % period < period // 2, 1.0, -1.0)
    return (10 ** (np.broadcast_to(level_db, frames) / 20) * signs).astype(np.float32)


def reduction_db(x, settings, rate=RATE):
    return -20 * np.log10(np.abs(apply(EFFECT.processor(**settings), x, rate) / x))


@pytest.mark.parametrize("ratio", [1.0, 1.5, 4.0, 20.0])
@pytest.mark.parametrize("knee", [0.0, 6.0, 24.0])
def test_the_curve_is_the_papers(ratio, knee):
    levels = np.linspace(-60, 0, 121)
    expected = [by_the_paper(level, -24.0, ratio, knee) - level for level in levels]
    np.testing.assert_allclose(gain_db(levels, -24.0, ratio, knee), expected, atol=1e-12)
    settings = {"threshold_db": -24.0, "ratio": ratio, "knee_db": knee, "attack_ms": 0.1}
    for level in levels[::12]:
        reached = -reduction_db(square(level, 2000), settings)[-1]
        assert reached == pytest.approx(by_the_paper(level, -24.0, ratio, knee) - level, abs=1e-4)


@every_engine
@pytest.mark.parametrize("settings", [{}, HARD, HARD | {"mix": 0.3, "knee_db": 0.0}], ids=["default", "hard", "mixed"])
def test_equals_a_plain_loop(engine, settings):
    x = music()
    wet = apply(EFFECT.processor(engine, **settings), x, RATE, 177)
    np.testing.assert_allclose(wet, by_a_loop(x, settings, RATE), atol=2e-7)
    assert np.abs(wet - x).max() > 0.01


@pytest.mark.parametrize("attack", [1.0, 30.0, 300.0])
def test_the_attack_is_the_time_to_63_percent(attack):
    frames = round(8 * attack * RATE / 1000)
    lowered = reduction_db(square(-6.0, frames), HARD | {"attack_ms": attack, "makeup_db": 0.0})
    assert lowered[round(attack * RATE / 1000) - 1] == pytest.approx(lowered[-1] * (1 - np.exp(-1)), rel=0.002)


@pytest.mark.parametrize("release", [5.0, 150.0, 3000.0])
def test_the_release_is_the_time_to_37_percent(release):
    rate, loud = 8_000, 400
    frames = round(release * rate / 1000)
    level_db = np.where(np.arange(loud + frames) < loud, -6.0, -50.0)
    lowered = reduction_db(
        square(level_db, loud + frames), HARD | {"attack_ms": 0.1, "release_ms": release, "makeup_db": 0.0}, rate
    )
    assert lowered[-1] == pytest.approx(lowered[loud - 1] * np.exp(-1), rel=0.02)


@pytest.mark.parametrize("times", [(1.0, 100.0), (30.0, 300.0), (100.0, 100.0)])
def test_a_tone_gets_what_the_curve_says_of_its_peak(times):
    tone = (0.5 * np.sin(2 * np.pi * 1000 / RATE * (np.arange(RATE) + 0.5))).astype(np.float32)
    settings = HARD | {"attack_ms": times[0], "release_ms": times[1], "makeup_db": 0.0}
    curve = -gain_db(20 * np.log10(0.5), -30.0, 4.0, 9.0)
    assert reduction_db(tone, settings)[-480:] == pytest.approx(curve, rel=0.03)


@every_engine
def test_ratio_1_and_mix_0_leave_every_bit(engine):
    x = music()
    for settings in ({"ratio": 1.0}, {"mix": 0.0, "makeup_db": 5.0}):
        assert apply(EFFECT.processor(engine, **HARD | {"makeup_db": 0.0} | settings), x, RATE).tobytes() == x.tobytes()
        assert torch.equal(EFFECT.torch_module(RATE, **HARD | {"makeup_db": 0.0} | settings)(torch.tensor(x)), torch.tensor(x))


@every_engine
def test_linked_channels_get_the_gain_of_the_loudest(engine):
    x = music(channels=3)
    x[1] *= 4
    wet = apply(EFFECT.processor(engine, **HARD), x, RATE)
    loudest = np.abs(x).max(axis=0)
    gain = apply(EFFECT.processor(engine, **HARD), loudest, RATE) / np.maximum(loudest, 1e-9)
    np.testing.assert_allclose(wet, gain * x, atol=1e-6)
    apart = apply(EFFECT.processor(engine, link=False, **HARD), x, RATE)
    for channel in range(3):
        np.testing.assert_array_equal(apart[channel], apply(EFFECT.processor(engine, **HARD), x[channel], RATE))


@every_engine
def test_what_is_linked_takes_over_from_what_is_not(engine):
    x = music()
    for link in (True, False):
        old, new = (EFFECT.processor(engine, link=one, **HARD) for one in (link, not link))
        apply(old, x, RATE, 4000)
        new.prepare(RATE, 2, 4000)
        assert old.heritage()["excess"].shape == new.heritage()["excess"].shape == (2, 2)
        assert (old.heritage()["excess"] > 1.0).all()


def test_neither_latency_nor_tail():
    processor = EFFECT.processor(**HARD)
    x = np.concatenate((music(), np.zeros((2, 500), np.float32)), axis=1)
    assert not apply(processor, x, RATE)[:, -500:].any()
    assert (processor.latency, processor.tail) == (0, 0)


def drawn(count):
    """As many settings, as columns."""
    rng = np.random.default_rng(3)
    return {one.name: rng.uniform(one.low, one.high, count) for one in EFFECT.parameters if one.name in NAMES}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_batch_of_sets_is_each_alone(dtype):
    settings = drawn(4)
    x = np.stack([music(seed=seed) for seed in range(4)])
    columns = {name: torch.tensor(values) for name, values in settings.items()}
    wet = compress(torch.tensor(x).to(dtype), **columns, rate_hz=RATE)
    assert wet.dtype == dtype
    for item in range(4):
        alone = {name: float(values[item]) for name, values in settings.items()}
        expected = apply(EFFECT.processor(**alone), x[item], RATE)
        assert np.abs(wet[item].numpy() - expected).max() <= 1e-6 * max(1.0, np.abs(expected).max())
        again = compress(torch.tensor(x[item : item + 1]).to(dtype), **alone, rate_hz=RATE)
        np.testing.assert_allclose(again[0].numpy(), wet[item].numpy(), rtol=1e-6)


@pytest.mark.parametrize("knees", [(6.0, 20.0), (0.5, 1.0)])
def test_gradients_are_exact(knees):
    torch.manual_seed(0)
    x = (0.5 * torch.randn(2, 2, 50, dtype=torch.float64)).requires_grad_()
    values = ([-20.0, -12.0], [3.0, 1.5], [0.2, 1.0], [5.0, 8.0], knees, [1.0, -2.0], [0.7, 1.0])
    columns = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in values]

    def play(x, *columns):
        return compress(x, *columns[:6], RATE, columns[6])

    assert torch.autograd.gradcheck(play, (x, *columns))


def test_silence_has_gradients():
    module = EFFECT.torch_module(RATE, **HARD)
    x = torch.zeros(2, 100, requires_grad=True)
    module(x).sum().backward()
    assert torch.equal(x.grad, torch.full_like(x, 10 ** (3 / 20)))
    assert all(torch.isfinite(one.grad).all() for one in module.parameters())


def test_a_steady_level_ends_where_pedalboards_does():
    pedalboard = pytest.importorskip("pedalboard")
    for level, ratio in ((-6.0, 2.0), (-20.0, 8.0), (-40.0, 4.0)):
        x = square(level, RATE // 2)
        board = pedalboard.Compressor(threshold_db=-30, ratio=ratio, attack_ms=5, release_ms=50)
        settings = {"threshold_db": -30.0, "ratio": ratio, "attack_ms": 5.0, "release_ms": 50.0, "knee_db": 0.0}
        mine, other = apply(EFFECT.processor(**settings), x, RATE), board(x[None], RATE)[0]
        np.testing.assert_allclose(mine[-480:], other[-480:], rtol=1e-3)
