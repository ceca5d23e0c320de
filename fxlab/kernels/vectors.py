"""Vectors of 8 or 16 float32 as values inside compiled functions, which LLVM keeps in the widest registers there are.

LLVM vectorises plain loops only where the inner one is long and it can prove that no arrays overlap; matrix products of a few
rows and recurrences have no such loop. The functions below "In code that is generated" are for those who generate their loops.

Operands lie where a pointer and a number say, or an array and a number (C-contiguous, counted over all dimensions) or a tuple of
indices (any strides; a vector is C-contiguous along the last axis). All is float32. No index is checked or wrapped around.
Vectors combine with each other and with numbers, which are rounded to float32.
"""

from __future__ import annotations

import operator

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, lower_builtin, models, register_model, type_callable

_FLOAT = ir.FloatType()
_FLAGS = ("contract", "nsz")
OPTIONS = {"nogil": True, "error_model": "numpy", "fastmath": set(_FLAGS)}
"""Options of all kernels. `error_model`: a check for zero would keep divisions out of vectors."""

Pointer = types.CPointer(types.float32)


class Vector(types.Type):
    """Type of a vector of `lanes` float32."""

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        super().__init__(f"float32x{lanes}")


_WIDTHS = {lanes: Vector(lanes) for lanes in (8, 16)}


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, ir.VectorType(_FLOAT, kind.lanes))


@intrinsic
def address(typing, start, index):
    """Pointer to an element."""
    index = _index(start, index)
    return index and (Pointer(start, index), _element)


@intrinsic(prefer_literal=True)
def load(typing, start, index, lanes):
    """The vector of `lanes` values from an element on, whatever its alignment."""
    index, kind = _index(start, index), _width(lanes)

    def generate(context, builder, signature, args):
        return load_at(builder, _element(context, builder, signature, args), kind.lanes)

    return index and kind and (kind(start, index, lanes), generate)


@intrinsic(prefer_literal=True)
def spread(typing, start, index, lanes):
    """An element in all lanes."""
    index, kind = _index(start, index), _width(lanes)

    def generate(context, builder, signature, args):
        return fill(builder, builder.load(_element(context, builder, signature, args), align=4), kind.lanes)

    return index and kind and (kind(start, index, lanes), generate)


@intrinsic(prefer_literal=True)
def constant(typing, number, lanes):
    """A number in all lanes."""
    kind = _width(lanes)

    def generate(context, builder, signature, args):
        return fill(builder, context.cast(builder, args[0], number, types.float32), kind.lanes)

    return kind and isinstance(number, types.Float) and (kind(number, lanes), generate) or None


@intrinsic
def store(typing, start, index, value):
    """Writes a vector to an element and those behind."""
    index = _index(start, index)

    def generate(context, builder, signature, args):
        store_at(builder, args[2], _element(context, builder, signature, args))
        return context.get_dummy_value()

    return index and (types.void(start, index, value), generate)


@intrinsic
def align_stack(typing):
    """Lets the function keep vectors that don't fit into the registers at aligned addresses.

    Else LLVM takes the stack as the caller left it, and every second one may lie across two cache lines: a quarter of the time of
    a recurrence was seen to depend on that.
    """

    def generate(context, builder, signature, args):
        slot = cgutils.alloca_once(builder, ir.VectorType(_FLOAT, 16))
        slot.align = 64
        # An empty instruction that might read the slot, so that it isn't optimised away.
        builder.asm(ir.FunctionType(ir.VoidType(), [slot.type]), "", "r", [slot], True)
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def fma(typing, a, b, c):
    """a b + c, rounded once where the machine can, of float32 or vectors; a number counts as a vector of equal lanes."""
    kind = _common(a, b, c)

    def generate(context, builder, signature, args):
        return multiply_add(builder, *_alike(context, builder, signature, args))

    return kind and (kind(a, b, c), generate)


def _clamp(compare: str):
    @intrinsic
    def clamp(typing, x, low, high):
        kind = _common(x, low, high)

        def generate(context, builder, signature, args):
            x, low, high = _alike(context, builder, signature, args)
            x = builder.select(getattr(builder, compare)(">", x, low), x, low)
            return builder.select(getattr(builder, compare)("<", x, high), x, high)

        return kind and (kind(x, low, high), generate)

    return clamp


clamp = _clamp("fcmp_ordered")
"""clamp(x, low, high): x between low and high, of float32 or vectors; low where x is NaN."""

clamp_or_nan = _clamp("fcmp_unordered")
"""The same, but NaN where x is NaN."""


