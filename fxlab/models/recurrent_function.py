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

from fxlab.lanes import LANES
from fxlab.models.recurrent_function_kernel import GRU, LSTM, ROWS, backward, forward

_PART = 16  # rows of the batch that one call runs: their data of one frame fit the cache


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
    weights = [weight_ih, weight_hh, bias_ih, bias_hh]
    if _compiled(4, x, [h0, c0], weights):
        return _Layer.apply(LSTM, _keeps(x, h0, c0, *weights), x, h0, c0, *weights)
    grad = torch.is_grad_enabled()
    out, h, c = torch._VF.lstm(x, (h0[None], c0[None]), weights, True, 1, 0.0, grad, False, True)
    return out, h[0], c[0]


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
    weights = [weight_ih, weight_hh, bias_ih, bias_hh]
    if _compiled(3, x, [h0], weights):
        out, h, _ = _Layer.apply(GRU, _keeps(x, h0, *weights), x, h0, None, *weights)
        return out, h
    out, h = torch._VF.gru(x, h0[None], weights, True, 1, 0.0, torch.is_grad_enabled(), False, True)
    return out, h[0]


def _keeps(*tensors: Tensor) -> bool:
    return torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)


def _compiled(gates: int, x: Tensor, states: list[Tensor], weights: list[Tensor]) -> bool:
    """Whether the kernels may run this, and are worth it: torch plays one or two channels as well as they do.

    Raises:
        ValueError: Shapes that don't fit.
    """
    if torch.jit.is_tracing() or torch.compiler.is_compiling() or torch.is_autocast_enabled("cpu"):
        return False
    tensors = [x, *states, *weights]
    batch, _, inputs = x.shape
    hidden = weights[1].shape[-1]
    stacked = gates * hidden
    shapes = [(batch, hidden)] * len(states) + [(stacked, inputs), (stacked, hidden), (stacked,), (stacked,)]
    if [tuple(tensor.shape) for tensor in tensors[1:]] != shapes:
        raise ValueError(f"a layer of {hidden} units can't take {[tuple(tensor.shape) for tensor in tensors]}")
    if any(tensor.device.type != "cpu" or tensor.dtype != torch.float32 for tensor in tensors):
        return False
    return x.numel() > 0 and (batch >= ROWS or _keeps(*tensors))


@dataclass(frozen=True)
class _Sizes:
    """The padded layout of a layer; see `recurrent_function_kernel`."""

    kind: int
    hidden: int
    inputs: int

    @property
    def units(self) -> int:
        return _up(self.hidden, LANES)

    @property
    def columns(self) -> int:
        return self.units + _up(1 + self.inputs, LANES)

    @property
    def x(self) -> slice:
        """The columns of a row that hold the input."""
        return slice(self.units + 1, self.units + 1 + self.inputs)

    @property
    def blocks(self) -> np.ndarray:
        h, end, gate = self.units, self.units + 1 + self.inputs, self.units
        lstm = [(0, end, 0, 4 * gate)]
        gru = [(0, end, 0, 2 * gate), (0, h + 1, 2 * gate, 3 * gate), (h, end, 3 * gate, 4 * gate)]
        return np.array(lstm if self.kind == LSTM else gru)

    def pack(self, weight_ih: Tensor, weight_hh: Tensor, bias_ih: Tensor, bias_hh: Tensor) -> np.ndarray:
        """torch's weights as one matrix (columns, 4 units)."""
        packed = np.zeros((self.columns, 4, self.units), np.float32)
        for source, rows, gates in (
            (weight_hh, slice(self.hidden), slice(self.gates)),
            (weight_ih, self.x, self.from_x),
            (bias_hh[:, None], slice(self.units, self.units + 1), slice(self.gates)),
            (bias_ih[:, None], slice(self.units, self.units + 1), self.from_x),
        ):
            values = _numpy(source).reshape(self.gates, self.hidden, -1)
            packed[rows, gates, : self.hidden] += values.transpose(2, 0, 1)
        return packed.reshape(self.columns, -1)

    def unpack(self, packed: np.ndarray) -> list[Tensor]:
        """The gradients of torch's weights out of that of the matrix."""
        packed = packed.reshape(self.columns, 4, self.units)[:, :, : self.hidden]
        bias = packed[self.units]
        return [
            _tensor(packed[self.x, self.from_x].transpose(1, 2, 0).reshape(-1, self.inputs)),
            _tensor(packed[: self.hidden, : self.gates].transpose(1, 2, 0).reshape(-1, self.hidden)),
            _tensor(bias[self.from_x].reshape(-1)),
            _tensor(bias[: self.gates].reshape(-1)),
        ]

    @property
    def gates(self) -> int:
        return 4 if self.kind == LSTM else 3

    @property
    def from_x(self) -> slice | list[int]:
        """The gates that hear the input."""
        return slice(4) if self.kind == LSTM else [0, 1, 3]


