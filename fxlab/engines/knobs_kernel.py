"""Where the knobs of a network stand in each frame of a block."""

from __future__ import annotations

import numpy as np
from numba import njit, types

from fxlab.engines.knobs import DONE, OFFSET, TARGET, VALUE
from fxlab.kernels.addresses import array_at, table_at


@njit(nogil=True, error_model="numpy")
def _move(whole, state, knobs, row):
    """The places of the knob whose state begins here, in the frames of a block."""
    target, offset = np.float32(state[TARGET * knobs]), np.float32(state[OFFSET * knobs])
    done, left = np.int64(state[DONE * knobs]), np.float32(1.0) / np.float32(whole)
    for t in range(len(row)):
        row[t] = target + offset * (left * np.float32(max(whole - done - 1 - t, 0)))
    arrived = done + len(row) >= whole
    state[OFFSET * knobs] = 0.0 if arrived else state[OFFSET * knobs]
    state[DONE * knobs] = 0 if arrived else done + len(row)


@njit(types.boolean(types.intp, types.intp), nogil=True, error_model="numpy", cache=True)
def advance(at, frames):
    """Takes what knobs were set to and moves them on by a block; says whether any moves in it.

    Args:
        at: Address of a table (`addresses`) with the frames that a move takes and, as one-dimensional arrays:
            wanted: float64, of all knobs the values that they are set to, then the places that go with them.
            state: float64, of all knobs the values, then the targets, the offsets, the frames done (`knobs`).
            still: float32, where they stand while none moves.
            moving: float32, room for the places of the first knob, then those of the next; `frames` of each are written.
        frames: In the block.
    """
    table = table_at(at, 9)
    whole, wanted, state = table[0], array_at(table, 1, np.float64), array_at(table, 3, np.float64)
    still, moving = array_at(table, 5, np.float32), array_at(table, 7, np.float32)
    knobs, moves = len(still), False
    for k in range(knobs):
        # Another thread writes them, the place first. What is only half written in this block is taken whole in the next.
        value, place = wanted[k], wanted[knobs + k]
        if value != state[VALUE * knobs + k] or place != state[TARGET * knobs + k]:
            left = 1 - state[DONE * knobs + k] / whole
            stands = state[TARGET * knobs + k] + state[OFFSET * knobs + k] * left
            state[VALUE * knobs + k], state[TARGET * knobs + k] = value, place
            state[OFFSET * knobs + k], state[DONE * knobs + k] = stands - place, 0
        still[k] = state[TARGET * knobs + k]
        moves |= state[OFFSET * knobs + k] != 0.0
    if moves:
        for k in range(knobs):
            _move(whole, state[k:], knobs, moving[k * frames : (k + 1) * frames])
    return moves
