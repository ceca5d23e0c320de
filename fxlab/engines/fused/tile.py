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
        code = _Code(builder)
        accumulators = [[cgutils.alloca_once(builder, _VECTOR) for _ in range(VECTORS)] for _ in range(outputs)]
        position = cgutils.alloca_once(builder, _INT)

        def step(base, offset):
            at = builder.load(position)
            columns = [code.load(base, offset, v) for v in range(VECTORS)]
            for m, row in enumerate(accumulators):
                weight = code.broadcast(weights, code.plus(at, m))
                for column, accumulator in zip(columns, row, strict=True):
                    builder.store(builder.call(code.multiply_add, [weight, column, builder.load(accumulator)]), accumulator)
            builder.store(code.plus(at, outputs), position)

        for m, row in enumerate(accumulators):
            bias = code.broadcast(weights, code.plus(w, m))
            start = builder.add(i, builder.mul(i_stride, _INT(m)))
            for v, accumulator in enumerate(row):
                builder.store(builder.fadd(bias, code.load(init, start, v)), accumulator)
        builder.store(code.plus(w, outputs), position)
        with cgutils.for_range(builder, n_taps, intp=_INT) as tap:
            first = builder.add(builder.load(builder.gep(taps, [tap.index])), t)
            with cgutils.for_range(builder, rows, intp=_INT) as row:
                step(source, builder.add(first, builder.mul(row.index, row_stride)))
        with cgutils.for_range(builder, n_extra, intp=_INT):
            step(extra, e)
        for m, row in enumerate(accumulators):
            start = builder.add(o, builder.mul(o_stride, _INT(m)))
            for v, accumulator in enumerate(row):
                code.store(builder.load(accumulator), out, start, v)
        return context.get_dummy_value()

    return generate


class _Code:
    """Vector operations in the function being built. Accumulators are stack slots that LLVM turns into registers."""

    def __init__(self, builder: ir.IRBuilder) -> None:
        self.builder = builder
        # Fused where the processor can, as a multiplication and an addition where it can't.
        kind = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
        self.multiply_add = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fmuladd.v{LANES}f32")

    def plus(self, value, number: int):
        return self.builder.add(value, _INT(number))

    def _vector_at(self, base, offset, vector: int):
        pointer = self.builder.gep(base, [self.plus(offset, vector * LANES)])
        return self.builder.bitcast(pointer, _VECTOR.as_pointer())

    def load(self, base, offset, vector: int):
        # Any offset may come: a vector is only as aligned as a float.
        return self.builder.load(self._vector_at(base, offset, vector), align=4)

    def store(self, value, base, offset, vector: int) -> None:
        self.builder.store(value, self._vector_at(base, offset, vector), align=4)

    def broadcast(self, base, offset):
        scalar = self.builder.load(self.builder.gep(base, [offset]))
        undefined = ir.Constant(_VECTOR, ir.Undefined)
        single = self.builder.insert_element(undefined, scalar, ir.IntType(32)(0))
        return self.builder.shuffle_vector(single, undefined, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES))