@dataclass(frozen=True)
class _Part:
    """What a run leaves behind of some rows of the batch; see `recurrent_function_kernel.forward`."""

    where: slice
    rows: np.ndarray
    cells: np.ndarray
    gates: np.ndarray


class _Layer(torch.autograd.Function):
    @staticmethod
    def forward(ctx, kind: int, keep: bool, x: Tensor, h0: Tensor, c0: Tensor | None, *weights: Tensor):
        batch, frames, inputs = x.shape
        sizes = _Sizes(kind, h0.shape[1], inputs)
        packed, blocks = sizes.pack(*weights), sizes.blocks
        dry, h, c = (_numpy(tensor) if tensor is not None else None for tensor in (x, h0, c0))
        out = np.empty((_up(batch, ROWS), frames, sizes.units), np.float32)

        def run(where: slice) -> _Part:
            size, length = where.stop - where.start, frames if keep else 1
            used = slice(min(batch, where.stop) - where.start)
            rows = np.empty((frames + 1, size, sizes.columns), np.float32)
            rows[0] = 0.0
            rows[:, :, sizes.units :] = 0.0
            rows[:, :, sizes.units] = 1.0
            rows[:frames, used, sizes.x] = dry[where].transpose(1, 0, 2)
            rows[0, used, : sizes.hidden] = h[where]
            cells = np.empty((frames + 1 if keep and kind == LSTM else 1, size, sizes.units), np.float32)
            cells[0] = 0.0
            if kind == LSTM:
                cells[0, used, : sizes.hidden] = c[where]
            gates = np.empty((length, size, 4 * sizes.units), np.float32)
            forward(kind, blocks, rows, cells, gates, packed, out[where].transpose(1, 0, 2))
            return _Part(where, rows, cells, gates)

        parts = _each(run, _cut(batch))
        ctx.sizes, ctx.packed, ctx.parts, ctx.shape = sizes, packed, parts if keep else None, x.shape
        last_h = np.concatenate([part.rows[-1] for part in parts])[:batch, : sizes.hidden]
        last_c = np.concatenate([part.cells[-1] for part in parts])[:batch, : sizes.hidden] if kind == LSTM else None
        return (
            _tensor(out[:batch, :, : sizes.hidden]),
            _tensor(last_h),
            _tensor(last_c) if kind == LSTM else None,
        )

    @staticmethod
    @once_differentiable
    def backward(ctx, slope_out: Tensor, slope_h: Tensor, slope_c: Tensor | None):
        sizes, (batch, frames, inputs) = ctx.sizes, ctx.shape
        transposed, blocks = np.ascontiguousarray(ctx.packed.T), sizes.blocks
        padded = _up(batch, ROWS)
        flow = _padded(slope_out, (padded, frames, sizes.units))
        slope_row = _padded(slope_h, (padded, sizes.columns))
        slope_cell = _padded(slope_c, (padded, sizes.units)) if sizes.kind == LSTM else np.zeros((padded, 1), np.float32)
        slope_x = np.empty((padded, frames, inputs if ctx.needs_input_grad[2] else 0), np.float32)

        def run(part: _Part) -> np.ndarray:
            slopes = np.zeros_like(ctx.packed)
            flows = (flow[part.where].transpose(1, 0, 2), slope_row[part.where], slope_cell[part.where])
            wet = slope_x[part.where].transpose(1, 0, 2)
            backward(sizes.kind, blocks, part.rows, part.cells, part.gates, transposed, *flows, wet, slopes)
            return slopes

        weights = sizes.unpack(np.sum(_each(run, ctx.parts), axis=0))
        return (
            None,
            None,
            _tensor(slope_x[:batch]) if ctx.needs_input_grad[2] else None,
            _tensor(slope_row[:batch, : sizes.hidden]),
            _tensor(slope_cell[:batch, : sizes.hidden]) if sizes.kind == LSTM else None,
            *weights,
        )


def _cut(batch: int) -> list[slice]:
    """The padded batch in parts of whole groups of `ROWS`, as even as can be."""
    groups = _up(batch, ROWS) // ROWS
    count = _up(groups * ROWS, _PART) // _PART
    edges = [ROWS * (groups * i // count) for i in range(count + 1)]
    return [slice(start, stop) for start, stop in zip(edges[:-1], edges[1:], strict=True)]


def _each(work: Callable, items: list) -> list:
    threads = min(torch.get_num_threads(), len(items))
    if threads == 1:
        return [work(item) for item in items]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, items))


def _padded(tensor: Tensor, shape: tuple[int, ...]) -> np.ndarray:
    """A copy with zeros at the end of every axis, or the numbers themselves where nothing is to be added to the last three."""
    values = _numpy(tensor)
    if values.shape == shape and values.ndim == 3:
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
