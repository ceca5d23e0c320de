"""Four float64 as one value inside compiled functions, where LLVM doesn't put a loop into vectors by itself.

It does so with inner loops alone, and the filters' recurrence must be the inner one for their states to stay in registers.
Operands lie where an array (C-contiguous) and a number say, counted over all dimensions; no index is checked.
"""

from __future__ import annotations

import operator

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, lower_builtin, models, register_model, type_callable

LANES = 4
SILENT = 1e-30
"""States below this are flushed to zero: far under any audible level, far above denormals."""

_KIND = ir.VectorType(ir.DoubleType(), LANES)
_FLAGS = ("contract", "nsz")


class _Four(types.Type):
    def __init__(self) -> None:
        super().__init__("float64x4")


_FOUR = _Four()


@register_model(_Four)
class _FourModel(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, _KIND)


@intrinsic
def load(typing, array, index):
    """The values from an element on."""

    def generate(context, builder, signature, args):
        return builder.load(_pointer(context, builder, signature, args), align=8)

    return _FOUR(array, types.intp), generate


@intrinsic
def store(typing, array, index, value):
    """Writes values to an element and those behind."""

    def generate(context, builder, signature, args):
        builder.store(args[2], _pointer(context, builder, signature, args), align=8)
        return context.get_dummy_value()

    return types.void(array, types.intp, _FOUR), generate


@intrinsic
def spread(typing, number):
    """A number four times."""

    def generate(context, builder, signature, args):
        undefined = ir.Constant(_KIND, ir.Undefined)
        one = builder.insert_element(undefined, args[0], ir.IntType(32)(0))
        return builder.shuffle_vector(one, undefined, ir.Constant(ir.VectorType(ir.IntType(32), LANES), None))

    return _FOUR(types.float64), generate


@intrinsic
def fma(typing, a, b, c):
    """a b + c, rounded once where the machine can."""

    def generate(context, builder, signature, args):
        kind = ir.FunctionType(_KIND, [_KIND] * 3)
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.fmuladd.v4f64"), args)

    return _FOUR(_FOUR, _FOUR, _FOUR), generate


@intrinsic
def less(typing, a, b, c):
    """c - a b, likewise."""

    def generate(context, builder, signature, args):
        kind = ir.FunctionType(_KIND, [_KIND] * 3)
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.fmuladd.v4f64")
        return builder.call(function, [builder.fneg(args[0]), *args[1:]])

    return _FOUR(_FOUR, _FOUR, _FOUR), generate


@intrinsic
def deal(typing, array, first, second, third, fourth, values):
    """Adds one value to each of four elements, one after the other: they may lie close to each other."""

    def generate(context, builder, signature, args):
        for number, at in enumerate(args[1:5]):
            pointer = _pointer(context, builder, signature, [args[0], at], ir.DoubleType())
            value = builder.extract_element(args[5], ir.IntType(32)(number))
            builder.store(builder.fadd(builder.load(pointer), value), pointer)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp, types.intp, types.intp, _FOUR), generate


@intrinsic
def kept(typing, x):
    """x where its size exceeds `SILENT`, else 0."""

    def generate(context, builder, signature, args):
        size = cgutils.get_or_insert_function(builder.module, ir.FunctionType(_KIND, [_KIND]), "llvm.fabs.v4f64")
        heard = builder.fcmp_ordered(">", builder.call(size, args), ir.Constant(_KIND, [SILENT] * LANES))
        return builder.select(heard, args[0], ir.Constant(_KIND, None))

    return _FOUR(_FOUR), generate


@intrinsic
def move(typing, array, target, source, count):
    """Copies elements of an array (n,) to where others of it are; the two may overlap."""

    def generate(context, builder, signature, args):
        places = [_pointer(context, builder, signature, [args[0], at]) for at in args[1:3]]
        cgutils.raw_memmove(builder, *places, args[3], 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp, types.intp), generate


def _pointer(context, builder, signature, args, kind=_KIND):
    array = context.make_array(signature.args[0])(context, builder, args[0])
    return builder.bitcast(builder.gep(array.data, [args[1]]), kind.as_pointer())


def _arithmetic(operation, instruction):
    """Teaches Numba one operator."""

    @type_callable(operation)
    def result(context):
        return lambda a, b: _FOUR if a == b == _FOUR else None

    @lower_builtin(operation, _Four, _Four)
    def generate(context, builder, signature, args):
        return getattr(builder, instruction)(*args, flags=_FLAGS)


for _operation, _instruction in ((operator.add, "fadd"), (operator.sub, "fsub"), (operator.mul, "fmul")):
    _arithmetic(_operation, _instruction)
