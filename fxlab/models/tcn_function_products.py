"""Products of matrices with a chunk of frames, whose sums stay in vector registers, and the gradients of the matrices.

Frames follow one another in memory, each a row of channels that is padded to whole vectors. Matrices are (rows, columns), a row
per channel of a frame; their columns come in blocks of 16, perhaps a last one of 8, and a block's rows follow one another.
All arrays are flat float32, all places count floats.
"""

from __future__ import annotations

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from fxlab.kernels.vectors import OPTIONS, address, constant, fma, load, spread, store

CHUNK = 48
"""Frames of a chunk: a multiple of the 8 that are worked on together."""

LANES = 8
"""Channels that are worked on together."""

ROWS = 4
"""Rows of a gradient that are worked on together; every matrix has a multiple of them, those that are too many of zeros."""

SIDE = 4
"""Floats from one frame of the side to the next, of which the first two count."""

_FLOATS, _N = types.float32[::1], types.intp


@njit(forceinline=True, **OPTIONS)
def up_rows(count):
    """The rows of a matrix for so many channels."""
    return (count + ROWS - 1) // ROWS * ROWS


@njit(forceinline=True, **OPTIONS)
def increase(array, at, value):
    """Adds a vector to what is there."""
    store(array, at, load(array, at, LANES) + value)


@intrinsic
def _keep_apart(typing):
    """The function becomes no part of its callers: LLVM would multiply its loops until their values don't fit into registers."""

    def generate(context, builder, signature, args):
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def _opaque(typing, pointer):
    """The same pointer, of which LLVM knows nothing: else it keeps one for every row of a tile, more than there are registers."""

    def generate(context, builder, signature, args):
        kind = args[0].type
        return builder.asm(ir.FunctionType(kind, [kind]), "", "=r,0", [args[0]], True)

    return pointer(pointer), generate


@njit(forceinline=True, **OPTIONS)
def _frames(array, at, width):
    """A vector of each of four frames."""
    third = at + 2 * width
    first, second = load(array, at, LANES), load(array, at + width, LANES)
    return first, second, load(array, third, LANES), load(array, third + width, LANES)


@njit(forceinline=True, **OPTIONS)
def _store_frames(array, at, width, a, b, c, d):
    store(array, at, a)
    store(array, at + width, b)
    store(array, at + 2 * width, c)
    store(array, at + 3 * width, d)


@njit(forceinline=True, **OPTIONS)
def _add_side(side, at, y, z, a, b, c, d):
    """The sums of four frames with the side's two rows y and z."""
    x0, x1 = spread(side, at, LANES), spread(side, at + SIDE, LANES)
    x2, x3 = spread(side, at + 2 * SIDE, LANES), spread(side, at + 3 * SIDE, LANES)
    return fma(x0, y, a + z), fma(x1, y, b + z), fma(x2, y, c + z), fma(x3, y, d + z)


# One signature each: Numba would compile them anew for every combination of constants among their arguments.
@njit(types.void(_N, _FLOATS, _N, _N, _FLOATS, _N, _N, _FLOATS, *[_N] * 7, *[_FLOATS, _N] * 2), cache=True, **OPTIONS)
def product(n, out, o, width, init, i, i_width, source, ring, position, step, size, taps, stride, count, weights, w, side, shift):
    """out = init + sum over taps of frames times matrix + side times matrix, for a chunk of n frames.

    Args:
        out, o, width: Where the result goes, and its padded channels.
        init, i, i_width: Where to begin, and floats from one frame to the next.
        source, ring, position, step, size: The frames of tap k begin at frame (position + k step) mod size behind `ring`.
        taps, stride, count: How many of them; floats from one frame to the next; how many of these count.
        weights, w: The matrices of the taps, one behind the other.
        side, shift: The side is at the beginning of `side`, its matrix behind `shift`; there is none where that is negative.
    """
    _keep_apart()
    rows, limit = up_rows(count), size * stride
    for v in range(0, width - LANES, 2 * LANES):  # four frames by two vectors
        for t in range(0, n, 4):
            at = i + t * i_width + v
            a0, b0, c0, d0 = _frames(init, at, i_width)
            a1, b1, c1, d1 = _frames(init, at + LANES, i_width)
            if shift >= 0:
                m = shift + v * SIDE
                y, z = load(weights, m, LANES), load(weights, m + 2 * LANES, LANES)
                a0, b0, c0, d0 = _add_side(side, t * SIDE, y, z, a0, b0, c0, d0)
                y, z = load(weights, m + LANES, LANES), load(weights, m + 3 * LANES, LANES)
                a1, b1, c1, d1 = _add_side(side, t * SIDE, y, z, a1, b1, c1, d1)
            for k in range(taps):
                first = (position + t + k * step) * stride
                if first >= limit:
                    first -= limit
                frames, matrix = address(source, ring + first), address(weights, w + (k * width + v) * rows)
                frames, matrix = _opaque(frames), _opaque(matrix)
                for r in range(count):
                    y0, y1 = load(matrix, 2 * LANES * r, LANES), load(matrix, 2 * LANES * r + LANES, LANES)
                    a, b = spread(frames, r, LANES), spread(frames, r + stride, LANES)
                    c, d = spread(frames, r + 2 * stride, LANES), spread(frames, r + 3 * stride, LANES)
                    a0, a1, b0, b1 = fma(a, y0, a0), fma(a, y1, a1), fma(b, y0, b0), fma(b, y1, b1)
                    c0, c1, d0, d1 = fma(c, y0, c0), fma(c, y1, c1), fma(d, y0, d0), fma(d, y1, d1)
            at = o + t * width + v
            _store_frames(out, at, width, a0, b0, c0, d0)
            _store_frames(out, at + LANES, width, a1, b1, c1, d1)
    if width % (2 * LANES):  # eight frames by one vector
        v = width - LANES
        for t in range(0, n, 8):
            at = i + t * i_width + v
            a0, b0, c0, d0 = _frames(init, at, i_width)
            a1, b1, c1, d1 = _frames(init, at + 4 * i_width, i_width)
            if shift >= 0:
                m = shift + v * SIDE
                y, z = load(weights, m, LANES), load(weights, m + LANES, LANES)
                a0, b0, c0, d0 = _add_side(side, t * SIDE, y, z, a0, b0, c0, d0)
                a1, b1, c1, d1 = _add_side(side, (t + 4) * SIDE, y, z, a1, b1, c1, d1)
            for k in range(taps):
                first = (position + t + k * step) * stride
                if first >= limit:
                    first -= limit
                frames, matrix = address(source, ring + first), address(weights, w + (k * width + v) * rows)
                frames, matrix = _opaque(frames), _opaque(matrix)
                for r in range(count):
                    y, later = load(matrix, LANES * r, LANES), r + 4 * stride
                    a0, a1 = fma(spread(frames, r, LANES), y, a0), fma(spread(frames, later, LANES), y, a1)
                    b0, b1 = fma(spread(frames, r + stride, LANES), y, b0), fma(spread(frames, later + stride, LANES), y, b1)
                    c, d = r + 2 * stride, r + 3 * stride
                    c0, c1 = fma(spread(frames, c, LANES), y, c0), fma(spread(frames, c + 4 * stride, LANES), y, c1)
                    d0, d1 = fma(spread(frames, d, LANES), y, d0), fma(spread(frames, d + 4 * stride, LANES), y, d1)
            at = o + t * width + v
            _store_frames(out, at, width, a0, b0, c0, d0)
            _store_frames(out, at + 4 * width, width, a1, b1, c1, d1)


