"""One block of a TCN in one compiled call, whatever its sizes: the tables say what to do, the code is compiled once.

Frames lie side by side in memory. Every layer's input goes into a ring per channel; behind a ring's end its beginning is
repeated, so that a window of CHUNK frames can be read from anywhere without looking for the end. A block is taken in chunks
that stay in the first-level cache through all layers.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from fxlab.engines.fused.activation_kernel import activate_and_add
from fxlab.engines.fused.film_kernel import FILM, MATRIX, film_of, fold, hear, moved, scale_and_shift
from fxlab.engines.fused.matrix import product
from fxlab.engines.fused.processor import clean
from fxlab.engines.fused.tile import FRAMES
from fxlab.engines.knobs_kernel import advance
from fxlab.kernels.addresses import array_at, table_at

CHUNK = max(64, FRAMES)

_INT = np.int64
RING = np.dtype([("at", _INT), ("row", _INT), ("size", _INT), ("channels", _INT)])
"""Where a ring begins in the memory, floats from one channel to the next, frames before it starts again, channels."""
LAYER = np.dtype(
    [
        ("ring", RING),
        ("taps", _INT),
        ("dilation", _INT),
        ("conv", MATRIX),
        ("folded", _INT),
        ("residual", MATRIX),
        ("film", MATRIX),
    ]
)
"""Where knobs stand still, `folded` is where the convolution's weights are; without knobs they are those of `conv`."""
ARRAY = np.dtype(
    [
        ("first", _INT),
        ("last", _INT),
        ("inputs", _INT),
        ("channels", _INT),
        ("outputs", _INT),
        ("activation", _INT),
        ("slope", np.float32),
        ("scale", np.float32),
        ("gated", np.bool_),
        ("expand", MATRIX),
        ("head", MATRIX),
        ("head_taps", _INT),
        ("head_ring", RING),
    ]
)


