"""Vectors of 8 or 16 float32 as values inside compiled functions, which LLVM keeps in the widest registers there are.

LLVM vectorises plain loops, but not the dot products of a recurrence as they must be: many sums side by side in registers, each
input broadcast once, each weight read once. `accumulate` is that loop; the rest is arithmetic on its results.
"""

from __future__ import annotations

import operator

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, lower_builtin, models, register_model, type_callable

_FLOAT, _INDEX = ir.FloatType(), ir.IntType(64)
_FLAGS = ("contract", "nsz")
_UNROLL = 2  # inputs per turn of the loop in `accumulate`; more gain nothing
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
    """Pointer to element `index` behind a pointer or of a C-contiguous float32 array, counted over all its dimensions."""

    def generate(context, builder, signature, args):
        data = args[0] if start == Pointer else context.make_array(start)(context, builder, args[0]).data
        return builder.gep(data, [args[1]])

    return Pointer(start, types.intp), generate


@intrinsic(prefer_literal=True)
def load(typing, pointer, index, lanes):
    """The vector of `lanes` values from `pointer[index]` on, whatever its alignment."""
    if not isinstance(lanes, types.IntegerLiteral):
        return None
    kind = _WIDTHS[lanes.literal_value]

    def generate(context, builder, signature, args):
        return _load(builder, builder.gep(args[0], [args[1]]), kind.lanes)

    return kind(pointer, types.intp, lanes), generate


@intrinsic
def store(typing, pointer, index, value):
    """Writes a vector to `pointer[index]` and behind."""

    def generate(context, builder, signature, args):
        builder.store(args[2], _as_vector(builder, builder.gep(args[0], [args[1]]), value.lanes), align=4)
        return context.get_dummy_value()

    return types.void(pointer, types.intp, value), generate


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
        return _fma(builder, *_spread_all(builder, kind, args))

    return kind and (kind(a, b, c), generate)


@intrinsic
def clamp(typing, x, low, high):
    """x between low and high, of float32 or vectors."""
    kind = _common(x, low, high)

    def generate(context, builder, signature, args):
        x, low, high = _spread_all(builder, kind, args)
        x = builder.select(builder.fcmp_ordered(">", x, low), x, low)
        return builder.select(builder.fcmp_ordered("<", x, high), x, high)

    return kind and (kind(x, low, high), generate)


@intrinsic
def keep_above(typing, x, least):
    """x where its size exceeds `least` (float32), else 0."""
    kind = _common(x, least)

    def generate(context, builder, signature, args):
        x, least = _spread_all(builder, kind, args)
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


@intrinsic
def add_scaled(typing, sums, x, weights):
    """sums[v] + x weights[v] for a tuple of equal vectors, a float32 and a pointer to as many vectors."""
    lanes = sums.dtype.lanes

    def generate(context, builder, signature, args):
        x = _spread(builder, args[1], lanes)
        pointers = [builder.gep(args[2], [_INDEX(v * lanes)]) for v in range(sums.count)]
        totals = cgutils.unpack_tuple(builder, args[0])
        totals = [_fma(builder, x, _load(builder, p, lanes), total) for p, total in zip(pointers, totals, strict=True)]
        return cgutils.pack_array(builder, totals)

    return sums(sums, types.float32, weights), generate


@intrinsic
def accumulate(typing, sums, rows, first, weights, count):
    """Adds matrix products to sums that stay in registers.

    For every row r and vector v: sums[r V + v] += sum over k < count of rows[r][first + k] weights[k V + v], where V is the
    number of vectors a row.

    Args:
        sums: Tuple of len(rows) V equal vectors; the result is such a tuple.
        rows: Tuple of pointers to inputs.
        weights: Pointer to count V vectors.
    """
    lanes = sums.dtype.lanes
    # With too few sums the latency of an addition, not the throughput, would set the pace: then there are partial sums.
    split = 2 if sums.count * lanes < 64 and rows.count == 1 else 1

    def generate(context, builder, signature, args):
        totals, starts = cgutils.unpack_tuple(builder, args[0]), cgutils.unpack_tuple(builder, args[1])
        starts = [builder.gep(start, [args[2]]) for start in starts]
        weights, count = args[3:]
        whole = builder.sub(count, builder.srem(count, _INDEX(_UNROLL)))
        zero = ir.Constant(totals[0].type, None)
        sums = totals + [zero] * (len(totals) * (split - 1))
        sums = _products(builder, sums, starts, weights, lanes, (_INDEX(0), whole), _UNROLL, len(totals))
        totals, partial = sums[: len(totals)], sums[len(totals) :]
        totals = _products(builder, totals, starts, weights, lanes, (whole, count), 1, len(totals))
        for i, value in enumerate(partial):
            totals[i] = builder.fadd(totals[i], value, flags=_FLAGS)
        return cgutils.pack_array(builder, totals)

    return sums(sums, rows, types.intp, weights, types.intp), generate


