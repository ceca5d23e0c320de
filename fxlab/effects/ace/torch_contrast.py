"""The steps of ACE's spectral contrast between its followers, as differentiable torch operations.

Each is a dozen elementwise operations whose derivatives are simpler than what autograd would make of them one by one, and would
keep: here the way back is one compiled loop over what goes in and comes out. All tensors are (rows, intervals, K) float64 on the
CPU unless said otherwise, `delta` and `threshold` are single numbers; gradients reach all arguments, once. At a tie of a minimum
or maximum one side gets the gradient.
"""

from __future__ import annotations

import numpy as np
import torch
from numba import njit
from torch import Tensor
from torch.autograd.function import once_differentiable

from fxlab.effects.ace.design import FLOOR
from fxlab.effects.ace.torch_rows import numpy_of, over_rows

_OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy", "fastmath": {"contract", "nsz"}}


def prominence(smooth: Tensor, around: Tensor, delta: Tensor) -> Tensor:
    """ln(e' / T), from e' (`smooth`) and the weighted sum of its neighbours squared."""
    return _Prominence.apply(smooth, around, delta)


def inhibit(e: Tensor, above: Tensor, strength: Tensor) -> Tensor:
    """Lateral inhibition: u from e, the prominence and the exponents (rows, intervals)."""
    return _Inhibit.apply(e, above, strength)


def expand(u: Tensor, smooth: Tensor, strength: Tensor, threshold: Tensor) -> Tensor:
    """Expansion: v from u, u' (`smooth`), the exponents (rows, intervals) and the logarithm of the threshold."""
    return _Expand.apply(u, smooth, strength, threshold)


def quotient(e: Tensor, p: Tensor, wanted: Tensor, present: Tensor, before: Tensor, delta: Tensor) -> tuple[Tensor, Tensor]:
    """The gains with which every interval begins and ends, from LP(p), LP(e) and the gain before the first, (rows, K)."""
    return _Quotient.apply(e, p, wanted, present, before, delta)


class _Prominence(torch.autograd.Function):
    @staticmethod
    def forward(ctx, smooth: Tensor, around: Tensor, delta: Tensor) -> Tensor:
        ctx.save_for_backward(smooth, around)
        ctx.delta = float(delta)
        return torch.div(smooth, around.sqrt().add_(delta)).log_()

    @staticmethod
    @once_differentiable
    def backward(ctx, slope: Tensor) -> tuple[Tensor, ...]:
        (smooth, around), delta = (numpy_of(tensor) for tensor in ctx.saved_tensors), ctx.delta
        slopes = np.empty_like(smooth), np.empty_like(smooth), np.empty(smooth.shape[:2])
        over_rows(lambda *row: _prominence_back(delta, *row), smooth, around, numpy_of(slope), *slopes)
        return *map(torch.from_numpy, slopes[:2]), torch.tensor(slopes[2].sum())


class _Inhibit(torch.autograd.Function):
    @staticmethod
    def forward(ctx, e: Tensor, above: Tensor, strength: Tensor) -> Tensor:
        u = above.clamp(max=0.0).mul_(strength[..., None]).clamp_(min=FLOOR).exp_().mul_(e)
        ctx.save_for_backward(e, above, strength, u)
        return u

    @staticmethod
    @once_differentiable
    def backward(ctx, slope: Tensor) -> tuple[Tensor, ...]:
        given = [numpy_of(tensor) for tensor in ctx.saved_tensors]
        slopes = [np.empty_like(array) for array in given[:3]]
        over_rows(_inhibit_back, *given, numpy_of(slope), *slopes)
        return tuple(map(torch.from_numpy, slopes))


class _Expand(torch.autograd.Function):
    @staticmethod
    def forward(ctx, u: Tensor, smooth: Tensor, strength: Tensor, threshold: Tensor) -> Tensor:
        level = smooth.log()
        below = level.neg_().add_(-level.amin(-1, keepdim=True))
        lifted = torch.minimum(torch.add(below, threshold).mul_(-strength[..., None]), below)
        v = lifted.clamp(min=FLOOR).exp_().mul_(u)
        ctx.save_for_backward(u, smooth, strength, v, below, lifted)
        ctx.threshold = float(threshold)
        return v

    @staticmethod
    @once_differentiable
    def backward(ctx, slope: Tensor) -> tuple[Tensor, ...]:
        given, threshold = [numpy_of(tensor) for tensor in ctx.saved_tensors], ctx.threshold
        slopes = np.empty_like(given[0]), np.empty_like(given[0]), np.empty_like(given[2]), np.empty_like(given[2])
        over_rows(lambda *row: _expand_back(threshold, *row), *given, numpy_of(slope), *slopes)
        return *map(torch.from_numpy, slopes[:3]), torch.tensor(slopes[3].sum())


