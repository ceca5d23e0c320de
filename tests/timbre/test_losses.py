"""The spectral loss: what torch's own short-time transform makes of it, compiled or not."""

from __future__ import annotations

import pytest
import torch

from fxlab.timbre.losses import SpectralLoss, magnitudes, spectral_loss


def sounds(batch: int, samples: int = 700) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(batch)
    sound = torch.randn(batch, samples, generator=generator)
    return (0.1 * sound).requires_grad_(), torch.randn(batch, samples, generator=generator).cumsum(dim=1)


def with_gradient(loss, sound: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    found = loss(sound, target)
    return found.detach(), torch.autograd.grad(found, sound)[0]


def test_magnitudes_are_those_of_a_short_time_transform():
    sound, _ = sounds(2, 640)
    padded = torch.nn.functional.pad(sound, (0, 48))
    window = torch.hann_window(64)
    wanted = torch.stft(padded, 64, 16, window=window, center=False, return_complex=True).abs().transpose(1, 2)
    torch.testing.assert_close(magnitudes(sound, 64), wanted)
    assert wanted.shape == (2, 40, 33)


@pytest.mark.parametrize("batch", [1, 8, 9])
@pytest.mark.parametrize("scales", [(8,), (64, 16), (2048, 128), (1024,)])
def test_compiled_and_plain_agree(batch, scales):
    sound, target = sounds(batch)
    found, slope = with_gradient(SpectralLoss(scales), sound, target)
    exact = sound.detach().double().requires_grad_()
    wanted, wished = with_gradient(lambda a, b: spectral_loss(a, b, scales), exact, target.double())
    torch.testing.assert_close(found.double(), wanted, rtol=1e-5, atol=0)
    # Where both magnitudes are nearly equal, the sign of the gradient may differ.
    assert (slope - wished).norm() < 5e-3 * wished.norm()


def test_gradients_of_the_plain_one():
    generator = torch.Generator().manual_seed(0)
    sound = torch.randn(1, 20, generator=generator, dtype=torch.float64).requires_grad_()
    target = torch.randn(1, 20, generator=generator, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: SpectralLoss((8, 16))(x, target), sound)


def test_equal_sounds_cost_nothing():
    sound, _ = sounds(3)
    loss, slope = with_gradient(SpectralLoss((64, 32)), sound, sound.detach())
    assert loss < 1e-4 and slope.abs().max() < 0.1
    quiet, _ = with_gradient(SpectralLoss((64,)), sound, 0.5 * sound.detach())
    loud, _ = with_gradient(SpectralLoss((64,)), sound, 0.1 * sound.detach())
    assert 0 < quiet < loud


@pytest.mark.parametrize("which", ["sound", "target", "both"])
def test_silence_counts_as_in_torch(which):
    sound, target = sounds(2)
    sound = (sound * (which == "target")).detach().requires_grad_()
    target = target * (which == "sound")
    found, slope = with_gradient(SpectralLoss((128,)), sound, target)
    wanted, wished = with_gradient(lambda a, b: spectral_loss(a, b, (128,)), sound, target)
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(slope, wished, rtol=1e-3, atol=1e-4)


def test_a_far_louder_target_leaves_no_errors():
    sound, target = sounds(2)
    faint = (1e-6 * sound).detach().requires_grad_()
    found, slope = with_gradient(SpectralLoss((512, 64)), faint, target)
    exact = faint.detach().double().requires_grad_()
    wanted, wished = with_gradient(lambda a, b: spectral_loss(a, b, (512, 64)), exact, target.double())
    torch.testing.assert_close(found.double(), wanted, rtol=1e-5, atol=0)
    assert (slope - wished).norm() < 1e-4 * wished.norm()


def test_rows_threads_and_what_is_not_a_number():
    sound, target = sounds(17)
    loss = SpectralLoss((128, 16))
    before = torch.get_num_threads()
    found = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            found.append(with_gradient(loss, sound, target))
    finally:
        torch.set_num_threads(before)
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=0)
    each = torch.stack([loss(sound[i : i + 1], target[i : i + 1]) for i in range(17)])
    torch.testing.assert_close(each.mean(), found[0][0])
    broken = sound.detach().clone()
    broken[3, 100] = float("nan")
    assert loss(broken, target).isnan() and not loss(sound.detach(), target).requires_grad


def test_shapes_that_differ_are_refused():
    sound, target = sounds(2)
    for wrong in (target[:1], target[:, 1:], target[0]):
        with pytest.raises(ValueError, match="compared"):
            SpectralLoss((64,))(sound, wrong)
