"""A TCN that trains fast on a CPU: what `tcn.TCN` computes, as one compiled loop over chunks of frames that stay in the cache.

torch runs one operation after the other over the whole batch, and every one fetches megabytes from main memory for little
arithmetic. Here a row of the batch goes through all layers in one call (`tcn_function_kernel`). Every row is worked on by itself
and the rows' gradients are added in their order, so that results don't depend on the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from fxlab.models.buffers import take
from fxlab.models.tcn_config import TCNConfig
from fxlab.models.tcn_function_kernel import ARRAY, LAYER, ZEROS, backward, forward
from fxlab.models.tcn_function_products import CHUNK, LANES, ROWS


def suits(config: TCNConfig, dry: Tensor, controls: Tensor | None, weights: Iterable[Tensor]) -> bool:
    """Whether `tcn` can run a network on such tensors, those that aren't None in float32 on the CPU.

    It runs networks as `fxlab train` makes them: not gates, other activations and heads that look back. Neither does it run
    what is traced, knobs that move, and what the gradient of the dry signal is wanted of.
    """
    traced = torch.jit.is_tracing() or torch.compiler.is_compiling() or torch.is_autocast_enabled("cpu")
    usual = all(array.activation == "tanh" and not array.gated and array.head_kernel == 1 for array in config.arrays)
    if traced or not usual or len(dry) == 0 or (dry.requires_grad and torch.is_grad_enabled()):
        return False
    if controls is not None and controls.shape[-1] != 1:
        return False
    return all(tensor.device.type == "cpu" and tensor.dtype == torch.float32 for tensor in (dry, *weights))


def weight_names(config: TCNConfig) -> list[str]:
    """The weights that `tcn` takes."""
    return list(_shapes(config))


def tcn(config: TCNConfig, dry: Tensor, weights: Sequence[Tensor]) -> Tensor:
    """The network's output before its scale; gradients reach the weights, once (there are no second derivatives).

    Args:
        config: Of a network without gates, with tanh, and heads of a single sample.
        dry: (batch, 1, receptive_field - 1 + n).
        weights: Those of `weight_names`, in their shapes, or with a dimension of the batch's size, or 1, before these: then
            every row has its own.

    Returns:
        (batch, 1, n).

    Raises:
        ValueError: Shapes that don't fit.
    """
    shapes = list(_shapes(config).values())
    rows = [(), (1,), (len(dry),)]
    fits = all(tuple(weight.shape) in [(*r, *shape) for r in rows] for weight, shape in zip(weights, shapes, strict=True))
    if dry.dim() != 3 or dry.shape[1] != 1 or dry.shape[-1] < config.receptive_field or not fits:
        given = [tuple(weight.shape) for weight in weights]
        raise ValueError(f"a TCN of {config.receptive_field} samples can't take dry {tuple(dry.shape)} with weights {given}")
    keep = torch.is_grad_enabled() and any(weight.requires_grad for weight in weights)
    return _Network.apply(_plan(config), keep, dry, *weights)


@cache
def _shapes(config: TCNConfig) -> dict[str, tuple[int, ...]]:
    return {name: shape for name, shape in config.weight_shapes().items() if name != "scale" and "film" not in name}


@dataclass(frozen=True)
class _Plan:
    """How a network lies in memory.

    Args:
        arrays, layers: Records of `ARRAY` and `LAYER`.
        memory: Floats that a row needs while it is worked on.
        kept: Floats of a chunk's activations.
        context: Past frames that an output needs.
        sources: For every float of the packed weights its place among all weights one after the other; behind them is a zero.
        places: For every weight its place among the packed ones.
        sizes: Floats of every weight tensor.
        unused: Which of them no output depends on.
        learnt: Floats of the packed weights that aren't transposed.
    """

    arrays: np.ndarray
    layers: np.ndarray
    memory: int
    kept: int
    context: int
    sources: np.ndarray
    places: np.ndarray
    sizes: list[int]
    unused: list[bool]
    learnt: int


class _Packer:
    """Lays matrices of places one behind the other."""

    def __init__(self) -> None:
        self.parts: list[np.ndarray] = []
        self.size = 0

    def add(self, *matrices: np.ndarray) -> int:
        """Adds matrices (rows, columns), padded by -1; returns where the first begins."""
        begin = self.size
        for matrix in matrices:
            padded = np.full((_up(len(matrix), ROWS), _up(matrix.shape[1], LANES)), -1)
            padded[: len(matrix), : matrix.shape[1]] = matrix
            for v in range(0, padded.shape[1], 2 * LANES):
                self.parts.append(padded[:, v : v + 2 * LANES].ravel())
            self.size += padded.size
        return begin


@cache
def _plan(config: TCNConfig) -> _Plan:
    shapes = _shapes(config)
    sizes = [int(np.prod(shape)) for shape in shapes.values()]
    starts = np.cumsum([0, *sizes])
    places = {
        name: np.arange(start, start + size).reshape(shape)
        for (name, shape), start, size in zip(shapes.items(), starts, sizes, strict=False)
    }
    packer = _Packer()
    memory = kept = 0

    def room(floats: int) -> int:
        nonlocal memory
        memory += floats
        return memory - floats

    room(ZEROS + max(_up(array.channels, LANES) for array in config.arrays))
    arrays, layers = np.zeros(len(config.arrays) + 1, ARRAY), np.zeros(sum(len(a.dilations) for a in config.arrays), LAYER)
    j, context, inputs = 0, 0, 1
    for i, (array, record) in enumerate(zip(config.arrays, arrays, strict=False)):
        width = _up(array.channels, LANES)
        name = f"arrays.{i}"
        nothing = np.full(array.channels, -1)
        record["first"], record["last"] = j, j + len(array.dilations)
        record["channels"], record["width"], record["inputs"], record["heads"] = array.channels, width, inputs, array.head
        for buffer in ("head", "head_slope", "output", "slope"):
            record[buffer] = room(CHUNK * width)
        record["expand"] = packer.add(places[f"{name}.expand.weight"][..., 0].T)
        record["mix"] = packer.add(places[f"{name}.head.weight"][..., 0].T)
        bias = places.get(f"{name}.head.bias", np.full(array.head, -1))
        record["shift"] = packer.add(np.stack([np.full(array.head, -1), bias]))
        for k, (kernel, dilation, history) in enumerate(zip(array.kernel_sizes, array.dilations, array.histories, strict=True)):
            layer, at = layers[j], f"{name}.layers.{k}"
            context, j = context + history, j + 1
            size = _up(history + CHUNK, CHUNK)
            layer["taps"], layer["dilation"], layer["history"], layer["context"] = kernel, dilation, history, context
            layer["ring"], layer["size"], layer["input"] = room((size + CHUNK) * width), size, room(CHUNK * width)
            layer["kept"] = kept
            kept += CHUNK * width
            layer["conv"] = packer.add(*places[f"{at}.conv.weight"].transpose(2, 1, 0))
            layer["side"] = packer.add(np.stack([places[f"{at}.mixin.weight"][:, 0, 0], places[f"{at}.conv.bias"]]))
            layer["residual"] = packer.add(places[f"{at}.residual.weight"][..., 0].T)
            layer["shift"] = packer.add(np.stack([nothing, places[f"{at}.residual.bias"]]))
        inputs = array.channels
    last = arrays[-1]
    last["width"], last["head"], last["head_slope"] = LANES, room(CHUNK * LANES), room(CHUNK * LANES)
    learnt, j = packer.size, 0
    for i, (array, record) in enumerate(zip(config.arrays, arrays, strict=False)):
        record["expand_back"] = packer.add(places[f"arrays.{i}.expand.weight"][..., 0])
        record["mix_back"] = packer.add(places[f"arrays.{i}.head.weight"][..., 0])
        for k in range(len(array.dilations)):
            at = f"arrays.{i}.layers.{k}"
            layers[j]["conv_back"] = packer.add(*places[f"{at}.conv.weight"].transpose(2, 0, 1)[::-1])
            layers[j]["residual_back"] = packer.add(places[f"{at}.residual.weight"][..., 0])
            j += 1
    sources = np.concatenate(packer.parts)
    order = np.flatnonzero(sources[:learnt] >= 0)
    inverse = np.empty(starts[-1], np.int64)
    inverse[sources[order]] = order
    sources[sources < 0] = starts[-1]
    final = f"arrays.{len(config.arrays) - 1}.layers.{len(config.arrays[-1].dilations) - 1}.residual"
    unused = [name.startswith(final) for name in shapes]
    return _Plan(arrays, layers, memory, kept, context, sources, inverse, sizes, unused, learnt)


class _Network(torch.autograd.Function):
    @staticmethod
    def forward(ctx, plan: _Plan, keep: bool, dry: Tensor, *weights: Tensor) -> Tensor:
        batch, frames = len(dry), dry.shape[-1]
        source, out = _numpy(dry)[:, 0], np.empty((batch, frames - plan.context), np.float32)
        own = [weight.numel() > size for weight, size in zip(weights, plan.sizes, strict=True)]
        packed = _pack(plan, weights, own, batch)
        pad = -frames % CHUNK
        kept = _Kept((batch, (pad + frames) // CHUNK if keep else 1, plan.kept))

        def run(row: int) -> None:
            memory = np.zeros(plan.memory, np.float32)
            weights = packed[row % len(packed)]
            forward(plan.arrays, plan.layers, weights, source[row], pad, memory, kept.values[row], out[row])

        _each(run, range(batch))
        if keep:
            ctx.plan, ctx.packed, ctx.source, ctx.pad, ctx.kept = plan, packed, source, pad, kept
            ctx.shapes = [tuple(weight.shape) for weight in weights]
            ctx.own = own
        return torch.from_numpy(out)[:, None]

    @staticmethod
    @once_differentiable
    def backward(ctx, slope_out: Tensor):
        plan, packed, source, kept = ctx.plan, ctx.packed, ctx.source, ctx.kept.values
        out, slopes = _numpy(slope_out)[:, 0], np.zeros((len(source), plan.learnt), np.float32)

        def run(row: int) -> None:
            memory = np.zeros(plan.memory, np.float32)
            weights = packed[row % len(packed)]
            backward(plan.arrays, plan.layers, weights, source[row], ctx.pad, memory, kept[row], out[row], slopes[row])

        _each(run, range(len(source) - 1, -1, -1))  # what forward left of the last rows may still be in the cache
        gradients = slopes.take(plan.places, axis=1)
        total = gradients.sum(axis=0, dtype=np.float64).astype(np.float32)
        found, begin = [], 0
        for size, shape, own, unused in zip(plan.sizes, ctx.shapes, ctx.own, plan.unused, strict=True):
            values = (gradients[:, begin : begin + size] if own else total[begin : begin + size]).reshape(shape)
            found.append(None if unused else torch.from_numpy(np.ascontiguousarray(values)))
            begin += size
        return None, None, None, *found


class _Kept:
    """Activations, whose memory is used again once they are gone."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        (self.values,) = take(self, shape)


def _pack(plan: _Plan, weights: Sequence[Tensor], own: list[bool], batch: int) -> np.ndarray:
    """The weights of every row, or of all rows, as the kernels read them."""
    rows = batch if any(own) else 1
    flat = np.zeros((rows, len(plan.places) + 1), np.float32)
    begin = 0
    for weight, size in zip(weights, plan.sizes, strict=True):
        flat[:, begin : begin + size] = _numpy(weight).reshape(-1, size)
        begin += size
    return flat.take(plan.sources, axis=1)


def _each(work: Callable, items: Sequence) -> None:
    threads = min(torch.get_num_threads(), len(items))
    if threads == 1:
        for item in items:
            work(item)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, items))


def _numpy(tensor: Tensor) -> np.ndarray:
    return tensor.detach().contiguous().numpy()


def _up(size: int, multiple: int) -> int:
    return -(-size // multiple) * multiple