class _Quotient(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx, e: Tensor, p: Tensor, wanted: Tensor, present: Tensor, before: Tensor, delta: Tensor
    ) -> tuple[Tensor, Tensor]:
        cap = torch.maximum(p, e).div_(e + delta)
        last = torch.minimum(torch.div(wanted, present + delta), cap)
        first = torch.minimum(torch.cat((before[:, None], last[:, :-1]), 1), cap)
        ctx.save_for_backward(e, p, wanted, present, before, cap, last)
        ctx.delta = float(delta)
        return first, last

    @staticmethod
    @once_differentiable
    def backward(ctx, slope_first: Tensor, slope_last: Tensor) -> tuple[Tensor, ...]:
        given, delta = [numpy_of(tensor) for tensor in ctx.saved_tensors], ctx.delta
        rows, intervals, _ = given[0].shape
        slopes = [np.empty_like(given[0]) for _ in range(4)]
        carried, of_delta = np.zeros_like(given[4]), np.empty((rows, intervals))
        slopes_out = numpy_of(slope_first), numpy_of(slope_last)
        over_rows(lambda *row: _quotient_back(delta, *row), *given, *slopes_out, *slopes, carried, of_delta)
        return *map(torch.from_numpy, (*slopes, carried)), torch.tensor(of_delta.sum())


@njit(**_OPTIONS)
def _prominence_back(delta, smooth, around, slope_above, to_smooth, to_around, to_delta):
    """One row of `prominence`'s gradients, that of delta per interval."""
    intervals, bands = smooth.shape
    for t in range(intervals):
        of_delta = 0.0
        for k in range(bands):
            slope, level = slope_above[t, k], np.sqrt(around[t, k])
            to_smooth[t, k] = slope / smooth[t, k]
            slope = -slope / (level + delta)
            of_delta += slope
            to_around[t, k] = 0.5 * slope / level
        to_delta[t] = of_delta


@njit(**_OPTIONS)
def _inhibit_back(e, above, strength, u, slope_u, to_e, to_above, to_strength):
    """One row of `inhibit`'s gradients, that of the strengths per interval."""
    intervals, bands = e.shape
    for t in range(intervals):
        exponent, of_exponent = strength[t], 0.0
        for k in range(bands):
            slope, less = slope_u[t, k], min(above[t, k], 0.0)
            to_e[t, k] = slope * (u[t, k] / e[t, k])
            slope = slope * u[t, k] if exponent * less > FLOOR else 0.0
            of_exponent += slope * less
            to_above[t, k] = exponent * slope if less < 0.0 else 0.0
        to_strength[t] = of_exponent


@njit(**_OPTIONS)
def _expand_back(threshold, u, smooth, strength, v, below, lifted, slope_v, to_u, to_smooth, to_strength, to_threshold):
    """One row of `expand`'s gradients; those of the strengths and of the threshold per interval."""
    intervals, bands = u.shape
    for t in range(intervals):
        exponent, of_strength, of_formula, all_, highest = strength[t], 0.0, 0.0, 0.0, 0
        for k in range(bands):
            slope = slope_v[t, k]
            to_u[t, k] = slope * (v[t, k] / u[t, k])
            slope = slope * v[t, k] if lifted[t, k] > FLOOR else 0.0
            formula = lifted[t, k] < below[t, k]
            of_strength -= slope * (below[t, k] + threshold) if formula else 0.0
            of_formula += slope if formula else 0.0
            slope = -exponent * slope if formula else slope
            all_ += slope
            to_smooth[t, k] = -slope / smooth[t, k]
            highest = k if below[t, k] == 0.0 else highest
        to_smooth[t, highest] += all_ / smooth[t, highest]
        to_strength[t], to_threshold[t] = of_strength, -exponent * of_formula


@njit(**_OPTIONS)
def _quotient_back(
    delta, e, p, wanted, present, before, cap, last, slope_first, slope_last, to_e, to_p, to_wanted, to_present, carried, to_delta
):
    """One row of `quotient`'s gradients, that of delta per interval, that of `before` in `carried`, which begins at 0."""
    intervals, bands = e.shape
    for t in range(intervals - 1, -1, -1):
        of_delta, earlier = 0.0, last[t - 1] if t > 0 else before
        for k in range(bands):
            slope, of_first, limit = slope_last[t, k] + carried[k], slope_first[t, k], cap[t, k]
            free = last[t, k] < limit
            followed = earlier[k] < limit
            carried[k] = of_first if followed else 0.0
            of_cap = (0.0 if followed else of_first) + (0.0 if free else slope)
            slope = slope / (present[t, k] + delta) if free else 0.0
            to_wanted[t, k] = slope
            to_present[t, k] = -slope * last[t, k]
            of_cap = of_cap / (e[t, k] + delta)
            shrinks = of_cap * limit
            of_delta -= slope * last[t, k] + shrinks
            louder = p[t, k] > e[t, k]
            to_p[t, k] = of_cap if louder else 0.0
            to_e[t, k] = (0.0 if louder else of_cap) - shrinks
        to_delta[t] = of_delta