def ring_size(history: int) -> int:
    """Frames a ring needs: the history, a chunk, and the frames a tile writes beyond the block's end."""
    return -(-(history + CHUNK + FRAMES) // 16) * 16


@njit(nogil=True, error_model="numpy")
def _copy(source, target):
    for t in range(len(source)):
        target[t] = source[t]


@njit(nogil=True, error_model="numpy")
def _repeat_ends(memory, ring, position, frames):
    """After `frames` frames were written from `position` on: what lies behind the end goes to the start, and the reverse."""
    over, early = position + frames - ring.size, min(position + frames, CHUNK) - position
    for c in range(ring.channels):
        row = memory[ring.at + c * ring.row : ring.at + (c + 1) * ring.row]
        if over > 0:
            _copy(row[ring.size : ring.size + over], row[:over])
        if early > 0:
            _copy(row[position : position + early], row[ring.size + position : ring.size + position + early])


@njit(nogil=True, error_model="numpy")
def _windows(taps, n_taps, dilation, ring, position):
    """Where the windows of a dilated convolution's taps begin, the oldest first."""
    for k in range(n_taps):
        start = position - (n_taps - 1 - k) * dilation
        taps[k] = ring.at + (start if start >= 0 else start + ring.size)


@njit(nogil=True, error_model="numpy")
def _advance(positions, index, frames, size):
    positions[index] += frames
    if positions[index] >= size:
        positions[index] -= size


@njit(nogil=True, error_model="numpy", cache=True)
def play_tcn(at, frames):
    """Plays a block.

    Args:
        at: Address of a table (`addresses`) with the number of channels and, as one-dimensional arrays:
            dry, wet: float32, the channels' frames one after the other.
            arrays, layers: Records of ARRAY and LAYER.
            weights, tiles: All matrices as `matrix.pack` and `matrix.tiles` give them.
            memories: float32, all rings of a channel, then those of the next.
            positions: int64, where the rings of layers and heads are written next; channel after channel.
            scratch: float32, 2 + four times the widest array's pre-activations rows of CHUNK.
            taps: int64, as many as the largest kernel.
            film: A record of FILM.
            still, places: float32, of each knob where it stands, and its places in the block's frames while one moves.
            knobs: What `knobs_kernel.advance` works on, nothing without knobs.
            folded: float32, where knobs stand for the folded weights.
            rows: float32, scratch of `film_kernel.hear`.
        frames: In the block.
    """
    table = table_at(at, 33)
    dry, wet = array_at(table, 1, np.float32), array_at(table, 3, np.float32)
    arrays, layers = array_at(table, 5, ARRAY), array_at(table, 7, LAYER)
    weights, tiles = array_at(table, 9, np.float32), array_at(table, 11, np.int64)
    memories, all_positions = array_at(table, 13, np.float32), array_at(table, 15, np.int64)
    flat, taps = array_at(table, 17, np.float32), array_at(table, 19, np.int64)
    film, rows = array_at(table, 21, FILM)[0], array_at(table, 31, np.float32)
    still, places, folded = array_at(table, 23, np.float32), array_at(table, 25, np.float32), array_at(table, 29, np.float32)
    moving = advance(table[27], frames) if table[28] else False
    if not moving and moved(still, folded):
        hear(still, 0, 1, rows, film, weights, tiles, taps, 1)
        for a in range(len(arrays)):
            for j in range(arrays[a].first, arrays[a].last):
                found = film_of(layers[j], rows, film, weights, tiles, taps, 1)
                fold(layers[j], layers[j].taps * arrays[a].channels + 1, rows, found, film.row, weights, tiles)
        _copy(still, folded)
    channels = table[0]
    rings, floats = len(all_positions) // channels, len(memories) // channels
    widest = (len(flat) // CHUNK - 2) // 4
    zero, tone = 0, CHUNK  # a row of zeros, a row for the dry signal
    z, x = 2 * CHUNK, (2 + widest) * CHUNK
    for channel in range(channels):
        memory = memories[channel * floats : (channel + 1) * floats]
        positions = all_positions[channel * rings : (channel + 1) * rings]
        first = channel * frames
        for begin in range(first, first + frames, CHUNK):
            n = min(CHUNK, first + frames - begin)
            row = flat[tone : tone + n]
            _copy(dry[begin : begin + n], row)
            clean(row)
            if moving:
                hear(places, begin - first, frames, rows, film, weights, tiles, taps, n)
            head, other = (2 + 2 * widest) * CHUNK, (2 + 3 * widest) * CHUNK
            flat[head : head + arrays[0].channels * CHUNK] = 0.0
            source = tone
            for a in range(len(arrays)):
                array = arrays[a]
                ring = layers[array.first].ring
                taps[0] = source
                product(
                    flat,
                    taps,
                    1,
                    array.inputs,
                    CHUNK,
                    flat,
                    0,
                    0,
                    weights,
                    array.expand.weights,
                    tiles,
                    array.expand.tiles,
                    array.expand.n_tiles,
                    flat,
                    zero,
                    0,
                    memory,
                    ring.at + positions[array.first],
                    ring.row,
                    n,
                )
                for j in range(array.first, array.last):
                    layer = layers[j]
                    ring, p = layer.ring, positions[j]
                    _repeat_ends(memory, ring, p, n)
                    _windows(taps, layer.taps, layer.dilation, ring, p)
                    product(
                        memory,
                        taps,
                        layer.taps,
                        array.channels,
                        ring.row,
                        flat,
                        tone,
                        1,
                        weights,
                        layer.conv.weights if moving else layer.folded,
                        tiles,
                        layer.conv.tiles,
                        layer.conv.n_tiles,
                        flat,
                        zero,
                        0,
                        flat,
                        z,
                        CHUNK,
                        n,
                    )
                    if moving:
                        outputs = array.channels * (2 if array.gated else 1)
                        scale_and_shift(layer, flat, z, CHUNK, outputs, rows, film, weights, tiles, taps, n)
                    activate_and_add(
                        flat, z, head, CHUNK, array.channels, array.activation, array.slope, array.gated, -(-n // FRAMES) * FRAMES
                    )
                    taps[0] = z
                    if j + 1 < array.last:
                        target, to, stride = memory, layers[j + 1].ring.at + positions[j + 1], layers[j + 1].ring.row
                    else:
                        target, to, stride = flat, x, CHUNK
                    if j + 1 < array.last or a + 1 < len(arrays):
                        product(
                            flat,
                            taps,
                            1,
                            array.channels,
                            CHUNK,
                            flat,
                            0,
                            0,
                            weights,
                            layer.residual.weights,
                            tiles,
                            layer.residual.tiles,
                            layer.residual.n_tiles,
                            memory,
                            ring.at + p,
                            ring.row,
                            target,
                            to,
                            stride,
                            n,
                        )
                    _advance(positions, j, n, ring.size)
                if array.head_taps > 1:
                    ring, index = array.head_ring, len(layers) + a
                    p = positions[index]
                    for c in range(array.channels):
                        at = ring.at + c * ring.row + p
                        _copy(flat[head + c * CHUNK : head + c * CHUNK + n], memory[at : at + n])
                    _repeat_ends(memory, ring, p, n)
                    _windows(taps, array.head_taps, 1, ring, p)
                    _advance(positions, index, n, ring.size)
                    heads, stride = memory, ring.row
                else:
                    taps[0] = head
                    heads, stride = flat, CHUNK
                product(
                    heads,
                    taps,
                    array.head_taps,
                    array.channels,
                    stride,
                    flat,
                    0,
                    0,
                    weights,
                    array.head.weights,
                    tiles,
                    array.head.tiles,
                    array.head.n_tiles,
                    flat,
                    zero,
                    0,
                    flat,
                    other,
                    CHUNK,
                    n,
                )
                head, other, source = other, head, x
            scale, result, out = arrays[-1].scale, flat[head : head + n], wet[begin : begin + n]
            for t in range(n):
                out[t] = scale * result[t]
