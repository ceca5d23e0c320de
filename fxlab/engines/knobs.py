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
    blocks shows.

    Attributes:
        controls: What the knobs are.
        still: Float32 (controls, 1), where they stand while none moves.
        moving: Float32, flat, where they are in each frame of a block in which one moves.
    """

    def __init__(self, controls: tuple[Control, ...]) -> None:
        self.controls = controls
        self._wanted = self._taken = {control.name: control.param.default for control in controls}
        self.still = np.zeros((len(controls), 1), np.float32)
        self.moving = np.zeros(0, np.float32)

    @property
    def values(self) -> dict[str, float]:
        """What they are set to, by name."""
        return dict(self._wanted)

    def set(self, given: Mapping[str, object]) -> None:
        """Notes new values by name; raises `UsageError` for an unknown name or a value out of range, and then notes none."""
        self._wanted = values_of(self.controls, self._wanted | dict(given))

    def prepare(self, sample_rate_hz: int, max_block: int) -> None:
        """Allocates for blocks of 1..max_block frames; the knobs stand where they were set."""
        from fxlab.addresses import table_of
        from fxlab.engines.knobs_kernel import move  # compiled: only for networks that have knobs

        self._move = move
        self._frames = max(1, round(RAMP_S * sample_rate_hz))
        self.moving = np.zeros(len(self.controls) * max_block, np.float32)
        self._views: dict[int, np.ndarray] = {}
        self._state = np.zeros((4, len(self.controls)))
        self._state[VALUE] = np.nan  # set to nothing yet
        self._table = table_of(self._frames, self._state.ravel(), self.moving)
        self._at = self._table.ctypes.data
        self.settle()

    def settle(self) -> None:
        """Ends all movement: the knobs stand where they were set."""
        self._take()
        self._state[OFFSET:] = 0
        self._moves = False

    def advance(self, frames: int) -> np.ndarray:
        """Where the knobs stand in the next `frames` frames: `still`, or (controls, frames) at the start of `moving`."""
        if self._wanted is not self._taken:
            self._take()
        if not self._moves:
            return self.still
        view = self._views.get(frames)
        if view is None:
            view = self._views[frames] = self.moving[: len(self.controls) * frames].reshape(-1, frames)
        self._moves = self._move(self._at, frames)
        return view

    def state(self) -> np.ndarray:
        """Everything that the next blocks follow from: per knob its value, its target, how far off it set out, frames since."""
        if self._wanted is not self._taken:
            self._take()
        return self._state.copy()

    def restore(self, state: np.ndarray) -> None:
        np.copyto(self._state, state)
        names = (control.name for control in self.controls)
        self._wanted = self._taken = dict(zip(names, self._state[VALUE].tolist(), strict=True))
        self._show()

    def _take(self) -> None:
        # Number by number: NumPy would allocate for anything larger, and this is called while audio plays.
        wanted, state = self._wanted, self._state
        for i, control in enumerate(self.controls):
            value = wanted[control.name]
            if value != state[VALUE, i]:
                left = 1 - state[DONE, i] / self._frames
                place, target = state[TARGET, i] + state[OFFSET, i] * left, control.normalised(value)
                state[VALUE, i], state[TARGET, i], state[OFFSET, i], state[DONE, i] = value, target, place - target, 0
        self._taken = wanted
        self._show()

    def _show(self) -> None:
        self._moves = False
        for i in range(len(self.controls)):
            self.still[i, 0] = self._state[TARGET, i]
            self._moves |= bool(self._state[OFFSET, i] != 0)
