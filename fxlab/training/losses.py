"""Training losses, differentiable and batched: the one for effects, and all that there are by name.

Other packages add theirs through the entry-point group `fxlab.losses`, each entry naming a `Loss`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from fxlab.plugins import Registry
from fxlab.settings import TrainSettings

Loss = Callable[..., Tensor]
"""(target, output, settings) to a scalar, both signals (batch, frames).

One with a further parameter `sample_rate_hz` is told the rate of the signals.
"""

STFT_SIZES = (512, 1024, 2048)
# A segment quieter than this share of its batch's mean energy counts as if it were that loud: near silence the ratio
# would otherwise be ruled by samples that nobody hears.
_ENERGY_FLOOR = 0.1


def pre_emphasis(x: Tensor, coefficient: float) -> Tensor:
    """x[n] - coefficient * x[n-1], one sample shorter than x (Wright et al. 2019, arXiv 1911.08922)."""
    return x[..., 1:] - coefficient * x[..., :-1] if coefficient else x


def esr(target: Tensor, output: Tensor) -> Tensor:
    """Mean error-to-signal ratio of the batch's segments, shape (batch, frames) each, with an energy floor."""
    energy = target.square().mean(dim=-1)
    error = (target - output).square().mean(dim=-1)
    return (error / (energy + _ENERGY_FLOOR * energy.mean() + 1e-8)).mean()


def dc(target: Tensor, output: Tensor) -> Tensor:
    """Squared difference of the means over the target's mean energy."""
    return (target.mean(dim=-1) - output.mean(dim=-1)).square().mean() / (target.square().mean() + 1e-8)


def mr_stft(target: Tensor, output: Tensor) -> Tensor:
    """Multi-resolution STFT loss: spectral convergence + L1 of log magnitudes (Yamamoto et al. 2020, arXiv 1910.11480).

    Resolutions longer than the signals are left out; 0 when that leaves none.
    """
    total = target.new_zeros(())
    sizes = [size for size in STFT_SIZES if size <= target.shape[-1]]
    for size in sizes:
        window = torch.hann_window(size, device=target.device, dtype=target.dtype)
        a, b = (_magnitude(x, size, window) for x in (target, output))
        total = (
            total + torch.linalg.vector_norm(a - b) / torch.linalg.vector_norm(a).clamp_min(1e-8) + F.l1_loss(b.log(), a.log())
        )
    return total / max(1, len(sizes))


def _magnitude(x: Tensor, size: int, window: Tensor) -> Tensor:
    spectrum = torch.stft(x, size, size // 4, window=window, return_complex=True)
    # The floor keeps the gradient of the square root finite; it lies 80 dB under full scale per bin.
    return (spectrum.real.square() + spectrum.imag.square() + 1e-8).sqrt()


def effect_loss(target: Tensor, output: Tensor, settings: TrainSettings) -> Tensor:
    """The weighted sum of pre-emphasised ESR, MR-STFT and DC for (batch, frames) signals."""
    coefficient = settings.pre_emphasis
    loss = settings.esr_weight * esr(pre_emphasis(target, coefficient), pre_emphasis(output, coefficient))
    if settings.stft_weight:
        loss = loss + settings.stft_weight * mr_stft(target, output)
    if settings.dc_weight:
        loss = loss + settings.dc_weight * dc(target, output)
    return loss


def _check(found: Any, name: str) -> None:
    if not callable(found):
        raise TypeError(f"it is no function, but of type {type(found).__name__}")


@functools.cache
def losses() -> Registry[Loss]:
    """Every loss by name: the built-in ones first, then those installed packages add."""
    from fxlab.training.contrast import contrast_loss  # which build on what is here
    from fxlab.training.intelligibility import estoi_loss, snr_loss

    built_in: dict[str, Loss] = {"effect": effect_loss, "snr": snr_loss, "estoi": estoi_loss, "contrast": contrast_loss}
    return Registry("fxlab.losses", "loss", built_in, _check)


def loss(name: str) -> Loss:
    """The loss called `name`; raises `UsageError` naming the nearest one, `MissingError` for a package's that can't be used."""
    return losses().named(name)


def at_rate(found: Loss, sample_rate_hz: int) -> Loss:
    """The loss as a function of (target, output, settings) alone."""
    try:
        told = "sample_rate_hz" in inspect.signature(found).parameters
    except ValueError:  # of compiled code nothing is known
        told = False
    return functools.partial(found, sample_rate_hz=sample_rate_hz) if told else found
