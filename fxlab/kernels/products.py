"""Matrix products whose sums stay in the vector registers of a compiled function.

LLVM vectorises plain loops, but not the dot products of a recurrence as they must be: many sums side by side in registers, each
input broadcast once, each weight read once. `accumulate` is that loop.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from fxlab.kernels.vectors import fill, load_at, multiply_add

_INDEX = ir.IntType(64)
_UNROLL = 2  # inputs per turn of the loop in `accumulate`; more gain nothing


@intrinsic
def add_scaled(typing, sums, x, weights):
    """sums[v] + x weights[v] for a tuple of equal vectors, a float32 and a pointer to as many vectors."""
    lanes = sums.dtype.lanes

    def generate(context, builder, signature, args):
        x = fill(builder, args[1], lanes)
        pointers = [builder.gep(args[2], [_INDEX(v * lanes)]) for v in range(sums.count)]
        totals = cgutils.unpack_tuple(builder, args[0])
        totals = [multiply_add(builder, x, load_at(builder, p, lanes), total) for p, total in zip(pointers, totals, strict=True)]
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
            totals[i] = builder.fadd(totals[i], value, flags=("contract", "nsz"))
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
        inputs = [fill(builder, builder.load(builder.gep(s, [builder.add(k, _INDEX(turn))]), align=4), lanes) for s in starts]
        for v in range(vectors):
            weight = load_at(builder, builder.gep(base, [_INDEX((turn * vectors + v) * lanes)]), lanes)
            for r, value in enumerate(inputs):
                i = first + r * vectors + v
                now[i] = multiply_add(builder, value, weight, now[i])
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
