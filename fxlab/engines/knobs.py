"""The knobs of a network that plays: where they stand, and how they get to where they were set, frame by frame."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fxlab.models.controls import Control, values_of

VALUE, TARGET, OFFSET, DONE = range(4)
"""What is known of a knob: its value, its place as the network takes it, how far off that it set out, frames since then."""
RAMP_S = 0.02
"""Time in which a knob's place, as the network takes it, moves along a straight line to where it was set."""


class Knobs:
    """Places of knobs over time.

    `set` only notes what is wanted, at any time and from any thread; the next block takes it and sets out from there. Where a
    knob stands follows from its target, from how far off it set out, and from the frames since then, so no split of the
    blocks shows. What is noted and what moves are arrays that compiled code works on (`knobs_kernel.advance`): a network may
    play without the interpreter while its knobs are set.

    Attributes:
        controls: What the knobs are.
        still: Float32 (controls, 1), where they stand while none moves.
        moving: Float32, flat, where they are in each frame of a block in which one moves.
        table: What `knobs_kernel.advance` works on; empty without knobs and before `prepare`.
    """

    def __init__(self, controls: tuple[Control, ...]) -> None:
        self.controls = controls
        self._values = {control.name: control.param.default for control in controls}
        self._wanted = np.zeros((2, len(controls)))
        self._note()
        self.still = np.zeros((len(controls), 1), np.float32)
        self.moving = np.zeros(0, np.float32)
        self.table = np.zeros(0, np.int64)

    @property
    def values(self) -> dict[str, float]:
        """What they are set to, by name."""
        return dict(self._values)

    def set(self, given: Mapping[str, object]) -> None:
        """Notes new values by name; raises `UsageError` for an unknown name or a value out of range, and then notes none."""
        self._values = values_of(self.controls, self._values | dict(given))
        self._note()

    def _note(self) -> None:
        # Each number is written whole, and the place first: see `knobs_kernel.advance`.
        for i, control in enumerate(self.controls):
            value = self._values[control.name]
            self._wanted[1, i] = control.normalised(value)
            self._wanted[0, i] = value

    def prepare(self, sample_rate_hz: int, max_block: int) -> None:
        """Allocates for blocks of 1..max_block frames; the knobs stand where they were set."""
        from fxlab.engines.knobs_kernel import advance  # compiled: only for networks that have knobs

        self._advance = advance
        self._frames = max(1, round(RAMP_S * sample_rate_hz))
        self.moving = np.zeros(len(self.controls) * max_block, np.float32)
        self._views: dict[int, np.ndarray] = {}
        self._state = np.zeros((4, len(self.controls)))
        self.table = self._table_of(self._state, self.still)
        self._at = self.table.ctypes.data
        self.settle()

    def settle(self) -> None:
        """Ends all movement: the knobs stand where they were set."""
        self._state[VALUE], self._state[TARGET] = self._wanted
        self._state[OFFSET:] = 0
        self._advance(self._at, 0)

    def advance(self, frames: int) -> np.ndarray:
        """Where the knobs stand in the next `frames` frames: `still`, or (controls, frames) at the start of `moving`."""
        if not self._advance(self._at, frames):
            return self.still
        view = self._views.get(frames)
        if view is None:
            view = self._views[frames] = self.moving[: len(self.controls) * frames].reshape(-1, frames)
        return view

    def state(self) -> np.ndarray:
        """Everything that the next blocks follow from: per knob its value, its target, how far off it set out, frames since."""
        # On copies: the knobs may be playing.
        state, still = self._state.copy(), self.still.copy()
        table = self._table_of(state, still)
        self._advance(table.ctypes.data, 0)
        return state

    def restore(self, state: np.ndarray) -> None:
        np.copyto(self._state, state)
        names = (control.name for control in self.controls)
        self._values = dict(zip(names, self._state[VALUE].tolist(), strict=True))
        self._wanted[0], self._wanted[1] = self._state[VALUE], self._state[TARGET]

    def _table_of(self, state: np.ndarray, still: np.ndarray) -> np.ndarray:
        from fxlab.kernels.addresses import table_of

        return table_of(self._frames, self._wanted.ravel(), state.ravel(), still.ravel(), self.moving)
