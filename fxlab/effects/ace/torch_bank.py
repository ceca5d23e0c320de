"""ACE's filterbank as two differentiable torch operations, neither of which keeps the bands of a clip; see its kernels.

`analyse` gives the bands' power in every interval, and `synthesise` their sum once the gains are known, for which it lets them
come into being a second time. Everything is float64 on the CPU.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from fxlab.effects.ace.bank import STAGES, Bank
from fxlab.effects.ace.torch_bank_kernel import power, power_slopes, synthesis, synthesis_slopes
from fxlab.effects.ace.torch_rows import numpy_of, over_rows

_CHUNK = 256  # samples of which the bands are kept for the way back: they fit the cache


def analyse(s: Tensor, bank: Bank, state: Tensor) -> tuple[Tensor, Tensor]:
    """The power of all bands, before their filters' gain.

    Args:
        s: (rows, channels, frames), frames a multiple of the interval; gradients reach it, once.
        state: (rows, channels, 2, stages, K), the stages' real and imaginary parts; gradients end there.

    Returns:
        Mean |z|^2 over each interval, (rows, channels, intervals, K), and the states at the start of every chunk and at the
        end, (rows, channels, chunks + 1, 2, stages, K).
    """
    return _Analysis.apply(s, bank, state)


def synthesise(s: Tensor, bank: Bank, states: Tensor, first: Tensor, last: Tensor) -> Tensor:
    """The sum of all bands, each at its delay, with gains that move linearly through every interval.

    Args:
        s, states: What `analyse` was given and returned; gradients reach `s`.
        first, last: (rows, intervals, K), the gains with which an interval begins and ends; gradients reach them, once.

    Returns:
        (rows, channels, frames + delay): the last frames are what the bands go on to give to the output.
    """
    return _Synthesis.apply(s, bank, states, first, last)


class _Analysis(torch.autograd.Function):
    @staticmethod
    def forward(ctx, s: Tensor, bank: Bank, state: Tensor) -> tuple[Tensor, Tensor]:
        *leading, frames = s.shape
        intervals, bands = frames // bank.interval, len(bank.poles)
        out = torch.empty((*leading, intervals, bands), dtype=torch.float64)
        states = torch.empty((*leading, -(-intervals // _chunk(bank)) + 1, 2, STAGES, bands), dtype=torch.float64)
        states[..., -1, :, :, :] = state
        signals, saved, powers = _flat(s, 1), _flat(states, 4), _flat(out, 2)
        over_rows(lambda s, saved, out: power(s, _parts(bank.poles), _chunk(bank), saved[-1], saved, out), signals, saved, powers)
        ctx.bank = bank
        ctx.save_for_backward(s, states)
        ctx.mark_non_differentiable(states)
        return out, states

    @staticmethod
    @once_differentiable
    def backward(ctx, slope: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        s, states = ctx.saved_tensors
        into, pole, chunk = torch.empty_like(s), _parts(ctx.bank.poles), _chunk(ctx.bank)
        over_rows(
            lambda s, saved, slope, into: power_slopes(s, pole, chunk, saved[:-1], slope, into),
            *(_flat(s, 1), _flat(states, 4), _flat(slope, 2), _flat(into, 1)),
        )
        return into, None, None


class _Synthesis(torch.autograd.Function):
    @staticmethod
    def forward(ctx, s: Tensor, bank: Bank, states: Tensor, first: Tensor, last: Tensor) -> Tensor:
        rows, channels, frames = s.shape
        out = torch.zeros((rows, channels, frames + bank.delay), dtype=torch.float64)
        pole, weight, chunk = _parts(bank.poles), _parts(bank.weights), _chunk(bank)

        def run(s, saved, first, last, out):
            for channel in range(channels):
                synthesis(s[channel], pole, weight, bank.delays, chunk, saved[channel], first, last, out[channel])

        over_rows(run, *(numpy_of(tensor) for tensor in (s, states, first, last, out)))
        ctx.bank = bank
        ctx.save_for_backward(s, states, first, last)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, slope: Tensor) -> tuple[Tensor | None, ...]:
        bank, through = ctx.bank, ctx.needs_input_grad[0]
        s, states, first, last = ctx.saved_tensors
        into, of_first, of_last = torch.empty_like(s), torch.zeros_like(first), torch.zeros_like(last)
        pole, weight, chunk = _parts(bank.poles), _parts(bank.weights), _chunk(bank)

        def run(s, saved, first, last, slope, into, of_first, of_last):
            for c in range(len(s)):
                gains = np.zeros((2, *first.shape))
                given = s[c], pole, weight, bank.delays, chunk, saved[c, :-1], first, last, slope[c]
                synthesis_slopes(*given, through, into[c], *gains)
                of_first += gains[0]
                of_last += gains[1]

        tensors = s, states, first, last, slope, into, of_first, of_last
        over_rows(run, *(numpy_of(tensor) for tensor in tensors))
        return into if through else None, None, None, of_first, of_last


def _chunk(bank: Bank) -> int:
    """Intervals in a chunk."""
    return max(1, _CHUNK // bank.interval)


def _flat(tensor: Tensor, last: int) -> np.ndarray:
    """Rows and channels as one axis before the `last` ones."""
    return numpy_of(tensor).reshape(-1, *tensor.shape[-last:])


def _parts(values: np.ndarray) -> np.ndarray:
    """Real and imaginary parts, (2, K)."""
    return np.stack((values.real, values.imag))
