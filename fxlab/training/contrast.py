"""A loss for enhancement without a model answer: more spectral contrast than the target, as loud, no band changed without bound.

The target is what the enhancement is to keep: as a rule its own input. Bands and contrast are those of `fxlab.metrics.contrast`.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from fxlab.metrics.contrast import RANGE_DB, filters, layout, neighbours
from fxlab.settings import TrainSettings
from fxlab.training.losses import dc

_LOUDNESS = 0.3  # loudness grows with power to the 0.3 (Stevens)
_LEVEL = 0.25  # a change of loudness by 2 dB costs what 1 dB of contrast is worth
_SILENCE = 0.01  # of the batch's loudest power: rows that are quieter are held against this


def contrast_loss(target: Tensor, output: Tensor, settings: TrainSettings, sample_rate_hz: int) -> Tensor:
    """Minus the spectral contrast that was gained, in dB, plus what keeps the rest as it was, for (batch, frames) signals.

    To the target's contrast less the output's are added, with the gain G in dB of each band and step,

        - the mean of the squared change of the loudness in dB, weighted with the loudness, times `level_weight` / 4
        - the mean of (|G| - `contrast_bound_db`)^2 / `contrast_bound_db` where |G| is beyond that bound
        - the loss of DC, times `dc_weight`.

    Levels end 80 dB below the target's loudest band.
    """
    centres_hz, kept, made = _band_powers(target, output, sample_rate_hz)
    loudest = kept.amax(dim=(1, 2), keepdim=True)
    floor = 10 ** (-RANGE_DB / 10) * torch.maximum(loudest, _SILENCE * kept.amax()) + 1e-12
    kept, made = kept + floor, made + floor
    around = torch.as_tensor(neighbours(centres_hz).T, dtype=kept.dtype, device=kept.device)
    gained = (_contrast(made, around) - _contrast(kept, around)).mean()
    loudness = [(power**_LOUDNESS).sum(dim=2) for power in (made, kept)]
    change = 10 / _LOUDNESS * torch.log10(loudness[0] / loudness[1])
    louder = (loudness[1] * change.square()).sum() / loudness[1].sum()
    gain = 10 * torch.log10(made / kept)
    beyond = (gain.abs() - settings.contrast_bound_db).clamp_min(0).square().mean() / settings.contrast_bound_db
    return _LEVEL * settings.level_weight * louder + settings.dc_weight * dc(target, output) + beyond - gained


def _contrast(powers: Tensor, around: Tensor) -> Tensor:
    """Spectral contrast in dB of powers (batch, steps, bands), as `fxlab.metrics.contrast.contrast_of` has it."""
    levels = 10 * torch.log10(powers)
    total = powers.sum(dim=1, keepdim=True)
    weights = powers / total * total**_LOUDNESS / (total**_LOUDNESS).sum(dim=2, keepdim=True)
    return (weights * (levels - levels @ around)).sum(dim=(1, 2))


def _band_powers(target: Tensor, output: Tensor, rate_hz: int) -> tuple[np.ndarray, Tensor, Tensor]:
    """The bands' centres in Hz, and the powers of both signals in them, (batch, steps, bands) each."""
    centres_hz, hop, windows = layout(rate_hz)
    signals = torch.cat((target, output))
    powers = signals.new_zeros(len(signals), 1 + signals.shape[-1] // hop, len(centres_hz))
    for size, mine in windows.items():
        shape = torch.hann_window(size, dtype=signals.dtype, device=signals.device)
        padded = F.pad(signals, (size // 2, size // 2))
        spectra = torch.stft(padded, size, hop, window=shape * (2 / shape.sum()), center=False, return_complex=True)
        weights = torch.as_tensor(filters(centres_hz[mine], size, rate_hz), dtype=signals.dtype, device=signals.device)
        at = torch.as_tensor(mine, device=signals.device)
        powers = powers.index_copy(2, at, (spectra.real.square() + spectra.imag.square()).transpose(1, 2) @ weights)
    return centres_hz, *powers.chunk(2)
