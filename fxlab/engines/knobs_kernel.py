"""Where the knobs of a network stand in each frame of a block."""

from __future__ import annotations

import numpy as np
from numba import njit, types

from fxlab.addresses import array_at, table_at
from fxlab.engines.knobs import DONE, OFFSET, TARGET


@njit(types.boolean(types.intp, types.intp), nogil=True, error_model="numpy", cache=True)
def move(at, frames):
    """Moves knobs on by a block; says whether any hasn't arrived.

    Args:
        at: Address of a table (`addresses`) with the frames that a move takes and, as one-dimensional arrays:
            state: float64, of all knobs the values, then the targets, the offsets, the frames done (`knobs`).
            places: float32, the places of the first knob, then those of the next; `frames` of each are written.
        frames: In the block.
    """
    table = table_at(at, 5)
    whole, state, places = table[0], array_at(table, 1, np.float64), array_at(table, 3, np.float32)
    knobs, moves = len(state) // 4, False
    for k in range(knobs):
        target, offset = np.float32(state[TARGET * knobs + k]), np.float32(state[OFFSET * knobs + k])
        done, left = np.int64(state[DONE * knobs + k]), np.float32(1.0) / np.float32(whole)
        row = places[k * frames : (k + 1) * frames]
        for t in range(frames):
            row[t] = target + offset * (left * np.float32(max(whole - done - 1 - t, 0)))
        arrived = done + frames >= whole
        state[OFFSET * knobs + k] = 0.0 if arrived else state[OFFSET * knobs + k]
        state[DONE * knobs + k] = 0 if arrived else done + frames
        moves |= state[OFFSET * knobs + k] != 0.0
    return moves
