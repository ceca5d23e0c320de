"""The oversampler: flat where it should be, silent where it should be, late by what it says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fxlab.effects import oversampling, oversampling_kernel
from fxlab.effects.oversampling_torch import downsample, upsample

FACTORS = [2, 4, 8]


def impulse(frames=512):
    x = np.zeros((1, frames))
    x[0, 0] = 1.0
    return x


def level_db(h, points=96_000):
    return 20 * np.log10(np.maximum(np.abs(np.fft.rfft(h, points)), 1e-12))


@pytest.mark.parametrize("factor", FACTORS)
def test_up_and_down_is_flat_to_20_of_48_khz_and_late_by_a_whole_number(factor):
    sampler = oversampling.Oversampler(factor, 1)
    h = sampler.down(sampler.up(impulse()))[0]
    delay = oversampling.latency(factor)
    response = level_db(h)
    flat = response[: int(len(response) * 2 * oversampling.PASS_BAND)]
    assert np.abs(flat).max() < 0.01
    # Linear phase about exactly the declared delay: the response is symmetric around it.
    assert np.argmax(h) == delay
    assert np.abs(h[: 2 * delay + 1] - h[: 2 * delay + 1][::-1]).max() < 1e-9 + 10 ** (-100 / 20)
    spectrum = np.fft.rfft(h, 96_000) * np.exp(2j * np.pi * np.arange(48_001) / 96_000 * delay)
    assert np.abs(np.angle(spectrum[: len(flat)])).max() < 1e-4


@pytest.mark.parametrize("factor", FACTORS)
def test_images_are_100_db_down(factor):
    h = oversampling.Oversampler(factor, 1).up(impulse())[0] / factor
    response = level_db(h, 96_000 * factor)
    base = 48_000 * 2  # bins per base rate
    kept = round(oversampling.PASS_BAND * base)
    for image in range(1, factor // 2 + 1):
        around = response[max(0, image * base - kept) : image * base + kept]
        assert around.max() < -100
    assert np.abs(response[:kept]).max() < 0.01


@pytest.mark.parametrize("factor", FACTORS)
def test_what_would_alias_is_100_db_down(factor):
    """Tones at the high rate, from just above the old Nyquist frequency to the new one, leave nothing behind."""
    frames = 2048
    n = np.arange(frames * factor)
    worst = -np.inf
    for freq in np.concatenate([[0.501, 0.51, 0.55, 0.7], np.linspace(0.8, factor / 2, 9)]):
        y = oversampling.Oversampler(factor, 1).down(np.cos(2 * np.pi * freq / factor * n)[None])[0, 300:]
        worst = max(worst, np.abs(y).max())
    assert 20 * np.log10(worst) < -98


@pytest.mark.parametrize("factor", oversampling.FACTORS)
@pytest.mark.parametrize("size", [1, 17, 64, 512])
def test_compiled_blocks_are_numpy_whole(factor, size):
    x = np.random.default_rng(0).standard_normal((2, 1500)).astype(np.float32)
    plain, compiled = oversampling.Oversampler(factor, 2), oversampling_kernel.Oversampler(factor, 2)
    high = plain.up(x.astype(np.float64))
    low = plain.down(high)
    for start in range(0, 1500, size):
        part = slice(start, start + size)
        for channel in range(2):
            work = oversampling_kernel.upsample(x[channel, part], channel, *compiled.arguments)
            assert np.abs(work - high[channel, start * factor : (start + size) * factor]).max() < 1e-13
            wet = oversampling_kernel.downsample(x[channel, part].size, *compiled.arguments)
            assert np.abs(wet - low[channel, part]).max() < 1e-13


@pytest.mark.parametrize("factor", oversampling.FACTORS)
def test_torch_is_numpy(factor):
    x = np.random.default_rng(1).standard_normal((2, 777))
    sampler = oversampling.Oversampler(factor, 2)
    high = sampler.up(x)
    tensor = upsample(torch.from_numpy(x), factor)
    assert np.abs(tensor.numpy() - high).max() < 1e-12
    assert np.abs(downsample(tensor, factor).numpy() - sampler.down(high)).max() < 1e-12


@pytest.mark.parametrize("factor", FACTORS)
def test_filters_forget_within_the_declared_tail(factor):
    sampler = oversampling.Oversampler(factor, 1)
    h = sampler.down(sampler.up(impulse(1000)))[0]
    tail = oversampling.tail(factor)
    assert np.abs(h[tail + 1 :]).max() < 1e-15
    assert tail <= np.flatnonzero(np.abs(h) > 1e-15).max() + 12


def test_torch_gradients():
    x = torch.randn(1, 20, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: downsample(upsample(x, 4) ** 2, 4), (x,))
