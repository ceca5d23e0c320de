"""A one-pole follower with one coefficient for rising and one for falling, as a differentiable torch operation.

    y[n] = x[n] + c[n] (y[n-1] - x[n]),   c[n] = rise where x[n] > y[n-1], else fall

The gradient is exact on either branch: with c[n] as it was taken, l[n] = g[n] + c[n+1] l[n+1] runs backwards in time, and
dx[n] = (1 - c[n]) l[n], dc[n] = l[n] (y[n-1] - x[n]), dy[-1] = c[0] l[0]. At equality both branches agree in value, and the
falling one's slope is taken.
"""

from __future__ import annotations

import numpy as np
import torch
from numba import njit
from torch import Tensor
from torch.autograd.function import once_differentiable

from fxlab.effects.ace.torch_rows import numpy_of, over_rows

_SILENT = 1e-100  # far below what any envelope comes down to, far above denormals


def follow(x: Tensor, rise: Tensor, fall: Tensor, first: Tensor) -> Tensor:
    """Follows `x` along its last axis but one; gradients reach all arguments, once.

    Args:
        x: (rows, steps, K) float64 on the CPU, as everything here.
        rise, fall: Shares of the distance kept while rising and while falling, broadcast to (rows, K).
        first: (rows, K), the output before the first step.

    Returns:
        (rows, steps, K).
    """
    rows, _, bands = x.shape
    return _Follow.apply(x, rise.expand(rows, bands), fall.expand(rows, bands), first)


class _Follow(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, rise: Tensor, fall: Tensor, first: Tensor) -> Tensor:
        out = torch.empty(x.shape, dtype=torch.float64)
        ctx.save_for_backward(x, rise, fall, first, out)
        over_rows(_forward, *(numpy_of(tensor) for tensor in (x, rise, fall, first, out)))
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, slope: Tensor) -> tuple[Tensor, ...]:
        arrays = [numpy_of(tensor) for tensor in ctx.saved_tensors]
        into = np.empty_like(arrays[0])
        rise, fall, last = (np.zeros_like(arrays[3]) for _ in range(3))
        over_rows(_backward, *arrays, numpy_of(slope), into, rise, fall, last)
        return tuple(torch.from_numpy(array) for array in (into, rise, fall, last))


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _forward(x, rise, fall, first, out):
    """One row: x and out (steps, K), the rest (K,)."""
    before = first.copy()
    for n in range(x.shape[0]):
        level, followed = x[n], out[n]
        for k in range(len(before)):
            up, down, distance = rise[k], fall[k], before[k] - level[k]
            y = level[k] + (up if distance < 0.0 else down) * distance
            y = y if abs(y) > _SILENT else 0.0
            before[k] = y
            followed[k] = y


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _backward(x, rise, fall, first, out, slope, slope_x, slope_rise, slope_fall, carried):
    """One row: the gradient `slope` of `out` to those of x, rise, fall and, in `carried`, first; the last three begin at 0."""
    for n in range(x.shape[0] - 1, -1, -1):
        level, before, given, into = x[n], out[n - 1] if n > 0 else first, slope[n], slope_x[n]
        for k in range(len(carried)):
            up, down, distance = rise[k], fall[k], before[k] - level[k]
            rising = distance < 0.0
            keeps = up if rising else down
            all_ = given[k] + carried[k]
            all_ = all_ if abs(all_) > _SILENT else 0.0
            into[k] = all_ - keeps * all_
            carried[k] = keeps * all_
            kept = all_ * distance
            slope_rise[k] += kept if rising else 0.0
            slope_fall[k] += 0.0 if rising else kept
