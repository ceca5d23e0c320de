"""LSTM and GRU layers that train fast on a CPU: what `nn.LSTM` and `nn.GRU` compute, compiled as one loop over the frames.

torch pays many operations per frame whatever their size, and audio has many frames and small layers. Here one compiled call runs
all frames of some rows of the batch, another one goes back through them. The batch is cut the same way whatever the number of
threads, so results don't depend on it.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from fxlab.models.buffers import take
from fxlab.models.recurrent_function_kernel import FILLED, GRU, LANES, LSTM, ROWS, backward, forward

_PART = 16  # rows of the batch that one call runs: their data of one frame fit the cache
_GAP = 16  # unused columns of weights, without which the rows of many a size would compete for the same lines of the cache


def lstm_layer(
    x: Tensor, h0: Tensor, c0: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias_ih: Tensor, bias_hh: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """One LSTM layer over a sequence; gradients reach all arguments, once (there are no second derivatives).

    Args:
        x: (batch, frames, inputs).
        h0: (batch, hidden), the last output.
        c0: (batch, hidden), the last cell.
        weight_ih: (4 hidden, inputs), gates in the order of `nn.LSTM`: input, forget, new, output.
        weight_hh: (4 hidden, hidden).
        bias_ih: (4 hidden,).
        bias_hh: (4 hidden,).

    Returns:
        Output (batch, frames, hidden), and the new h and c.

    Raises:
        ValueError: Shapes that don't fit.
    """
    return _layer(LSTM, x, [h0, c0], [weight_ih, weight_hh, bias_ih, bias_hh])


def gru_layer(
    x: Tensor, h0: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias_ih: Tensor, bias_hh: Tensor
) -> tuple[Tensor, Tensor]:
    """One GRU layer over a sequence; see `lstm_layer`.

    Args:
        x: (batch, frames, inputs).
        h0: (batch, hidden), the last output.
        weight_ih: (3 hidden, inputs), gates in the order of `nn.GRU`: reset, update, new.
        weight_hh: (3 hidden, hidden).
        bias_ih: (3 hidden,).
        bias_hh: (3 hidden,).

    Returns:
        Output (batch, frames, hidden), and the new h.

    Raises:
        ValueError: Shapes that don't fit.
    """
    return _layer(GRU, x, [h0], [weight_ih, weight_hh, bias_ih, bias_hh])


def _layer(kind: int, x: Tensor, states: list[Tensor], weights: list[Tensor]) -> tuple[Tensor, ...]:
    """The kernels, or torch for what is traced, in double precision or on another device, and for what is merely played: fewer
    rows than the kernels work on together, without gradients.
    """
    tensors = [x, *states, *weights]
    traced = torch.jit.is_tracing() or torch.compiler.is_compiling() or torch.is_autocast_enabled("cpu")
    keep = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)
    if not traced:
        _check(kind, x, states, weights)
        batch, frames, _ = x.shape
        suits = all(tensor.device.type == "cpu" and tensor.dtype == torch.float32 for tensor in tensors)
        if suits and batch > 0 and (keep or batch >= ROWS or frames == 0):
            return _Layer.apply(kind, keep, *tensors)
    options = (weights, True, 1, 0.0, keep and not traced, False, True)
    if kind == LSTM:
        out, *states = torch._VF.lstm(x, [state[None] for state in states], *options)
    else:
        out, *states = torch._VF.gru(x, states[0][None], *options)
    return out, *(state[0] for state in states)


def _check(kind: int, x: Tensor, states: list[Tensor], weights: list[Tensor]) -> None:
    hidden = weights[1].shape[-1]
    stacked = (4 if kind == LSTM else 3) * hidden
    shapes = [(len(x), hidden)] * len(states) + [(stacked, x.shape[-1]), (stacked, hidden), (stacked,), (stacked,)]
    given = [tuple(tensor.shape) for tensor in (*states, *weights)]
    if x.dim() != 3 or given != shapes:
        raise ValueError(f"a layer of {hidden} units can't take x {tuple(x.shape)} with states and weights {given}")


@dataclass(frozen=True)
class _Sizes:
    """The padded layout of a layer; see `recurrent_function_kernel`."""

    kind: int
    inputs: int
    hidden: int

    @property
    def units(self) -> int:
        return _up(self.hidden, LANES)

    @property
    def columns(self) -> int:
        return self.units + _up(self.inputs + ROWS, LANES)

    @property
    def x(self) -> slice:
        """The columns of a row that hold the input."""
        return slice(self.units, self.units + self.inputs)

    @property
    def one(self) -> int:
        """The column of a row that holds the one."""
        return self.units + self.inputs

    @property
    def gates(self) -> int:
        """Gates per unit that torch's weights have."""
        return 4 if self.kind == LSTM else 3

    @property
    def from_x(self) -> slice | list[int]:
        """The gates that hear the input, among those of the kernels."""
        return slice(4) if self.kind == LSTM else [0, 1, 3]

    @property
    def blocks(self) -> np.ndarray:
        h, one, end, gate = self.units, self.one, self.one + 1, self.units
        if self.kind == LSTM:
            return np.array([(0, end, 0, 4 * gate, 0)], np.int64)
        new, last = (2 * gate, 3 * gate), (3 * gate, 4 * gate)
        return np.array([(0, end, 0, 2 * gate, 0), (0, h, *new, 0), (one, end, *new, 1), (h, end, *last, 0)], np.int64)

    def matrix(self) -> tuple[np.ndarray, np.ndarray]:
        """Zeros for the weights or their gradient, and a view of them as (columns, 4, units)."""
        matrix = np.zeros((self.columns, 4 * self.units + _GAP), np.float32)
        return matrix, matrix[:, :-_GAP].reshape(self.columns, 4, self.units)

    def pack(self, weight_ih: Tensor, weight_hh: Tensor, bias_ih: Tensor, bias_hh: Tensor) -> np.ndarray:
        """torch's weights as one matrix."""
        matrix, gates = self.matrix()
        h, from_h = slice(self.hidden), slice(self.gates)
        gates[self.x, self.from_x, h] = _numpy(weight_ih).reshape(self.gates, self.hidden, -1).transpose(2, 0, 1)
        gates[h, from_h, h] = _numpy(weight_hh).reshape(self.gates, self.hidden, -1).transpose(2, 0, 1)
        gates[self.one, self.from_x, h] = _numpy(bias_ih).reshape(self.gates, -1)
        gates[self.one, from_h, h] += _numpy(bias_hh).reshape(self.gates, -1)
        return matrix

    def unpack(self, matrix: np.ndarray) -> list[Tensor]:
        """The gradients of torch's weights, in the order of `pack`, out of that of the matrix."""
        gates = matrix[:, :-_GAP].reshape(self.columns, 4, self.units)[:, :, : self.hidden]
        from_x, from_h = gates[:, self.from_x], gates[:, : self.gates]
        return [
            _tensor(from_x[self.x].transpose(1, 2, 0).reshape(-1, self.inputs)),
            _tensor(from_h[: self.hidden].transpose(1, 2, 0).reshape(-1, self.hidden)),
            _tensor(from_x[self.one].reshape(-1)),
            _tensor(from_h[self.one].flatten()),  # a copy: gradients are scaled and added to in place
        ]


