"""Eight float32 numbers as one value in Numba kernels: the vector registers of the processor, used on purpose.

LLVM turns plain loops into vector instructions only where the inner loop is long and it can prove that no arrays overlap;
matrix products of a few rows and recurrences have no such loop. Code written with lanes compiles to one instruction per
operation (two on processors with vectors of four), and products followed by sums are fused where the processor can.

Lanes live only inside compiled functions: `load`, `spread` or `constant` make them, + - * / combine them with each other and
with numbers, `store` writes them back. No index is checked or wrapped around.
"""

from __future__ import annotations

import operator

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_model

LANES = 8
"""How many numbers one value holds."""

OPTIONS = {"nogil": True, "error_model": "numpy"}
"""What kernels made of lanes are compiled with."""

_VECTOR = ir.VectorType(ir.FloatType(), LANES)
_INDEX = ir.IntType(32)
_FLAGS = ("contract", "nsz")


class _Lanes(types.Type):
    def __init__(self) -> None:
        super().__init__(name="lanes of float32")


_LANES = _Lanes()


@register_model(_Lanes)
class _Model(models.PrimitiveModel):
    def __init__(self, manager, kind) -> None:
        super().__init__(manager, kind, _VECTOR)


@intrinsic
def load(typing, array, index):
    """The eight numbers of a float32 array from `index` (a tuple) on, neighbours along the last axis."""

    def generate(context, builder, signature, args):
        return builder.load(_address(context, builder, signature, args, vector=True), align=4)

    return _LANES(array, index), generate


@intrinsic
def spread(typing, array, index):
    """The number of a float32 array at `index` (a tuple) in all lanes."""

    def generate(context, builder, signature, args):
        return _fill(builder, builder.load(_address(context, builder, signature, args, vector=False), align=4))

    return _LANES(array, index), generate


@intrinsic
def constant(typing, number):
    """A number, rounded to float32, in all lanes."""

    def generate(context, builder, signature, args):
        return _fill(builder, context.cast(builder, args[0], number, types.float32))

    return _LANES(number), generate


@intrinsic
def store(typing, array, index, value):
    """Writes lanes into a float32 array from `index` (a tuple) on, neighbours along the last axis."""

    def generate(context, builder, signature, args):
        builder.store(args[2], _address(context, builder, signature, args, vector=True), align=4)
        return context.get_dummy_value()

    return types.void(array, index, value), generate


@intrinsic
def clamp(typing, value, limit):
    """Lanes within -limit..limit, NaN where they are NaN."""

    def generate(context, builder, signature, args):
        inner, high = args
        low = builder.fneg(high)
        inner = builder.select(builder.fcmp_ordered("<", high, inner), high, inner)
        return builder.select(builder.fcmp_ordered(">", low, inner), low, inner)

    return _LANES(value, limit), generate


def _operator(symbol, instruction: str) -> None:
    @intrinsic
    def both(typing, a, b):
        def generate(context, builder, signature, args):
            return getattr(builder, instruction)(*args, flags=_FLAGS)

        return _LANES(a, b), generate

    @overload(symbol, jit_options={"forceinline": True})
    def combine(a, b):
        if a is _LANES and b is _LANES:
            return lambda a, b: both(a, b)
        if a is _LANES and isinstance(b, types.Float):
            return lambda a, b: both(a, constant(b))
        if isinstance(a, types.Float) and b is _LANES:
            return lambda a, b: both(constant(a), b)
        return None


for _symbol, _instruction in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _operator(_symbol, _instruction)


def _address(context, builder, signature, args, vector: bool):
    array, index = signature.args[:2]
    parts = zip(cgutils.unpack_tuple(builder, args[1], len(index)), index, strict=True)
    indices = [context.cast(builder, part, kind, types.intp) for part, kind in parts]
    struct = context.make_array(array)(context, builder, args[0])
    pointer = cgutils.get_item_pointer(context, builder, array, struct, indices, wraparound=False, boundscheck=False)
    return builder.bitcast(pointer, _VECTOR.as_pointer()) if vector else pointer


def _fill(builder, number):
    nothing = ir.Constant(_VECTOR, ir.Undefined)
    first = builder.insert_element(nothing, number, ir.Constant(_INDEX, 0))
    return builder.shuffle_vector(first, nothing, ir.Constant(ir.VectorType(_INDEX, LANES), [0] * LANES))
