"""How far a sound is from another one by their spectra at several resolutions (Engel et al., "DDSP", 2020)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from fxlab.effects.ace.torch_rows import numpy_of, over_rows
from fxlab.timbre.spectral_kernel import compare, plan
from fxlab.timbre.transform_kernel import LANES

SCALES = (2048, 1024, 512, 256, 128, 64)
EPSILON = 1e-5
"""Added to magnitudes before their logarithm."""
_FAINT = 1e-30
"""Peak of what counts as silence."""


class SpectralLoss(nn.Module):
    """Sum over sizes of spectra of the mean absolute error of magnitudes and of their natural logarithms.

    Frames start every quarter of the size from the first sample on; the last ones are filled up with zeros.

    Args:
        scales: Sizes, powers of two from 8 on.
    """

    def __init__(self, scales: Sequence[int] = SCALES) -> None:
        super().__init__()
        self.scales = tuple(scales)

    def forward(self, sound: Tensor, target: Tensor) -> Tensor:
        """The loss of (batch, samples) each; gradients reach the first, once. Raises `ValueError` for shapes that differ."""
        if sound.dim() != 2 or sound.shape != target.shape:
            raise ValueError(f"a sound {tuple(sound.shape)} can't be compared with a target {tuple(target.shape)}")
        traced = torch.jit.is_tracing() or torch.compiler.is_compiling()
        if traced or any(tensor.device.type != "cpu" or tensor.dtype != torch.float32 for tensor in (sound, target)):
            return spectral_loss(sound, target, self.scales)
        learn = torch.is_grad_enabled() and sound.requires_grad
        return _Distance.apply(sound, target.detach(), self.scales, learn)


def spectral_loss(sound: Tensor, target: Tensor, scales: Sequence[int]) -> Tensor:
    """What `SpectralLoss` says, in plain torch."""
    total = sound.new_zeros(())
    for size in scales:
        heard, wanted = magnitudes(sound, size), magnitudes(target.detach(), size)
        total = total + (heard - wanted).abs().mean() + ((heard + EPSILON).log() - (wanted + EPSILON).log()).abs().mean()
    return total


def magnitudes(sound: Tensor, size: int) -> Tensor:
    """Of the spectra of Hann-windowed frames, (batch, frames, size / 2 + 1)."""
    hop = size // 4
    frames = _frames(sound.shape[-1], size)
    padded = nn.functional.pad(sound, (0, (frames - 1) * hop + size - sound.shape[-1]))
    window = torch.hann_window(size, dtype=sound.dtype, device=sound.device)
    return torch.fft.rfft(padded.unfold(-1, size, hop) * window).abs()


def _frames(samples: int, size: int) -> int:
    return -(-samples // (size // 4))


class _Distance(torch.autograd.Function):
    """The loss, and at once its gradient."""

    @staticmethod
    def forward(ctx, sound: Tensor, target: Tensor, scales: tuple[int, ...], learn: bool) -> Tensor:
        batch, samples = sound.shape
        (heard, loud), (wanted, asked) = (_side_by_side(tensor, samples + max(scales)) for tensor in (sound, target))
        slopes = np.zeros_like(heard) if learn else heard
        losses = np.zeros((len(heard), 1))

        def run(heard: np.ndarray, wanted: np.ndarray, gains: np.ndarray, slopes: np.ndarray, loss: np.ndarray) -> None:
            for size in scales:
                weight = 1 / (batch * _frames(samples, size) * (size // 2 + 1))
                tools = (*plan(size), np.float32(EPSILON), np.float32(weight))
                loss[0] += weight * sum(compare(heard, wanted, gains, samples, *tools, slopes, learn))

        over_rows(run, heard, wanted, np.stack([loud, asked], axis=1), slopes, losses)
        if learn:
            rows = slopes.transpose(0, 2, 1).reshape(-1, slopes.shape[1])[:batch, :samples]
            ctx.slopes = torch.from_numpy(np.ascontiguousarray(rows))
        return sound.new_tensor(losses.sum())

    @staticmethod
    @once_differentiable
    def backward(ctx, slope: Tensor):
        return slope * ctx.slopes, None, None, None


def _side_by_side(sound: Tensor, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Groups of as many rows as the kernel takes, sample by sample and with zeros behind, (groups, length, LANES), each row with
    a peak from 1 to 2, and the gains that undo this, (groups, LANES); a silent row's is 0.
    """
    rows = numpy_of(sound)
    groups = -(-len(rows) // LANES)
    peaks = np.abs(rows).max(axis=1, initial=0)
    heard = peaks > _FAINT
    scales = 2.0 ** np.floor(np.log2(np.where(heard, peaks, 1))).astype(np.float32)
    gains = np.zeros(groups * LANES, np.float32)
    gains[: len(rows)] = scales * heard
    padded = np.zeros((groups * LANES, length), np.float32)
    padded[: len(rows), : rows.shape[1]] = rows / scales[:, None]
    return np.ascontiguousarray(padded.reshape(groups, LANES, length).transpose(0, 2, 1)), gains.reshape(groups, LANES)
