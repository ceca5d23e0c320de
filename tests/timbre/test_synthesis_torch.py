"""The synthesizer that is learnt through: the compiled one, the one in torch and the definition agree, and so do gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fxlab.timbre.config import InstrumentConfig
from fxlab.timbre.noise import filtered
from fxlab.timbre.oscillators import sines
from fxlab.timbre.synthesis_torch import (
    harmonic_part,
    noise_part,
    plain_harmonics,
    plain_noise,
    synthesize,
    white_noise,
)

CONFIG = InstrumentConfig(hop=100, harmonics=9, bands=6)
FRAMES = 5


def controls(dtype: torch.dtype = torch.float32) -> tuple[torch.Tensor, ...]:
    """Pitches whose harmonics cross half the rate, amplitudes, magnitudes and noise."""
    generator = torch.Generator().manual_seed(0)
    f0_hz = 100 * 30 ** torch.rand(2, FRAMES + 1, generator=generator, dtype=dtype)
    harmonics = torch.rand(2, FRAMES + 1, 9, generator=generator, dtype=dtype).requires_grad_()
    noise = torch.rand(2, FRAMES + 1, 6, generator=generator, dtype=dtype).requires_grad_()
    return f0_hz, harmonics, noise, white_noise(CONFIG, 2, FRAMES, generator).to(dtype)


def test_it_is_what_the_definition_says():
    f0_hz, harmonics, noise, white = controls()
    found = synthesize(CONFIG, f0_hz, harmonics, noise, white).detach().numpy()
    assert found.shape == (2, FRAMES * 100)
    for row in range(2):
        given = [tensor[row].detach().double().numpy() for tensor in (f0_hz, harmonics, noise, white)]
        wanted = sines(CONFIG, 22_050, *given[:2]) + filtered(CONFIG, 22_050, *given[2:])
        np.testing.assert_allclose(found[row], wanted, atol=1e-5)


@pytest.mark.parametrize("threads", [1, 2])
def test_compiled_and_plain_agree(threads):
    f0_hz, harmonics, noise, white = controls()
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        pairs = [
            (harmonic_part(CONFIG, f0_hz, harmonics), plain_harmonics(CONFIG, f0_hz, harmonics), harmonics),
            (noise_part(CONFIG, noise, white), plain_noise(CONFIG, noise, white), noise),
        ]
        for found, wanted, source in pairs:
            torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)
            slopes = torch.randn(found.shape, generator=torch.Generator().manual_seed(1))
            slope, wished = (torch.autograd.grad(sound, source, slopes)[0] for sound in (found, wanted))
            torch.testing.assert_close(slope, wished, atol=1e-4, rtol=1e-5)
    finally:
        torch.set_num_threads(before)


def test_gradients_of_the_plain_ones():
    f0_hz, harmonics, noise, white = controls(torch.float64)
    sources = harmonics[:1, :2, :3].detach().requires_grad_(), noise[:1, :2].detach().requires_grad_()
    assert torch.autograd.gradcheck(lambda h, n: synthesize(CONFIG, f0_hz[:1, :2], h, n, white[:1, :110]), sources)


def test_a_gradient_is_the_transpose():
    f0_hz, harmonics, noise, white = controls()
    sound = synthesize(CONFIG, f0_hz, harmonics, noise, white)
    slopes = torch.randn(sound.shape, generator=torch.Generator().manual_seed(2))
    found = torch.autograd.grad(sound, (harmonics, noise), slopes)
    expected = sum((slope * source).sum() for slope, source in zip(found, (harmonics, noise), strict=True))
    torch.testing.assert_close(expected, (sound * slopes).sum(), atol=1e-3, rtol=1e-5)


def test_white_noise_has_a_standard_deviation_of_one():
    white = white_noise(CONFIG, 4, 200, torch.Generator().manual_seed(0))
    assert white.shape == (4, 200 * 100 + 2 * 5)
    assert abs(white.std() - 1) < 0.01 and abs(white.mean()) < 0.01


def test_mixed_precision_does_not_reach_it():
    f0_hz, harmonics, noise, white = controls()
    wanted = synthesize(CONFIG, f0_hz, harmonics, noise, white)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(synthesize(CONFIG, f0_hz, harmonics, noise, white), wanted, rtol=0, atol=0)
        torch.testing.assert_close(plain_noise(CONFIG, noise, white), noise_part(CONFIG, noise, white), rtol=1e-5, atol=1e-5)


def test_shapes_that_do_not_fit_are_refused():
    f0_hz, harmonics, noise, white = controls()
    with pytest.raises(ValueError, match="amplitudes"):
        synthesize(CONFIG, f0_hz[:, 1:], harmonics, noise, white)
    for wrong in (white[:, 1:], white[:1]):
        with pytest.raises(ValueError, match="magnitudes"):
            synthesize(CONFIG, f0_hz, harmonics, noise, wrong)
    with pytest.raises(ValueError, match="magnitudes"):
        noise_part(CONFIG, noise[..., 1:], white)
