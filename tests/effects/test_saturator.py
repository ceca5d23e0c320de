"""The saturator against its definition, its aliasing contract, and its gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.signal import butter, lfilter

from fxlab.effects.processor import apply
from fxlab.effects.saturator import EFFECT
from fxlab.metrics.spectrum import aliasing_to_signal_db, coherent_sine

RATE = 48_000


def saturate(x, rate=RATE, block=8192, engine="numba", **parameters):
    return apply(EFFECT.processor(engine, **parameters), x, rate, block)


def by_definition(x, rate, **settings):
    """y = makeup LPF(DCB(tanh(g x + bias) - tanh(bias))) with scipy's filters."""
    p = EFFECT.resolve(settings)
    v = np.tanh(10 ** (p["drive_db"] / 20) * x.astype(np.float64) + p["bias"]) - np.tanh(p["bias"])
    pole = np.exp(-2 * np.pi * p["dc_block_hz"] / rate)
    v = lfilter(np.array([1, -1]) * (1 + pole) / 2, [1, -pole], v)
    cutoff_hz = min(p["cutoff_hz"], 0.49 * rate)
    if p["lowpass"] == "biquad":
        v = lfilter(*butter(2, cutoff_hz, fs=rate), v)
    else:
        pole = np.exp(-2 * np.pi * cutoff_hz / rate)
        v = lfilter([1 - pole], [1, -pole], v)
    return 10 ** (p["makeup_db"] / 20) * v


def noise(frames=4000, channels=2, level=0.3, seed=0):
    return (level * np.random.default_rng(seed).standard_normal((channels, frames))).astype(np.float32)


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000, 192_000])
@pytest.mark.parametrize("lowpass", ["one_pole", "biquad"])
@pytest.mark.parametrize("engine", ["numba", "numpy"])
def test_definition(engine, lowpass, rate):
    x = noise()
    hot = {"drive_db": 48.0, "bias": -1.0, "dc_block_hz": 200.0, "cutoff_hz": 20_000.0}
    for settings in ({}, hot, {"drive_db": 0.0, "bias": 0.0}):
        y = saturate(x, rate, 512, engine, lowpass=lowpass, **settings)
        assert np.abs(y - by_definition(x, rate, lowpass=lowpass, **settings)).max() <= 1e-6


def test_makeup_scales():
    x = noise()
    assert np.abs(saturate(x, makeup_db=-12.0) - by_definition(x, RATE, makeup_db=-12.0)).max() <= 1e-6
    assert np.abs(saturate(x, makeup_db=24.0) - by_definition(x, RATE, makeup_db=24.0)).max() <= 1e-6 * 10 ** (24 / 20)


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5, 7, 8, 511, 512, 513, 515])
@pytest.mark.parametrize("lowpass", ["one_pole", "biquad"])
def test_segments_of_every_length_join(lowpass, frames):
    """The compiled filters run in four segments: lengths around multiples of four and around a chunk."""
    x = noise(frames, 1)
    assert np.abs(saturate(x, lowpass=lowpass) - by_definition(x, RATE, lowpass=lowpass)).max() <= 1e-6


def test_silence_is_exact_and_music_has_no_dc():
    assert not saturate(np.zeros((1, 5000), np.float32)).any()
    n = np.arange(RATE)
    x = (0.5 * np.sin(2 * np.pi * 100 / RATE * n)).astype(np.float32)
    y = saturate(x, bias=0.8)
    assert abs(y[RATE // 2 :].mean()) < 1e-4
    assert np.tanh(4 * x + 0.8).mean() - np.tanh(0.8) < -0.1  # what the DC blocker had to remove


def test_defaults_are_late_by_nothing():
    for antialias in ("none", "adaa1"):
        processor = EFFECT.processor(antialias=antialias)
        processor.prepare(RATE, 1, 64)
        assert processor.latency == 0


ALIASING_DB = {  # (oversample, antialias): at 1245 Hz, at 4186 Hz; full-scale sine, 24 dB of drive, low-pass wide open
    (1, "none"): (-28, -14),
    (1, "adaa1"): (-34, -23),
    (2, "none"): (-60, -26),
    (2, "adaa1"): (-73, -43),
    (4, "none"): (-120, -45),
    (4, "adaa1"): (-130, -67),
    (8, "none"): (-130, -85),
    (8, "adaa1"): (-130, -110),
}


@pytest.mark.parametrize("oversample, antialias", ALIASING_DB)
def test_aliasing_contract(oversample, antialias):
    settings = {"drive_db": 24.0, "cutoff_hz": 20_000.0, "oversample": oversample, "antialias": antialias}
    for frequency_hz, limit_db in zip((1245, 4186), ALIASING_DB[oversample, antialias], strict=True):
        tone = coherent_sine(frequency_hz, RATE, amplitude=1.0)
        found = aliasing_to_signal_db(saturate(tone.audio, **settings), tone)
        print(f"{oversample}x {antialias}, {frequency_hz} Hz: {found:.1f} dB")
        assert found <= limit_db
        # Not far below either: what is measured is the setting's own aliasing, not something that was filtered away.
        assert found >= limit_db - 12


FORMS = [("one_pole", 1, "none"), ("biquad", 2, "adaa1"), ("biquad", 4, "none")]


@pytest.mark.parametrize("lowpass, oversample, antialias", FORMS)
def test_gradients(lowpass, oversample, antialias):
    torch.manual_seed(0)
    settings = {"lowpass": lowpass, "oversample": oversample, "antialias": antialias}
    module = EFFECT.torch_module(RATE, drive_db=18.0, **settings)
    names, values = zip(*module.named_parameters(), strict=True)
    assert set(names) == {"drive_db", "bias", "makeup_db", "dc_block_hz", "cutoff_hz"}
    x = (0.3 * torch.randn(2, 40, dtype=torch.float64)).requires_grad_()
    call = lambda x, *v: torch.func.functional_call(module, dict(zip(names, v, strict=True)), (x,))  # noqa: E731
    # Hertz have small slopes, so the step of the finite differences is taken large.
    assert torch.autograd.gradcheck(call, (x, *values), eps=1e-5, atol=1e-7, rtol=1e-3)


def test_settings_are_found_by_descent():
    x = torch.from_numpy(noise(3000, 1))
    target = EFFECT.torch_module(RATE, drive_db=20.0, bias=-0.3)(x).detach()
    module = EFFECT.torch_module(RATE, drive_db=12.0, bias=0.2)
    optimiser = torch.optim.Adam([{"params": [module.drive_db], "lr": 0.3}, {"params": [module.bias], "lr": 0.03}])
    for _ in range(200):
        optimiser.zero_grad()
        (module(x) - target).square().mean().backward()
        optimiser.step()
    assert module.drive_db.item() == pytest.approx(20.0, abs=0.1)
    assert module.bias.item() == pytest.approx(-0.3, abs=0.01)
