"""The biquad cascade as a differentiable torch operation, exact in the time domain.

Forward and backward run compiled in double precision. For a section A(z) y = B(z) x and the gradient g of y, let h solve
A(1/z) h = g: the all-pole filter run backwards in time. Then

    dx[n] = sum_k b_k h[n+k],   db_k = sum_n h[n] x[n-k],   da_k = -sum_n h[n] y[n-k]

so one backward sweep per section gives all gradients (the adjoint of a recursive filter; see also Forgione and Piga,
"dynoNet: a neural network architecture for learning dynamical systems", 2021, and Yu et al., "DiffAPF", DAFx 2024). Where the
filter goes on from a state, x and y count as zero before the first sample there: the registers are given.
"""

from __future__ import annotations

import numpy as np
import torch
from numba import njit
from torch import Tensor
from torch.autograd.function import once_differentiable

from fxlab.audio import biquad

_SILENT = 1e-30


def cascade(x: Tensor, sections: Tensor) -> Tensor:
    """Filters `x` from rest; gradients reach both arguments.

    Args:
        x: (..., frames), float32 or float64, any device (other than CPU by a round trip).
        sections: (n, 5) as in `fxlab.audio.biquad`, or (..., n, 5) with the leading dimensions of `x` for one cascade
            each; float64 recommended, poles close to 1 need it.

    Returns:
        Same shape, dtype and device as `x`.

    Raises:
        ValueError: Shapes that don't fit.
    """
    return _filtered(x, sections, None)


