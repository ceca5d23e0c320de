"""A TCN that trains fast on a CPU: what `tcn.TCN` computes, as one compiled loop over chunks of frames that stay in the cache.

torch runs one operation after the other over the whole batch, and every one fetches megabytes from main memory for little
arithmetic. Here a row of the batch goes through all layers in one call (`tcn_function_kernel`). Every row is worked on by itself
and the rows' gradients are added in their order, so that results don't depend on the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from fxlab.models.buffers import take
from fxlab.models.tcn_config import TCNConfig
from fxlab.models.tcn_function_kernel import backward, forward
from fxlab.models.tcn_function_plan import Plan, weight_shapes
from fxlab.models.tcn_function_plan import plan as plan_of
from fxlab.models.tcn_function_products import CHUNK


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
    return list(weight_shapes(config))


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
    shapes = list(weight_shapes(config).values())
    rows = [(), (1,), (len(dry),)]
    fits = all(tuple(weight.shape) in [(*r, *shape) for r in rows] for weight, shape in zip(weights, shapes, strict=True))
    if dry.dim() != 3 or dry.shape[1] != 1 or dry.shape[-1] < config.receptive_field or not fits:
        given = [tuple(weight.shape) for weight in weights]
        raise ValueError(f"a TCN of {config.receptive_field} samples can't take dry {tuple(dry.shape)} with weights {given}")
    keep = torch.is_grad_enabled() and any(weight.requires_grad for weight in weights)
    return _Network.apply(plan_of(config), keep, dry, *weights)


class _Network(torch.autograd.Function):
    @staticmethod
    def forward(ctx, plan: Plan, keep: bool, dry: Tensor, *weights: Tensor) -> Tensor:
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


def _pack(plan: Plan, weights: Sequence[Tensor], own: list[bool], batch: int) -> np.ndarray:
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
