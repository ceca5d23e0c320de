"""The compressor as a differentiable torch operation: exact gradients to the audio and to all parameters, a set for each item.

The excess k over the threshold and its smoothing (see `fxlab.effects.compressor`) run compiled, forwards and backwards. With g
the gradient of s, backwards in time

    m[n] = g[n] + a m[n+1],   l[n] = (1 - a) m[n] + (r l[n+1] where p[n+1] was falling),   dk[n] = l[n], (1 - r) l[n] if falling
    da = sum_n m[n] (s[n-1] - p[n]),   dr = sum over falling n of l[n] (p[n-1] - k[n])

and from dk the threshold, the knee and the loudest channel get theirs by the knee's slope.
"""

from __future__ import annotations

import numpy as np
import torch
from numba import njit
from torch import Tensor
from torch.autograd.function import once_differentiable

from fxlab.effects.ace.torch_rows import numpy_of, over_rows
from fxlab.effects.compressor.curve import FLOOR, bend

_DB = 20.0 / np.log(10.0)
_SILENT = 1e-100  # far below what any excess or gradient comes down to, far above denormals
_bend = njit(nogil=True, error_model="numpy")(bend)

Number = Tensor | float


def compress(
    x: Tensor,
    threshold_db: Number,
    ratio: Number,
    attack_ms: Number,
    release_ms: Number,
    knee_db: Number,
    makeup_db: Number,
    rate_hz: float,
    mix: Number = 1.0,
) -> Tensor:
    """Compresses each item from rest, its channels linked; gradients reach all arguments, once.

    Args:
        x: (batch, channels, frames), float32 or float64, any device (other than CPU by a round trip).
        threshold_db, ratio, attack_ms, release_ms, knee_db, makeup_db, mix: As declared in `fxlab.effects.compressor`, each a
            number or a tensor (batch,); float64 recommended. A knee of 0 gets no gradient.
        rate_hz: Sample rate.

    Returns:
        Same shape, dtype and device as `x`.
    """
    excess = smoothed_excess_db(x, threshold_db, knee_db, attack_ms, release_ms, rate_hz)
    ratio, makeup_db, mix = (_column(value, x) for value in (ratio, makeup_db, mix))
    gain = torch.exp((makeup_db - (1.0 - 1.0 / ratio) * excess) / _DB)
    return x * (1.0 + mix * (gain - 1.0)).to(x.dtype).unsqueeze(1)


def smoothed_excess_db(
    x: Tensor, threshold_db: Number, knee_db: Number, attack_ms: Number, release_ms: Number, rate_hz: float
) -> Tensor:
    """By how much each item's level exceeds the threshold, smoothed: times 1 - 1 / ratio it is the gain's reduction in dB.

    Args:
        As for `compress`.

    Returns:
        (batch, frames) float64 on the device of `x`.
    """
    rise, fall = (torch.exp(-1000.0 / (_column(time, x) * rate_hz)) for time in (attack_ms, release_ms))
    columns = (_column(threshold_db, x), _column(knee_db, x), rise, fall)
    return _Excess.apply(x, torch.cat([column.expand(len(x), 1) for column in columns], 1))


def _column(value: Number, x: Tensor) -> Tensor:
    """A parameter as float64 (batch or 1, 1) beside the audio."""
    return torch.as_tensor(value, dtype=torch.float64, device=x.device).reshape(-1, 1)


class _Excess(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, numbers: Tensor) -> Tensor:
        audio, settings = numpy_of(x.cpu()), numpy_of(numbers.cpu())
        signals = np.empty((len(audio), 3, audio.shape[-1]))
        over_rows(_forward, audio, settings, signals)
        ctx.save_for_backward(x)
        ctx.settings, ctx.signals = settings, signals
        return torch.from_numpy(signals[:, 2]).to(x.device, copy=True)

    @staticmethod
    @once_differentiable
    def backward(ctx, slope: Tensor) -> tuple[Tensor, Tensor]:
        (x,) = ctx.saved_tensors
        audio = numpy_of(x.cpu())
        into, slopes = np.zeros_like(audio), np.zeros_like(ctx.settings)
        over_rows(_backward, audio, ctx.settings, ctx.signals, numpy_of(slope.cpu()), into, slopes)
        return torch.from_numpy(into).to(x.device), torch.from_numpy(slopes).to(x.device)


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _forward(audio, settings, signals):
    """One item: audio (channels, frames), settings (threshold, knee, rise, fall), signals (3, frames) take k, p and s."""
    threshold_db, knee_db, rise, fall = settings
    half, factor = 0.5 * knee_db, _bend(knee_db)
    excess, holding, smoothed = signals
    for i in range(len(excess)):
        excess[i] = FLOOR
    for channel in range(len(audio)):
        row = audio[channel]
        for i in range(len(excess)):
            excess[i] = max(excess[i], abs(np.float64(row[i])))
    held = smooth = 0.0
    for i in range(len(excess)):
        over = _DB * np.log(excess[i]) - threshold_db
        bent = min(max(over + half, 0.0), knee_db)
        now = bent * bent * factor + max(over - half, 0.0)
        held = max(now, fall * held + (1.0 - fall) * now)
        held = held if held > _SILENT else 0.0
        smooth = rise * smooth + (1.0 - rise) * held
        smooth = smooth if smooth > _SILENT else 0.0
        excess[i], holding[i], smoothed[i] = now, held, smooth


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _backward(audio, settings, signals, slope, into, slopes):
    """One item: the gradient `slope` (frames,) of s to those of the audio and of the settings, both zeros before."""
    _, knee_db, rise, fall = settings
    excess, holding, smoothed = signals
    of_threshold = of_knee = of_rise = of_fall = 0.0
    later = carried = 0.0
    for i in range(len(slope) - 1, -1, -1):
        before, smooth = (holding[i - 1], smoothed[i - 1]) if i > 0 else (0.0, 0.0)
        now, held = excess[i], holding[i]
        later = slope[i] + rise * later
        later = later if abs(later) > _SILENT else 0.0
        of_rise += later * (smooth - held)
        here = (1.0 - rise) * later + carried
        carried = 0.0
        if before > now:
            of_fall += here * (before - now)
            carried = fall * here
            here *= 1.0 - fall
        if now > 0.0 and here != 0.0:
            if now < 0.5 * knee_db:
                share = np.sqrt(2.0 * now / knee_db)  # of the knee that is below
                of_knee += here * 0.5 * share * (1.0 - share)
                here *= share
            of_threshold -= here
            loudest = 0
            for channel in range(1, len(audio)):
                if abs(audio[channel, i]) > abs(audio[loudest, i]):
                    loudest = channel
            into[loudest, i] = here * _DB / audio[loudest, i]
    slopes[0], slopes[1], slopes[2], slopes[3] = of_threshold, of_knee, of_rise, of_fall
