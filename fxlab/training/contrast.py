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
_SILENCE = 0.01  # of the batch's loudest power: rows that are quieter are held against this


def contrast_loss(target: Tensor, output: Tensor, settings: TrainSettings, sample_rate_hz: int) -> Tensor:
    """Minus the contrast that was gained in dB, plus what keeps the rest as it was, for (batch, frames) signals.

    With the gain G of each band and step in dB, output over target, this is

        - mean of (G - mean G of the bands within 3 ERB), weighted with the target's power in its band and the band's loudness
        + mean of the squared change of the loudness in dB, weighted with it, times `level_weight`
        + mean of (|G| - `contrast_bound_db`)^2 / `contrast_bound_db` where |G| is beyond that bound
        + the loss of DC, times `dc_weight`.

    Levels end 80 dB below the target's loudest band.
    """
    centres_hz, heard, made = _band_powers(target, output, sample_rate_hz)
    loudest = heard.amax(dim=(1, 2), keepdim=True)
    floor = 10 ** (-RANGE_DB / 10) * torch.maximum(loudest, _SILENCE * heard.amax()) + 1e-12
    kept, made = heard + floor, made + floor
    gain = 10 * torch.log10(made / kept)
    around = gain @ torch.as_tensor(neighbours(centres_hz).T, dtype=gain.dtype, device=gain.device)
    total = heard.sum(dim=1, keepdim=True)
    loud = (total + 1e-20) ** _LOUDNESS * (total > 0)
    weights = heard / (total + 1e-20) * loud / (loud.sum(dim=2, keepdim=True) + 1e-20)
    gained = (weights * (gain - around)).sum(dim=(1, 2)).mean()
    loudness = [(power**_LOUDNESS).sum(dim=2) for power in (made, kept)]
    change = 10 / _LOUDNESS * torch.log10(loudness[0] / loudness[1])
    louder = (loudness[1] * change.square()).sum() / loudness[1].sum()
    beyond = (gain.abs() - settings.contrast_bound_db).clamp_min(0).square().mean() / settings.contrast_bound_db
    return settings.level_weight * louder + settings.dc_weight * dc(target, output) + beyond - gained


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
