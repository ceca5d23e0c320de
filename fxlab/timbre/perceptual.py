"""What an ear makes of a difference: A-weighted decibels of a mel spectrum, as an optional term of an instrument's loss."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from fxlab.audio.a_weighting import a_weights
from fxlab.metrics.mfcc import HOP, SIZE, mel_filters

_FLOOR_DB = -80.0
"""A-weighted level of a band under which nothing is heard."""


class PerceptualLoss:
    """Mean absolute difference of A-weighted levels in mel bands, in units of 20 dB, for signals (batch, samples).

    Args:
        sample_rate_hz: Of the signals.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        weights = a_weights(np.fft.rfftfreq(SIZE, 1 / sample_rate_hz))
        self._bands = torch.from_numpy((mel_filters(sample_rate_hz) * weights).T.astype(np.float32))
        self._window = torch.hann_window(SIZE)

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        return (self._levels(output) - self._levels(target)).abs().mean()

    def _levels(self, signal: Tensor) -> Tensor:
        window = self._window.to(signal.device)
        spectrum = torch.stft(signal, SIZE, HOP, window=window, return_complex=True, center=True, pad_mode="constant")
        power = (spectrum.real.square() + spectrum.imag.square()) / window.sum().square()
        return ((power.transpose(1, 2) @ self._bands.to(signal.device)) + 10 ** (_FLOOR_DB / 10)).log10() / 2