@intrinsic
def keep_above(typing, x, least):
    """x where its size exceeds `least` (float32), else 0."""
    kind = _common(x, least)

    def generate(context, builder, signature, args):
        x, least = _alike(context, builder, signature, args)
        size = builder.call(_function(builder, "llvm.fabs", x.type, 1), [x])
        return builder.select(builder.fcmp_ordered(">", size, least), x, ir.Constant(x.type, None))

    return kind and (kind(x, least), generate)


@intrinsic
def total(typing, x):
    """The sum of a vector's values, in any order."""

    def generate(context, builder, signature, args):
        name = f"llvm.vector.reduce.fadd.v{x.lanes}f32"
        kind = ir.FunctionType(_FLOAT, [_FLOAT, args[0].type])
        return builder.call(
            cgutils.get_or_insert_function(builder.module, kind, name), [_FLOAT(-0.0), args[0]], fastmath=("reassoc",)
        )

    return types.float32(x), generate


# In code that is generated: what others build loops of.


def fill(builder, value, lanes):
    """A number in all lanes, unless it is a vector."""
    if value.type != _FLOAT:
        return value
    undefined = ir.Constant(ir.VectorType(_FLOAT, lanes), ir.Undefined)
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), lanes), None)
    return builder.shuffle_vector(builder.insert_element(undefined, value, ir.IntType(32)(0)), undefined, zeros)


def load_at(builder, pointer, lanes):
    """The vector from a pointer to a float32 on, which may be no more aligned than that."""
    return builder.load(builder.bitcast(pointer, ir.VectorType(_FLOAT, lanes).as_pointer()), align=4)


def store_at(builder, value, pointer):
    """Writes a vector to a pointer to a float32 and behind."""
    builder.store(value, builder.bitcast(pointer, value.type.as_pointer()), align=4)


def multiply_add(builder, a, b, c):
    """a b + c of equal types: one instruction where there is one, else two ("fma" would call a slow library function there)."""
    return builder.call(_function(builder, "llvm.fmuladd", a.type, 3), [a, b, c])


def _function(builder, name, kind, arguments):
    suffix = f"v{kind.count}f32" if isinstance(kind, ir.VectorType) else "f32"
    return cgutils.get_or_insert_function(builder.module, ir.FunctionType(kind, [kind] * arguments), f"{name}.{suffix}")


def _width(lanes):
    """The type of a vector of so many lanes, None if there is none."""
    return _WIDTHS.get(lanes.literal_value) if isinstance(lanes, types.IntegerLiteral) else None


def _index(start, index):
    """The type that an index into a pointer or an array is cast to, None where they don't go together."""
    array = isinstance(start, types.Array) and start.dtype == types.float32
    if isinstance(index, types.BaseTuple):
        return types.UniTuple(types.intp, start.ndim) if array and len(index) == start.ndim else None
    return types.intp if start == Pointer or (array and start.layout == "C") else None


def _element(context, builder, signature, args):
    """Pointer to the element that the first two arguments say."""
    (start, index), (base, at) = signature.args[:2], args[:2]
    if start == Pointer:
        return builder.gep(base, [at])
    array = context.make_array(start)(context, builder, base)
    if index == types.intp:
        return builder.gep(array.data, [at])
    indices = cgutils.unpack_tuple(builder, at)
    return cgutils.get_item_pointer(context, builder, start, array, indices, wraparound=False, boundscheck=False)


def _common(*kinds):
    """The type of a result of such operands, None where they don't go together."""
    vectors = {kind for kind in kinds if isinstance(kind, Vector)}
    numbers = types.Float if vectors else type(None)
    if len(vectors) > 1 or not all(kind in vectors or kind == types.float32 or isinstance(kind, numbers) for kind in kinds):
        return None
    return vectors.pop() if vectors else types.float32


def _alike(context, builder, signature, args):
    """The arguments as values of the result's type."""
    kind = signature.return_type
    if not isinstance(kind, Vector):
        return args
    numbers = (
        value if isinstance(of, Vector) else context.cast(builder, value, of, types.float32)
        for value, of in zip(args, signature.args, strict=True)
    )
    return [fill(builder, value, kind.lanes) for value in numbers]


def _arithmetic(operation, instruction):
    """Teaches Numba one operator on vectors."""

    @type_callable(operation)
    def result(context):
        def typer(a, b):
            kind = _common(a, b)
            return kind if isinstance(kind, Vector) else None

        return typer

    def generate(context, builder, signature, args):
        return getattr(builder, instruction)(*_alike(context, builder, signature, args), flags=_FLAGS)

    for kinds in ((Vector, Vector), (Vector, types.Float), (types.Float, Vector)):
        lower_builtin(operation, *kinds)(generate)


for _operation, _instruction in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _arithmetic(_operation, _instruction)
