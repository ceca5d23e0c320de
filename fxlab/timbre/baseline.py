"""What fxlab's training of instruments is measured against: a DDSP trainer as it is usually first written.

Frozen, and never used but by `fxlab bench --suite grow`: whole recordings one at a time (what lies before or behind the part
that is kept back), four scales of spectra, an oscillator after the other, inputs as they come (hertz, decibels,
coefficients), one noise filter per piece, the waveform's error besides. Each of the four steps that are said to make it ten
to fifteen times as fast can be taken alone: fewer scales, segments, batches, several recordings.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from fxlab.timbre.config import SIZES
from fxlab.timbre.ddsp import exp_sigmoid
from fxlab.timbre.player import NOISE_BIAS, SLOPE
from fxlab.timbre.segments import Take

LEARNING_RATE, CLIP_NORM, TIME_WEIGHT = 1e-3, 1.0, 0.1
FOUR_SCALES, TWO_SCALES = (2048, 1024, 512, 256), (2048, 512)
SEGMENT_FRAMES, BATCH = 43, 8
_FLOOR = 1e-5


@dataclass(frozen=True)
class Steps:
    """Which of the four steps are taken."""

    scales: bool = False
    segments: bool = False
    batches: bool = False
    several: bool = False


class SeedNetwork(nn.Module):
    """Two GRU layers of 512 units and two heads: 3,007,617 weights. Its inputs are raw."""

    def __init__(self) -> None:
        super().__init__()
        self.config = config = SIZES["seed"]
        self.gru = nn.GRU(config.inputs, config.hidden, config.layers, batch_first=True)
        self.harmonic, self.noise = (
            nn.Sequential(nn.Linear(config.hidden, config.dense), nn.LeakyReLU(SLOPE), nn.Linear(config.dense, outputs))
            for outputs in (1 + config.harmonics, config.bands)
        )

    def forward(self, given: Tensor) -> tuple[Tensor, Tensor]:
        """Amplitudes of harmonics and magnitudes of noise bands, (batch, frames, ...), of (batch, frames, inputs)."""
        hidden, _ = self.gru(given)
        out = self.harmonic(hidden)
        shares = exp_sigmoid(out[..., 1:])
        harmonics = exp_sigmoid(out[..., :1]) * shares / shares.sum(dim=-1, keepdim=True)
        return harmonics, exp_sigmoid(self.noise(hidden) + NOISE_BIAS)

    def play(self, given: Tensor, samples: int) -> Tensor:
        """(batch, samples) from raw inputs, whose first column is the fundamental in Hz."""
        harmonics, noise = self(given)
        f0_hz = _upsampled(given[..., :1], samples)[..., 0]
        phase = torch.cumsum(2 * math.pi * f0_hz / self.config.sample_rate_hz, dim=-1)
        amplitudes = _upsampled(harmonics, samples)
        sound = torch.zeros_like(phase)
        for number in range(self.config.harmonics):
            sound = sound + amplitudes[..., number] * torch.sin((number + 1) * phase)
        return sound + _filtered_noise(noise, samples)


class BaselineTrainer:
    """One trainer; every call of `step` is one of its optimiser's.

    Args:
        takes: Recordings, of which what is kept back isn't touched. Without `steps.several` the first alone is learnt from.
        steps: Which of the steps are taken.
        seed: Of initial weights and of what is drawn.
    """

    def __init__(self, takes: Sequence[Take], steps: Steps, seed: int) -> None:
        torch.manual_seed(seed)
        self.network = SeedNetwork()
        self._optimiser = torch.optim.Adam(self.network.parameters(), lr=LEARNING_RATE)
        self._takes = list(takes) if steps.several else list(takes[:1])
        self._steps, self._rng = steps, np.random.default_rng(seed)
        self.scales = TWO_SCALES if steps.scales else FOUR_SCALES

    def step(self) -> float:
        """Learns once; returns the loss."""
        given, audio = self._batch()
        played = self.network.play(given, audio.shape[-1])
        loss = spectral(played, audio, self.scales) + TIME_WEIGHT * (played - audio).abs().mean()
        self._optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), CLIP_NORM)
        self._optimiser.step()
        return float(loss.detach())

    def _batch(self) -> tuple[Tensor, Tensor]:
        chosen = [self._takes[self._rng.integers(len(self._takes))] for _ in range(BATCH if self._steps.batches else 1)]
        parts = [take.learnt[self._rng.integers(len(take.learnt))] for take in chosen]
        length = min([SEGMENT_FRAMES] * self._steps.segments + [len(part) for part in parts])
        starts = [part.start + int(self._rng.integers(len(part) - length + 1)) for part in parts]
        pieces = [cut(take, range(start, start + length)) for take, start in zip(chosen, starts, strict=True)]
        given, audio = zip(*pieces, strict=True)
        return torch.stack(given), torch.stack(audio)


def cut(take: Take, part: range) -> tuple[Tensor, Tensor]:
    """Raw inputs, (blocks, inputs), and audio, (blocks * hop,), of some blocks of a recording."""
    features, rows = take.features, slice(part.start, part.stop)
    columns = (features.f0_hz[rows, None], features.voiced[rows, None], features.loudness_db[rows, None], features.mfcc[rows])
    hop = len(take.audio) // take.blocks
    audio = take.audio[part.start * hop : part.stop * hop]
    return torch.from_numpy(np.concatenate(columns, axis=1).astype(np.float32)), torch.from_numpy(audio)


def spectral(played: Tensor, audio: Tensor, scales: Sequence[int]) -> Tensor:
    """Mean absolute error of magnitudes and of their logarithms, over all scales."""
    total = played.new_zeros(())
    for size in scales:
        window = torch.hann_window(size)
        one, two = (torch.stft(x, size, size // 4, window=window, return_complex=True).abs() for x in (played, audio))
        total = total + (one - two).abs().mean() + ((one + _FLOOR).log() - (two + _FLOOR).log()).abs().mean()
    return total


def _upsampled(frames: Tensor, samples: int) -> Tensor:
    """(batch, frames, n) to (batch, samples, n), linearly."""
    return nn.functional.interpolate(frames.transpose(1, 2), samples, mode="linear", align_corners=False).transpose(1, 2)


def _filtered_noise(magnitudes: Tensor, samples: int) -> Tensor:
    """White noise through one filter, the mean over time of those asked for."""
    taps = torch.fft.irfft(magnitudes.mean(dim=1).to(torch.complex64))
    taps = taps.roll(taps.shape[-1] // 2, -1) * torch.hann_window(taps.shape[-1])
    size = samples + taps.shape[-1]
    white = 2 * torch.rand(len(magnitudes), samples) - 1
    return torch.fft.irfft(torch.fft.rfft(white, size) * torch.fft.rfft(taps, size), size)[..., :samples]