def cascade_on(x: Tensor, sections: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """`cascade` that goes on from a state, which counts as given: gradients end there.

    Args:
        state: (..., n, 2) with the leading dimensions of `x`, the registers of `biquad.run_cascade`.

    Returns:
        Output, and the new state in float64 on the CPU.

    Raises:
        ValueError: Shapes that don't fit.
    """
    if state.shape != (*x.shape[:-1], sections.shape[-2], 2):
        raise ValueError(f"a state {tuple(state.shape)} doesn't fit audio {tuple(x.shape)} and sections {tuple(sections.shape)}")
    registers = _double(state).copy()
    y = _filtered(x, sections, registers.reshape(-1, *state.shape[-2:]))
    return y, torch.from_numpy(registers)


def _filtered(x: Tensor, sections: Tensor, registers: np.ndarray | None) -> Tensor:
    shared = sections.dim() == 2
    if sections.shape[-1] != 5 or not (shared or sections.shape[:-2] == x.shape[:-1]):
        raise ValueError(f"sections {tuple(sections.shape)} don't fit audio {tuple(x.shape)}")
    return _Cascade.apply(x, sections, registers)


def lowpass(cutoff_hz: Tensor, q: Tensor, rate_hz: float) -> Tensor:
    """Differentiable `biquad.lowpass`: tensors of any shape (...) give sections (..., 5)."""
    return biquad.design_lowpass(torch, cutoff_hz, q, rate_hz)


def highpass(cutoff_hz: Tensor, q: Tensor, rate_hz: float) -> Tensor:
    """Differentiable `biquad.highpass`."""
    return biquad.design_highpass(torch, cutoff_hz, q, rate_hz)


def peaking(freq_hz: Tensor, gain_db: Tensor, q: Tensor, rate_hz: float) -> Tensor:
    """Differentiable `biquad.peaking`."""
    return biquad.design_peaking(torch, freq_hz, gain_db, q, rate_hz)


def low_shelf(freq_hz: Tensor, gain_db: Tensor, q: Tensor, rate_hz: float) -> Tensor:
    """Differentiable `biquad.low_shelf`."""
    return biquad.design_low_shelf(torch, freq_hz, gain_db, q, rate_hz)


def high_shelf(freq_hz: Tensor, gain_db: Tensor, q: Tensor, rate_hz: float) -> Tensor:
    """Differentiable `biquad.high_shelf`."""
    return biquad.design_high_shelf(torch, freq_hz, gain_db, q, rate_hz)


def one_pole_lowpass(cutoff_hz: Tensor, rate_hz: float) -> Tensor:
    """Differentiable `biquad.one_pole_lowpass`."""
    return biquad.design_one_pole_lowpass(torch, cutoff_hz, rate_hz)


def dc_blocker(cutoff_hz: Tensor, rate_hz: float) -> Tensor:
    """Differentiable `biquad.dc_blocker`."""
    return biquad.design_dc_blocker(torch, cutoff_hz, rate_hz)


class _Cascade(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, sections: Tensor, registers: np.ndarray | None) -> Tensor:
        rows, frames = x.shape[:-1].numel(), x.shape[-1]
        coefficients = _double(sections).reshape(-1, *sections.shape[-2:])
        signals = np.empty((coefficients.shape[1] + 1, rows, frames))
        signals[0] = _double(x).reshape(rows, frames)
        _forward(signals, coefficients, np.zeros((rows, coefficients.shape[1], 2)) if registers is None else registers)
        ctx.signals, ctx.coefficients = signals, coefficients
        ctx.like = x.dtype, x.device, sections.shape, sections.dtype, sections.device
        return torch.from_numpy(signals[-1].reshape(x.shape)).to(device=x.device, dtype=x.dtype, copy=True)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        dtype, device, shape, section_dtype, section_device = ctx.like
        flow = _double(gradient).reshape(ctx.signals.shape[1:]).copy()
        slopes = np.zeros((flow.shape[0], *ctx.coefficients.shape[1:]))
        _backward(flow, ctx.signals, ctx.coefficients, slopes)
        if len(shape) == 2:
            slopes = slopes.sum(axis=0)
        return (
            torch.from_numpy(flow).reshape(gradient.shape).to(device, dtype),
            torch.from_numpy(slopes).reshape(shape).to(section_device, section_dtype),
            None,
        )


def _double(tensor: Tensor) -> np.ndarray:
    return tensor.detach().to("cpu", torch.float64).contiguous().numpy()


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _forward(signals, coefficients, registers):
    """signals[0] (rows, frames) through each section into the next; coefficients (rows or 1, n, 5), registers (rows, n, 2)."""
    for row in range(signals.shape[1]):
        cascade_ = coefficients[row if len(coefficients) > 1 else 0]
        for k in range(len(cascade_)):
            b0, b1, b2, a1, a2 = cascade_[k]
            c1, c2 = b1 - a1 * b0, b2 - a2 * b0
            s0, s1 = registers[row, k]
            source, target = signals[k, row], signals[k + 1, row]
            for i in range(len(source)):
                x = source[i]
                target[i] = b0 * x + s0
                s0, s1 = (c1 * x + s1) - a1 * s0, c2 * x - a2 * s0
                if abs(s0) + abs(s1) < _SILENT:
                    s0, s1 = 0.0, 0.0
            registers[row, k, 0], registers[row, k, 1] = s0, s1


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _backward(flow, signals, coefficients, slopes):
    """Turns the gradient of the output, `flow` (rows, frames), into that of the input, and fills `slopes` (rows, n, 5)."""
    for row in range(flow.shape[0]):
        cascade_ = coefficients[row if len(coefficients) > 1 else 0]
        g = flow[row]
        for k in range(len(cascade_) - 1, -1, -1):
            b0, b1, b2, a1, a2 = cascade_[k]
            x, y = signals[k, row], signals[k + 1, row]
            h1 = h2 = d0 = d1 = d2 = e1 = e2 = 0.0
            for i in range(len(g) - 1, -1, -1):
                h = g[i] - a1 * h1 - a2 * h2
                if abs(h) < _SILENT:
                    h = 0.0
                g[i] = b0 * h + b1 * h1 + b2 * h2
                d0 += h * x[i]
                if i >= 1:
                    d1 += h * x[i - 1]
                    e1 -= h * y[i - 1]
                if i >= 2:
                    d2 += h * x[i - 2]
                    e2 -= h * y[i - 2]
                h1, h2 = h, h1
            slopes[row, k, 0], slopes[row, k, 1], slopes[row, k, 2] = d0, d1, d2
            slopes[row, k, 3], slopes[row, k, 4] = e1, e2
