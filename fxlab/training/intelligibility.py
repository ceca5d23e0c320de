"""Losses for speech in noise: what of it is speech, and what of it can be understood.

Both measures are blind to the output's level and to its DC, so each has small terms that keep those of the target; with
`level_weight` and `dc_weight` 0 they are what was published. Rows of a batch in which the target is silent don't count.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from fxlab.metrics.intelligibility import FFT, FRAME, HOP, RANGE_DB, RATE_HZ, SEGMENT, third_octaves, window
from fxlab.settings import TrainSettings
from fxlab.training.losses import dc

_BEST_DB = 60.0  # of the ratio: a perfect output has a finite gradient
_SILENCE = 1e-3  # of the batch's mean energy: rows as quiet as this count half
_SNR_LEVEL, _ESTOI_LEVEL = 0.05, 1e-3  # what a squared decibel of level costs at `level_weight` 1
_ZEROS = 12  # crossings of the resampling filter on either side: its passband ends at 4.4 kHz, above the highest band


def snr_loss(target: Tensor, output: Tensor, settings: TrainSettings) -> Tensor:
    """Minus the scale-invariant signal-to-noise ratio in dB (Le Roux et al. 2019), 60 dB at most, and what keeps the level."""
    return _mean(target, -si_snr_db(target, output)) + _kept(target, output, settings, _SNR_LEVEL)


def estoi_loss(target: Tensor, output: Tensor, settings: TrainSettings, sample_rate_hz: int) -> Tensor:
    """1 - extended short-time objective intelligibility (Jensen and Taal 2016), see `estoi`, and what keeps the level."""
    return _mean(target, 1 - estoi(target, output, sample_rate_hz)) + _kept(target, output, settings, _ESTOI_LEVEL)


def si_snr_db(target: Tensor, output: Tensor) -> Tensor:
    """Scale-invariant signal-to-noise ratio of each row, (batch, frames) to (batch,), dB; `_BEST_DB` at most."""
    target, output = (signal - signal.mean(dim=-1, keepdim=True) for signal in (target, output))
    wanted = (output * target).sum(dim=-1, keepdim=True) / (target.square().sum(dim=-1, keepdim=True) + 1e-12) * target
    signal, rest = wanted.square().sum(dim=-1), (output - wanted).square().sum(dim=-1)
    return _decibels(signal) - _decibels(rest + 10 ** (-_BEST_DB / 10) * signal)


def estoi(target: Tensor, output: Tensor, sample_rate_hz: int) -> Tensor:
    """Intelligibility of each row, (batch, frames) to (batch,), differentiable.

    It differs from `fxlab.metrics.intelligibility.estoi` in two ways. Where silent frames of the target are cut out, their
    neighbours aren't overlapped to new ones, a difference of about 0.01. And where less than a segment sounds, that is filled up
    with what doesn't.
    """
    signals = torch.cat((target, output))
    audio = signals if sample_rate_hz == RATE_HZ else _resampled(signals, sample_rate_hz)
    audio = F.pad(audio, (0, max(0, FRAME + (SEGMENT - 1) * HOP - audio.shape[-1])))
    shape = torch.as_tensor(window(), dtype=audio.dtype, device=audio.device)
    frames = audio.unfold(-1, FRAME, HOP) * shape
    power = torch.fft.rfft(frames, FFT).abs().square()
    bands = (power @ torch.as_tensor(third_octaves().T, dtype=audio.dtype, device=audio.device) + 1e-10).sqrt()
    energy = frames[: len(target)].square().sum(dim=-1)
    silent = energy <= 10 ** (-RANGE_DB / 10) * energy.amax(dim=-1, keepdim=True)
    # Rows keep their length: what doesn't sound goes to their ends, and segments that reach there don't count.
    order = silent.to(torch.uint8).argsort(dim=-1, stable=True)[..., None].expand(-1, -1, bands.shape[-1])
    segments = [_normalised(_normalised(one.gather(1, order).unfold(1, SEGMENT, 1), -1), -2) for one in bands.chunk(2)]
    found = (segments[0] * segments[1]).sum(dim=(-1, -2)) / SEGMENT
    last = ((~silent).sum(dim=-1, keepdim=True) - SEGMENT).clamp_min(0)
    counting = torch.arange(found.shape[-1], device=found.device) <= last
    return (found * counting).sum(dim=-1) / counting.sum(dim=-1)


def _normalised(segments: Tensor, dim: int) -> Tensor:
    centred = segments - segments.mean(dim=dim, keepdim=True)
    return centred / (centred.square().sum(dim=dim, keepdim=True) + 1e-10).sqrt()


def _decibels(energy: Tensor) -> Tensor:
    return 10 * torch.log10(energy + 1e-12)


def _mean(target: Tensor, values: Tensor) -> Tensor:
    """Mean of a value per row, silent rows left out."""
    energy = target.square().mean(dim=-1)
    weights = energy / (energy + _SILENCE * energy.mean() + 1e-12)
    return (weights * values).sum() / (weights.sum() + 1e-9)


def _kept(target: Tensor, output: Tensor, settings: TrainSettings, weight: float) -> Tensor:
    """What other levels and another DC cost: the squared difference of the levels in dB, mean over the rows, and `dc`."""
    floor = 1e-3 * target.square().sum(dim=-1).mean()
    levels = (_decibels(signal.square().sum(dim=-1) + floor) for signal in (output, target))
    level = _mean(target, (next(levels) - next(levels)).square())
    return settings.level_weight * weight * level + settings.dc_weight * dc(target, output)


def _resampled(signals: Tensor, rate_hz: int) -> Tensor:
    """(batch, frames) at `RATE_HZ`, by one windowed sinc for each of the places between two samples that occur."""
    filters, step, reach = _filters(rate_hz)
    kernel = torch.as_tensor(filters, dtype=signals.dtype, device=signals.device)[:, None]
    found = F.conv1d(F.pad(signals[:, None], (reach, reach + step)), kernel, stride=step)
    count = max(1, signals.shape[-1] * RATE_HZ // rate_hz)
    return found.transpose(1, 2).flatten(1)[:, :count]


@functools.cache
def _filters(rate_hz: int) -> tuple[np.ndarray, int, int]:
    """Filters (places, taps), the samples from one round of places to the next, and those before a round that are heard."""
    common = math.gcd(rate_hz, RATE_HZ)
    places, step = RATE_HZ // common, rate_hz // common
    cutoff = 0.94 * min(1.0, RATE_HZ / rate_hz)  # of half the rate
    reach = math.ceil(_ZEROS / cutoff)
    at = np.arange(-reach, reach + step + 1) - (np.arange(places) * rate_hz / RATE_HZ)[:, None]
    inside = np.clip(at * cutoff / _ZEROS, -1, 1)
    filters = cutoff * np.sinc(cutoff * at) * np.i0(7.0 * np.sqrt(1 - inside**2)) / np.i0(7.0) * (np.abs(inside) < 1)
    return filters / filters.sum(axis=1, keepdims=True), step, reach