def _products(builder, sums, starts, weights, lanes, span, unroll, distinct):
    """The loop of `accumulate` over the inputs of `span`; returns what the sums then are."""
    before, body, after = builder.block, builder.append_basic_block("products"), builder.append_basic_block("summed")
    builder.cbranch(builder.icmp_signed("<", *span), body, after)
    builder.position_at_end(body)
    k = builder.phi(_INDEX)
    carried = [builder.phi(value.type) for value in sums]
    now = list(carried)
    vectors = distinct // len(starts)
    base = builder.gep(weights, [builder.mul(k, _INDEX(vectors * lanes))])
    for turn in range(unroll):
        first = turn * distinct % len(sums)
        inputs = [_spread(builder, builder.load(builder.gep(s, [builder.add(k, _INDEX(turn))]), align=4), lanes) for s in starts]
        for v in range(vectors):
            weight = _load(builder, builder.gep(base, [_INDEX((turn * vectors + v) * lanes)]), lanes)
            for r, value in enumerate(inputs):
                i = first + r * vectors + v
                now[i] = _fma(builder, value, weight, now[i])
    following = builder.add(k, _INDEX(unroll))
    builder.cbranch(builder.icmp_signed("<", following, span[1]), body, after)
    k.add_incoming(span[0], before)
    k.add_incoming(following, body)
    builder.position_at_end(after)
    results = []
    for old, phi, new in zip(sums, carried, now, strict=True):
        phi.add_incoming(old, before)
        phi.add_incoming(new, body)
        results.append(builder.phi(old.type))
        results[-1].add_incoming(old, before)
        results[-1].add_incoming(new, body)
    return results


def _common(*kinds):
    """The type of a result of such operands, None where they don't go together."""
    vectors = {kind for kind in kinds if isinstance(kind, Vector)}
    if len(vectors) > 1 or not all(kind in vectors or kind == types.float32 for kind in kinds):
        return None
    return vectors.pop() if vectors else types.float32


def _spread_all(builder, kind, values):
    return [_spread(builder, value, kind.lanes) for value in values] if isinstance(kind, Vector) else values


def _spread(builder, value, lanes):
    if value.type != _FLOAT:
        return value
    undefined = ir.Constant(ir.VectorType(_FLOAT, lanes), ir.Undefined)
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), lanes), None)
    return builder.shuffle_vector(builder.insert_element(undefined, value, ir.IntType(32)(0)), undefined, zeros)


def _as_vector(builder, pointer, lanes):
    return builder.bitcast(pointer, ir.VectorType(_FLOAT, lanes).as_pointer())


def _load(builder, pointer, lanes):
    return builder.load(_as_vector(builder, pointer, lanes), align=4)


def _function(builder, name, kind, arguments):
    suffix = f"v{kind.count}f32" if isinstance(kind, ir.VectorType) else "f32"
    return cgutils.get_or_insert_function(builder.module, ir.FunctionType(kind, [kind] * arguments), f"{name}.{suffix}")


def _fma(builder, a, b, c):
    # "muladd" is one instruction where there is one and two elsewhere; "fma" would call a slow library function there.
    return builder.call(_function(builder, "llvm.fmuladd", a.type, 3), [a, b, c])


def _arithmetic(operation, instruction):
    """Teaches Numba one operator on vectors."""

    @type_callable(operation)
    def result(context):
        def typer(a, b):
            kind = _common(a, b)
            return kind if isinstance(kind, Vector) else None

        return typer

    def generate(context, builder, signature, args):
        return getattr(builder, instruction)(*_spread_all(builder, signature.return_type, args), flags=_FLAGS)

    for kinds in ((Vector, Vector), (Vector, types.Float), (types.Float, Vector)):
        lower_builtin(operation, *kinds)(generate)


for _operation, _instruction in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _arithmetic(_operation, _instruction)
