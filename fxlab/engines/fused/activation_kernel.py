"""The activations of a layer over a chunk of frames."""

from __future__ import annotations

from numba import njit, types

from fxlab.kernels.approximations import hard_swish, hard_tanh, leaky_relu, relu, sigmoid, silu, softsign, tanh
from fxlab.kernels.vectors import OPTIONS
from fxlab.models.activations import ACTIVATIONS

_TANH, _SIGMOID, _RELU, _LEAKY_RELU, _HARD_TANH, _SILU, _SOFTSIGN, _HARD_SWISH = (
    ACTIVATIONS.index(name) for name in ("tanh", "sigmoid", "relu", "leaky_relu", "hard_tanh", "silu", "softsign", "hard_swish")
)


@njit(**OPTIONS)
def activate(row, activation, slope):
    """`row`, float32, through the activation of that number, in place."""
    n = len(row)
    if activation == _TANH:
        for t in range(n):
            row[t] = tanh(row[t])
    elif activation == _SIGMOID:
        for t in range(n):
            row[t] = sigmoid(row[t])
    elif activation == _RELU:
        for t in range(n):
            row[t] = relu(row[t])
    elif activation == _LEAKY_RELU:
        for t in range(n):
            row[t] = leaky_relu(row[t], slope)
    elif activation == _HARD_TANH:
        for t in range(n):
            row[t] = hard_tanh(row[t])
    elif activation == _SILU:
        for t in range(n):
            row[t] = silu(row[t])
    elif activation == _SOFTSIGN:
        for t in range(n):
            row[t] = softsign(row[t])
    elif activation == _HARD_SWISH:
        for t in range(n):
            row[t] = hard_swish(row[t])


# One signature: Numba would compile it anew for every combination of constants among its arguments. With one it is compiled when
# this is imported, so that it has to be kept.
@njit(
    types.void(types.float32[::1], *[types.intp] * 5, types.float32, types.boolean, types.intp),
    cache=True,
    **OPTIONS,
)
def activate_and_add(scratch, z, head, stride, channels, activation, slope, gated, frames):
    """Pre-activations to activations in place, which are also added to the head.

    Args:
        scratch: Flat float32 array with the rows of the pre-activations from `z` on and those of the head from `head` on, at
            the distance `stride`; gated, the gates' rows follow behind the `channels` others.
    """
    for c in range(channels):
        at = z + c * stride
        row, total = scratch[at : at + frames], scratch[head + c * stride : head + c * stride + frames]
        activate(row, activation, slope)
        if gated:
            gate = scratch[at + channels * stride : at + channels * stride + frames]
            for t in range(frames):
                row[t] *= sigmoid(gate[t])
        for t in range(frames):
            total[t] += row[t]
