"""The innermost loop of the fused engine: a tile of a matrix product held in vector registers.

Numba's loops leave the accumulators in memory or the vectors half used; here the tile is written as LLVM vector operations of a
fixed width, which LLVM lowers on any processor (in halves where its registers are shorter, without fused multiply-add where
there is none). Only the speed depends on the shape chosen for the host.
"""

from __future__ import annotations

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from fxlab.kernels.vectors import fill, load_at, multiply_add, store_at


def _vector_shape() -> tuple[int, int]:
    """Lanes of a vector and vectors per row of a tile.

    With up to six outputs that keeps 12 accumulators busy, enough to hide the latency of two multiply-adders, in 16 registers.
    """
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return 16, 2
    if features.get("avx"):
        return 8, 2
    if features.get("neon"):
        return 4, 4  # 32 registers
    return 4, 2


LANES, VECTORS = _vector_shape()
FRAMES = LANES * VECTORS
"""Frames of one tile."""
OUTPUTS = (6, 4, 3, 2, 1)
"""Outputs that a tile may have."""

_FLOAT, _INT = ir.FloatType(), ir.IntType(64)
_VECTOR = ir.VectorType(_FLOAT, LANES)


def make_tile(outputs: int):
    """A Numba intrinsic that computes `outputs` rows by `FRAMES` frames of a matrix product.

    out[o + m * o_stride + t] = bias[m] + init[i + m * i_stride + t]
                                + sum over taps k and rows c of weight[k, c, m] * source[taps[k] + c * row_stride + t]
                                + weight[last, m] * extra[e + t], if n_extra is 1

    for FRAMES values from `t` on. All arrays are one-dimensional float32 (`taps` int64), offsets and strides are in elements.
    `weights` holds the biases, then the weights of every step (tap, row) side by side, from `w` on.
    """

    @intrinsic
    def tile(
        typing, source, taps, n_taps, rows, row_stride, extra, e, n_extra, weights, w, init, i, i_stride, out, o, o_stride, t
    ):
        n = types.intp
        signature = types.void(source, taps, n, n, n, extra, n, n, weights, n, init, n, n, out, n, n, n)
        return signature, _generate(outputs)

    return tile


def _generate(outputs: int):
    def generate(context, builder, signature, args):
        def data(index: int):
            return context.make_array(signature.args[index])(context, builder, args[index]).data

        source, taps, extra, weights, init, out = (data(index) for index in (0, 1, 5, 8, 10, 13))
        n_taps, rows, row_stride, e, n_extra, w, i, i_stride, o, o_stride, t = (
            args[index] for index in (2, 3, 4, 6, 7, 9, 11, 12, 14, 15, 16)
        )
        i, o, e = (builder.add(offset, t) for offset in (i, o, e))

        def plus(value, number: int):
            return builder.add(value, _INT(number))

        def vector_at(base, offset, vector: int):
            return builder.gep(base, [plus(offset, vector * LANES)])

        def weight_at(offset):
            return fill(builder, builder.load(builder.gep(weights, [offset])), LANES)

        # Stack slots that LLVM turns into registers.
        accumulators = [[cgutils.alloca_once(builder, _VECTOR) for _ in range(VECTORS)] for _ in range(outputs)]
        position = cgutils.alloca_once(builder, _INT)

        def step(base, offset):
            at = builder.load(position)
            columns = [load_at(builder, vector_at(base, offset, v), LANES) for v in range(VECTORS)]
            for m, row in enumerate(accumulators):
                weight = weight_at(plus(at, m))
                for column, accumulator in zip(columns, row, strict=True):
                    builder.store(multiply_add(builder, weight, column, builder.load(accumulator)), accumulator)
            builder.store(plus(at, outputs), position)

        for m, row in enumerate(accumulators):
            bias = weight_at(plus(w, m))
            start = builder.add(i, builder.mul(i_stride, _INT(m)))
            for v, accumulator in enumerate(row):
                builder.store(builder.fadd(bias, load_at(builder, vector_at(init, start, v), LANES)), accumulator)
        builder.store(plus(w, outputs), position)
        with cgutils.for_range(builder, n_taps, intp=_INT) as tap:
            first = builder.add(builder.load(builder.gep(taps, [tap.index])), t)
            with cgutils.for_range(builder, rows, intp=_INT) as row:
                step(source, builder.add(first, builder.mul(row.index, row_stride)))
        with cgutils.for_range(builder, n_extra, intp=_INT):
            step(extra, e)
        for m, row in enumerate(accumulators):
            start = builder.add(o, builder.mul(o_stride, _INT(m)))
            for v, accumulator in enumerate(row):
                store_at(builder, builder.load(accumulator), vector_at(out, start, v))
        return context.get_dummy_value()

    return generate
