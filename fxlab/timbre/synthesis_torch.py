"""The synthesizer in torch, for learning: gradients of its sound with respect to its controls, at the instrument's own rate."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from fxlab.effects.ace.torch_rows import numpy_of, over_rows
from fxlab.timbre import noise_kernel, oscillators_kernel
from fxlab.timbre.config import InstrumentConfig
from fxlab.timbre.fade import fade
from fxlab.timbre.noise import design, taps_of


def synthesize(config: InstrumentConfig, f0_hz: Tensor, harmonics: Tensor, noise: Tensor, white: Tensor) -> Tensor:
    """The sound of the controls of some frames, from the first to the last.

    Args:
        f0_hz: (batch, frames + 1), positive; no gradient reaches it.
        harmonics: Amplitudes, (batch, frames + 1, config.harmonics).
        noise: Magnitudes, (batch, frames + 1, config.bands).
        white: As `white_noise` makes it.

    Returns:
        (batch, frames * config.hop).

    Raises:
        ValueError: Shapes that don't fit.
    """
    return harmonic_part(config, f0_hz, harmonics) + noise_part(config, noise, white)


def white_noise(config: InstrumentConfig, batch: int, frames: int, generator: torch.Generator | None = None) -> Tensor:
    """Noise of standard deviation 1 for `synthesize`: what is heard, and what its filters reach beyond both ends."""
    return math.sqrt(12) * (torch.rand(batch, _white_samples(config, frames), generator=generator) - 0.5)


def _white_samples(config: InstrumentConfig, frames: int) -> int:
    return frames * config.hop + 2 * (taps_of(config, config.sample_rate_hz) - 1)


def harmonic_part(config: InstrumentConfig, f0_hz: Tensor, harmonics: Tensor) -> Tensor:
    """The sound without its noise; see `synthesize`."""
    if harmonics.dim() != 3 or f0_hz.shape != harmonics.shape[:2]:
        raise ValueError(f"pitches {tuple(f0_hz.shape)} don't go with amplitudes {tuple(harmonics.shape)}")
    if not _suits(harmonics):
        return plain_harmonics(config, f0_hz, harmonics)
    return _Bank.apply(config, f0_hz.detach(), harmonics)


def noise_part(config: InstrumentConfig, noise: Tensor, white: Tensor) -> Tensor:
    """The noise alone; see `synthesize`."""
    batch, rows, bands = noise.shape
    if bands != config.bands or white.shape != (batch, _white_samples(config, rows - 1)):
        raise ValueError(f"magnitudes {tuple(noise.shape)} don't go with noise {tuple(white.shape)}")
    if not _suits(noise):
        return plain_noise(config, noise, white)
    return _Filters.apply(config, _taps(config, noise), white.detach())


def plain_harmonics(config: InstrumentConfig, f0_hz: Tensor, harmonics: Tensor) -> Tensor:
    """`harmonic_part` in plain torch."""
    phase, hertz = _phase(config, f0_hz.detach().double())
    numbers = torch.arange(1, harmonics.shape[-1] + 1, device=harmonics.device)
    turns = phase[..., None] * numbers
    share = hertz[..., None] * numbers / (config.sample_rate_hz / 2)
    sines = torch.sin(2 * math.pi * (turns - turns.round()).to(harmonics.dtype)) * fade(share.to(harmonics.dtype))
    sounds = [(sines * frames[:, :, None]).sum(dim=-1) for frames in (harmonics[:, :-1], harmonics[:, 1:])]
    return _crossfaded(config, *sounds)


def plain_noise(config: InstrumentConfig, noise: Tensor, white: Tensor) -> Tensor:
    """`noise_part` in plain torch."""
    taps = _taps(config, noise)
    reach = taps.shape[-1] - 1
    size = 1 << (config.hop + 2 * reach - 1).bit_length()
    given = torch.fft.rfft(white.unfold(-1, config.hop + 2 * reach, config.hop), size)
    whole = torch.cat([taps, taps.new_zeros(*taps.shape[:-1], size - 2 * reach - 1), taps[..., 1:].flip(-1)], dim=-1)
    filters = torch.fft.rfft(whole)
    sounds = [
        torch.fft.irfft(given * frames, size)[..., reach : reach + config.hop] for frames in (filters[:, :-1], filters[:, 1:])
    ]
    return _crossfaded(config, *sounds)


def _phase(config: InstrumentConfig, f0_hz: Tensor) -> tuple[Tensor, Tensor]:
    """Phase in cycles and frequency of every sample, (batch, frames, hop), the frequency being geometric from frame to frame."""
    ratio = (f0_hz[:, 1:] / f0_hz[:, :-1]).log()[..., None]
    u = torch.arange(config.hop + 1, device=f0_hz.device, dtype=torch.float64) / config.hop
    x = u * ratio
    mean = torch.where(x.abs() < 1e-5, 1 + x / 2, torch.expm1(x) / torch.where(x == 0, 1, x))
    turned = f0_hz[:, :-1, None] / config.frame_rate_hz * u * mean
    start = torch.cumsum(turned[..., -1:], dim=1) - turned[..., -1:]
    return (start - start.floor() + turned)[..., :-1], (f0_hz[:, :-1, None] * x.exp())[..., :-1]


def _crossfaded(config: InstrumentConfig, before: Tensor, after: Tensor) -> Tensor:
    """From one sound to another within every frame, (batch, frames, hop) -> (batch, frames * hop)."""
    u = torch.arange(config.hop, device=before.device, dtype=before.dtype) / config.hop
    return (after + (0.5 + 0.5 * torch.cos(math.pi * u)) * (before - after)).flatten(1)


def _taps(config: InstrumentConfig, noise: Tensor) -> Tensor:
    """Impulse responses of magnitudes; in full precision, as transforms want it."""
    with torch.autocast(noise.device.type, enabled=False):
        return noise @ torch.from_numpy(design(config, config.sample_rate_hz)).to(noise)


def _suits(controls: Tensor) -> bool:
    """Whether the compiled functions can be used."""
    traced = torch.jit.is_tracing() or torch.compiler.is_compiling()
    return controls.device.type == "cpu" and controls.dtype == torch.float32 and not traced


class _Bank(torch.autograd.Function):
    @staticmethod
    def forward(ctx, config: InstrumentConfig, f0_hz: Tensor, harmonics: Tensor) -> Tensor:
        frames = _Frames(config, harmonics.shape[1] - 1)
        hertz = numpy_of(f0_hz.double())
        given = _even(harmonics)
        out = np.empty((len(given), frames.samples), np.float32)
        over_rows(
            lambda f0, rows, to: oscillators_kernel.forward(f0, rows, *frames.times, *frames.pitch, 0.0, to), hertz, given, out
        )
        ctx.frames, ctx.hertz, ctx.shape = frames, hertz, harmonics.shape
        return torch.from_numpy(out)

    @staticmethod
    @once_differentiable
    def backward(ctx, slopes: Tensor):
        frames, hertz, (batch, rows, count) = ctx.frames, ctx.hertz, ctx.shape
        given = numpy_of(slopes)
        found = np.zeros((batch, rows, count + count % 2), np.float32)
        over_rows(
            lambda f0, *rest: oscillators_kernel.backward(f0, *frames.times, *frames.pitch, 0.0, *rest), hertz, given, found
        )
        return None, None, torch.from_numpy(found)[..., :count]


class _Filters(torch.autograd.Function):
    @staticmethod
    def forward(ctx, config: InstrumentConfig, taps: Tensor, white: Tensor) -> Tensor:
        frames = _Frames(config, taps.shape[1] - 1)
        filters, noise = numpy_of(taps), numpy_of(white)
        out = np.empty((len(filters), frames.samples), np.float32)
        over_rows(lambda rows, from_, to: noise_kernel.forward(rows, from_, *frames.times, to), filters, noise, out)
        ctx.frames, ctx.noise, ctx.shape = frames, noise, taps.shape
        return torch.from_numpy(out)

    @staticmethod
    @once_differentiable
    def backward(ctx, slopes: Tensor):
        given, found = numpy_of(slopes), np.zeros(ctx.shape, np.float32)
        over_rows(lambda from_, *rest: noise_kernel.backward(from_, *ctx.frames.times, *rest), ctx.noise, given, found)
        return None, torch.from_numpy(found), None


class _Frames:
    """Where frames lie, as the kernels want to know it."""

    def __init__(self, config: InstrumentConfig, count: int) -> None:
        self.samples = count * config.hop
        self.times = np.arange(count + 1) * config.hop, np.zeros(count), 1 / config.hop
        self.pitch = 1 / config.frame_rate_hz, config.sample_rate_hz / 2


def _even(harmonics: Tensor) -> np.ndarray:
    return numpy_of(nn.functional.pad(harmonics, (0, harmonics.shape[-1] % 2)))