@njit(types.void(_FLOATS, _N, _N, *[_FLOATS, _N, _N] * 2), cache=True, **OPTIONS)
def outer(slopes, w, rows, source, s, stride, other, o, width):
    """Adds the gradient of a matrix of so many rows: the sum over a chunk's frames of `source` times `other`.

    Args:
        slopes, w: The matrix begins there.
        source, s, stride: What was multiplied by it.
        other, o, width: The gradient of the product, `width` padded channels.
    """
    for v in range(0, width - LANES, 2 * LANES):
        for r in range(0, rows, ROWS):
            a0 = a1 = b0 = b1 = c0 = c1 = d0 = d1 = constant(0.0, LANES)
            for t in range(CHUNK):
                at, x = o + t * width + v, s + t * stride + r
                y0, y1 = load(other, at, LANES), load(other, at + LANES, LANES)
                a, b = spread(source, x, LANES), spread(source, x + 1, LANES)
                c, d = spread(source, x + 2, LANES), spread(source, x + 3, LANES)
                a0, a1, b0, b1 = fma(a, y0, a0), fma(a, y1, a1), fma(b, y0, b0), fma(b, y1, b1)
                c0, c1, d0, d1 = fma(c, y0, c0), fma(c, y1, c1), fma(d, y0, d0), fma(d, y1, d1)
            at = w + v * rows + r * 2 * LANES
            increase(slopes, at, a0)
            increase(slopes, at + LANES, a1)
            increase(slopes, at + 2 * LANES, b0)
            increase(slopes, at + 3 * LANES, b1)
            increase(slopes, at + 4 * LANES, c0)
            increase(slopes, at + 5 * LANES, c1)
            increase(slopes, at + 6 * LANES, d0)
            increase(slopes, at + 7 * LANES, d1)
    if width % (2 * LANES):
        v = width - LANES
        for r in range(0, rows, ROWS):
            a0 = b0 = c0 = d0 = a1 = b1 = c1 = d1 = constant(0.0, LANES)
            for t in range(0, CHUNK, 2):
                at, x = o + t * width + v, s + t * stride + r
                y0, y1 = load(other, at, LANES), load(other, at + width, LANES)
                a0, a1 = fma(spread(source, x, LANES), y0, a0), fma(spread(source, x + stride, LANES), y1, a1)
                b0, b1 = fma(spread(source, x + 1, LANES), y0, b0), fma(spread(source, x + stride + 1, LANES), y1, b1)
                c0, c1 = fma(spread(source, x + 2, LANES), y0, c0), fma(spread(source, x + stride + 2, LANES), y1, c1)
                d0, d1 = fma(spread(source, x + 3, LANES), y0, d0), fma(spread(source, x + stride + 3, LANES), y1, d1)
            at = w + v * rows + r * LANES
            increase(slopes, at, a0 + a1)
            increase(slopes, at + LANES, b0 + b1)
            increase(slopes, at + 2 * LANES, c0 + c1)
            increase(slopes, at + 3 * LANES, d0 + d1)