class _Part:
    """Some rows of the batch, and what `forward` leaves behind of them for `backward`."""

    def __init__(self, sizes: _Sizes, where: slice, frames: int, keep: bool) -> None:
        count = where.stop - where.start
        self.where = where
        self.rows, self.cells, self.gates = take(
            self,
            (frames + 1 if keep else FILLED, count, sizes.columns),
            (frames + 1 if keep and sizes.kind == LSTM else 1, count, sizes.units),
            (frames if keep else 1, count, 4 * sizes.units),
        )


class _Layer(torch.autograd.Function):
    @staticmethod
    def forward(ctx, kind: int, keep: bool, x: Tensor, *tensors: Tensor):
        batch, frames, inputs = x.shape
        states, weights = tensors[:-4], tensors[-4:]
        sizes, padded = _Sizes(kind, inputs, states[0].shape[1]), _up(batch, ROWS)
        matrix, blocks = sizes.pack(*weights), sizes.blocks
        dry = _padded(x, (padded, frames, inputs))
        now = [_padded(state, (padded, sizes.units)) for state in states]
        out = np.empty((padded, frames, sizes.units), np.float32)

        def run(where: slice) -> _Part:
            part = _Part(sizes, where, frames, keep)
            h, c = part.rows[:, :, : sizes.units], part.cells
            h[0], c[0] = now[0][where], now[-1][where]
            forward(kind, blocks, dry[where], part.rows, c, part.gates, matrix, out[where])
            for state, after in zip(now, (h[frames % len(h)], c[-1]), strict=False):
                state[where] = after
            return part

        parts = _each(run, _cut(padded))
        if keep:
            ctx.sizes, ctx.matrix, ctx.parts, ctx.shape = sizes, matrix, parts, x.shape
        return _tensor(out[:batch, :, : sizes.hidden]), *(_tensor(state[:batch, : sizes.hidden]) for state in now)

    @staticmethod
    @once_differentiable
    def backward(ctx, slope_out: Tensor, *slope_states: Tensor):
        sizes, (batch, frames, inputs) = ctx.sizes, ctx.shape
        padded, blocks, transposed = _up(batch, ROWS), sizes.blocks, np.ascontiguousarray(ctx.matrix[:, :-_GAP].T)
        out = _padded(slope_out, (padded, frames, sizes.units))
        states = [_padded(slope, (padded, sizes.columns)) for slope in slope_states]
        dry = np.empty((padded, frames, inputs if ctx.needs_input_grad[2] else 0), np.float32)

        def run(part: _Part) -> np.ndarray:
            at, slopes = part.where, sizes.matrix()[0]
            saved, now = (part.rows, part.cells, part.gates), (states[0][at], states[-1][at])
            backward(sizes.kind, blocks, *saved, transposed, out[at], *now, dry[at], slopes)
            return slopes

        # The last part first: what forward left of it may still be in the cache.
        weights = sizes.unpack(np.sum(_each(run, ctx.parts[::-1]), axis=0))
        x = _tensor(dry[:batch]) if dry.shape[2] else None
        return None, None, x, *(_tensor(state[:batch, : sizes.hidden]) for state in states), *weights


def _cut(padded: int) -> list[slice]:
    """The padded batch in parts of whole groups of `ROWS`, as even as can be."""
    count = -(-padded // _PART)
    edges = [padded // ROWS * i // count * ROWS for i in range(count + 1)]
    return [slice(start, stop) for start, stop in zip(edges[:-1], edges[1:], strict=True)]


def _each(work: Callable, items: list) -> list:
    threads = min(torch.get_num_threads(), len(items))
    if threads == 1:
        return [work(item) for item in items]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, items))


def _padded(tensor: Tensor, shape: tuple[int, ...]) -> np.ndarray:
    """A copy with zeros behind every axis; the memory of a sequence that needs none."""
    values = _numpy(tensor)
    if values.shape == shape and len(shape) == 3:
        return values
    wide = np.zeros(shape, np.float32)
    wide[tuple(slice(size) for size in values.shape)] = values
    return wide


def _numpy(tensor: Tensor) -> np.ndarray:
    return tensor.detach().contiguous().numpy()


def _tensor(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values))


def _up(size: int, multiple: int) -> int:
    return -(-size // multiple) * multiple
