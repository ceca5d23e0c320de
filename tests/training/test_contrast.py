"""The loss that wants contrast: it falls where the metric rises, and only as far as it may."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fxlab.metrics.contrast import band_powers, contrast
from fxlab.settings import TrainSettings
from fxlab.training.contrast import _band_powers, contrast_loss

RATE = 16_000
SETTINGS = TrainSettings()


@pytest.fixture(scope="module")
def sound():
    """(2, one second): partials in noise."""
    rng, time_s = np.random.default_rng(0), np.arange(RATE) / RATE
    tones = sum(0.1 * np.sin(2 * np.pi * hz * time_s) for hz in (220, 660, 1500, 3200))
    return torch.from_numpy(tones + 0.03 * rng.standard_normal((2, RATE))).float()


def shaped(sound, gain_db):
    """A filter that changes the level around the partials against that of what lies between them."""
    spectrum = torch.fft.rfft(sound)
    hz = torch.fft.rfftfreq(sound.shape[-1], 1 / RATE)
    peak = sum(torch.exp(-(((hz - at) / (0.1 * at)) ** 2)) for at in (220, 660, 1500, 3200))
    return torch.fft.irfft(spectrum * 10 ** (gain_db * (peak - 1) / 20), n=sound.shape[-1])


def test_bands_are_those_of_the_metric(sound):
    silent = torch.zeros(2, 2048)  # so that what is beyond the ends is known to both
    padded = torch.cat((silent, sound, silent), dim=-1)
    _, found, _ = _band_powers(padded, padded, RATE)
    _, expected = band_powers(padded[0].numpy(), RATE)
    np.testing.assert_allclose(found[0], expected, rtol=1e-3, atol=1e-9)


def test_it_falls_while_contrast_rises(sound):
    unheeded = TrainSettings(level_weight=0.0)
    values = [contrast_loss(sound, shaped(sound, db), unheeded, RATE).item() for db in (-6, -3, 0, 3, 6)]
    metric = [contrast(shaped(sound, db)[0].numpy(), RATE).spectral for db in (-6, -3, 0, 3, 6)]
    assert metric == sorted(metric) and values == sorted(values, reverse=True)
    np.testing.assert_allclose(values, metric[2] - np.array(metric), atol=0.5)


def test_more_than_the_bound_costs(sound):
    free = TrainSettings(contrast_bound_db=60.0, level_weight=0.0)
    bound = TrainSettings(contrast_bound_db=6.0, level_weight=0.0)
    assert contrast_loss(sound, shaped(sound, 5), bound, RATE) == contrast_loss(sound, shaped(sound, 5), free, RATE)
    assert contrast_loss(sound, shaped(sound, 16), free, RATE) < contrast_loss(sound, shaped(sound, 8), free, RATE)
    assert contrast_loss(sound, shaped(sound, 40), bound, RATE) > contrast_loss(sound, shaped(sound, 12), bound, RATE)


def test_loudness_is_kept(sound):
    unheeded = TrainSettings(level_weight=0.0)
    assert contrast_loss(sound, 0.5 * sound, unheeded, RATE).item() == pytest.approx(0, abs=0.01)
    assert contrast_loss(sound, 0.5 * sound, SETTINGS, RATE).item() == pytest.approx(6.02**2 / 4, rel=0.01)


@pytest.mark.parametrize("frames", [300, 4000])
def test_gradients_stay_finite(sound, frames):
    target = sound[:, :frames].clone()
    target[1] = 0
    for output in (target, 0 * target, target + 0.1):
        played = output.clone().requires_grad_()
        value = contrast_loss(target, played, SETTINGS, RATE)
        value.backward()
        assert torch.isfinite(value) and torch.isfinite(played.grad).all()
    assert contrast_loss(target, target + 0.1, SETTINGS, RATE) > 1, "nor does it leave DC"
    assert contrast_loss(0 * target, 0 * target, SETTINGS, RATE).item() == pytest.approx(0)
