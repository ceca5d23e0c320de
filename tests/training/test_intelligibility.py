"""Losses for speech in noise: what the measures say, batched and differentiable."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fxlab.metrics import intelligibility as measures
from fxlab.settings import TrainSettings
from fxlab.training import intelligibility as losses

RATE = 16_000
PURE = TrainSettings(level_weight=0.0, dc_weight=0.0)


@pytest.fixture(scope="module")
def batch():
    """Targets and outputs (3, two seconds): bands that open and shut, with a pause, in more and more noise."""
    rng, time_s = np.random.default_rng(0), np.arange(2 * RATE) / RATE
    rows = []
    for _ in range(3):
        beats = [np.clip(np.sin(2 * np.pi * rng.uniform(2, 6) * time_s + rng.uniform(0, 6)), 0, 1) for _ in range(4)]
        tones = [np.sin(2 * np.pi * hz * time_s) for hz in (300, 700, 1500, 3000)]
        rows.append(0.1 * np.sum(np.multiply(beats, tones), axis=0))
    target = np.array(rows)
    target[:, 12_000:18_000] = 0
    noise = rng.standard_normal(target.shape) * np.array([[0.01], [0.03], [0.1]])
    return torch.from_numpy(target).float(), torch.from_numpy(target + noise).float()


@pytest.mark.parametrize("rate", [8000, 10_000, 16_000, 22_050, 44_100, 48_000])
def test_intelligibility_is_near_the_measure(batch, rate):
    found = losses.estoi(*batch, rate)
    exact = [measures.estoi(*(x.numpy() for x in row), rate) for row in zip(*batch, strict=True)]
    np.testing.assert_allclose(found, exact, atol=0.03)


def test_the_ratio_is_the_measure(batch):
    exact = [measures.si_snr_db(*(x.numpy() for x in row)) for row in zip(*batch, strict=True)]
    np.testing.assert_allclose(losses.si_snr_db(*batch), exact, atol=1e-3)
    assert losses.snr_loss(*batch, PURE).item() == pytest.approx(-np.mean(exact), abs=0.1)


def test_level_is_kept_unless_told_otherwise(batch):
    target, output = batch
    for loss in (losses.snr_loss, lambda *of: losses.estoi_loss(*of, RATE)):
        assert loss(target, 0.1 * output, PURE).item() == pytest.approx(loss(target, output, PURE).item(), abs=1e-3)
        assert loss(target, 0.1 * output, TrainSettings()) > loss(target, output, TrainSettings())
        assert loss(target, output + 0.1, TrainSettings()) > loss(target, output, TrainSettings())
        assert loss(target, target, TrainSettings()) < loss(target, output, TrainSettings())


def test_silent_rows_do_not_count(batch):
    target, output = (torch.cat((x, torch.full_like(x, 1e-9))) for x in batch)
    for loss in (losses.snr_loss, lambda *of: losses.estoi_loss(*of, RATE)):
        torch.testing.assert_close(loss(target, output, PURE), loss(*batch, PURE), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("kind", ["perfect", "silent", "no target", "short", "constant"])
def test_gradients_stay_finite(batch, kind):
    target, output = batch
    frames = 500 if kind == "short" else 8000
    target, output = target[:, :frames], output[:, :frames]
    output = {"perfect": target, "silent": 0 * output, "constant": torch.ones_like(output)}.get(kind, output)
    target = 0 * target if kind == "no target" else target
    for loss in (losses.snr_loss, lambda *of: losses.estoi_loss(*of, RATE)):
        played = output.clone().requires_grad_()
        value = loss(target, played, TrainSettings())
        value.backward()
        assert torch.isfinite(value) and torch.isfinite(played.grad).all()


def test_gradients_are_those_of_the_measures(batch):
    target, output = (x[:2, :6000].double() for x in batch)
    directions = torch.randn(3, *output.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for loss in (losses.snr_loss, lambda *of: losses.estoi_loss(*of, RATE)):
        played = output.clone().requires_grad_()
        loss(target, played, TrainSettings()).backward()
        for way in directions:
            step = 1e-5 * way
            slope = (loss(target, output + step, TrainSettings()) - loss(target, output - step, TrainSettings())) / 2e-5
            assert (played.grad * way).sum().item() == pytest.approx(slope.item(), rel=1e-3, abs=1e-7)


def test_learning_what_passes_speech_from_its_noise(batch):
    """Gains of three bands, learnt from intelligibility: those of the noise go down."""
    target, _ = batch
    generator = torch.Generator().manual_seed(1)
    noise = 0.05 * torch.randn(target.shape, generator=generator)
    spectrum = torch.fft.rfft(target + noise)
    where = torch.linspace(0, RATE / 2, spectrum.shape[-1])
    bands = torch.stack([(where < 1000), (where >= 1000) & (where < 2500), (where >= 5000)]).float()
    free = torch.zeros(3, requires_grad=True)
    optimiser = torch.optim.Adam([free], 0.2)
    for _ in range(20):
        optimiser.zero_grad()
        output = torch.fft.irfft(spectrum * (free.exp() @ bands))
        value = losses.snr_loss(target, output, TrainSettings())
        value.backward()
        optimiser.step()
    assert free[2] < free[0] - 1
