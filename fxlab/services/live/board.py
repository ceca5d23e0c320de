"""What the player's hands do: parameters, bypass, A/B with the twin, presets; all by the names of actions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from fxlab.errors import FxlabError
from fxlab.live.program import Program
from fxlab.live.snapshot import Knob
from fxlab.services.live.loudness import loudness_gain_db
from fxlab.services.live.side import Format, Side
from fxlab.services.twin import twin_of, twin_values
from fxlab.settings import EffectSettings

STEP, LEAP = 1 / 50, 1 / 8
"""How far a key moves a knob, as a share of its way."""


class Board:
    """The controls of a stream.

    Args:
        side: What is played first.
        format: Of the stream.
        presets: Chains to switch to, by the names of their profiles.
        heard: Gives the input of the last seconds, (channels, frames).

    Attributes:
        message: The last thing that happened.
        bypassed: Whether the dry signal is heard.
        selected: Number of the knob that the keys move.
    """

    def __init__(
        self,
        side: Side,
        format: Format,
        presets: Sequence[tuple[str, list[EffectSettings]]] = (),
        heard: Callable[[], np.ndarray] | None = None,
    ) -> None:
        self._format, self._presets = format, list(presets)
        self._heard = heard
        self._side, self._other = side, None
        self._on_twin = False
        self._compared: list[list[EffectSettings]] = []
        self._played: Program = side.program
        self._dry: dict[int, Program] = {}
        self.message, self.bypassed, self.selected = "", False, 0

    @property
    def side(self) -> Side:
        """What is played when it isn't bypassed."""
        return self._side

    @property
    def program(self) -> Program:
        """What should be heard."""
        return self._played

    @property
    def presets(self) -> int:
        """How many there are."""
        return len(self._presets)

    @property
    def compared(self) -> list[list[EffectSettings]]:
        """What is heard, with its parameters as they stand, and behind it its twin, if it has one."""
        ours = self._side.settings
        if ours != self._compared[:1]:
            self._compared = [ours, *self._twin_of(ours)]
        return self._compared

    @property
    def sounds(self) -> tuple[str, str | None]:
        """Names of the two that A/B compares, first the one that it began with."""
        twin = self.compared[1:]
        other = " > ".join(stage.name for stage in twin[0]) if twin else None
        return (self._side.name, other) if not self._on_twin or other is None else (other, self._side.name)

    @property
    def on_twin(self) -> bool:
        return self._on_twin

    def knobs(self) -> tuple[Knob, ...]:
        return self._side.knobs(self.selected)

    def act(self, action: str) -> None:
        """Does what a key asks for; what can't be done becomes the message, and nothing changes."""
        try:
            self._act(action)
        except FxlabError as problem:
            self.message = f"{problem.message} {problem.hint}".strip()

    def move(self, name: str, share: float) -> None:
        """Sets a parameter to a place of its knob, 0..1, as a controller asks for it."""
        try:
            self._side.move(name, share)
        except FxlabError as problem:
            self.message = problem.message

    def refresh(self) -> Program | None:
        """The program to go over to, None where the one that is heard will do."""
        try:
            self._side.refresh()
        except FxlabError as problem:
            self.message = f"{problem.message} {problem.hint}".strip()
        wanted = self._dry_program() if self.bypassed else self._side.program
        if wanted is self._played:
            return None
        self._played = wanted
        return wanted

    def _act(self, action: str) -> None:
        names, side = self._side.names, self._side
        if action == "bypass":
            self.bypassed = not self.bypassed
            self.message = "bypassed" if self.bypassed else f"{side.name} is heard"
        elif action == "twin":
            self._switch()
        elif action.startswith("profile "):
            self._preset(int(action.split()[1]) - 1)
        elif action in ("next", "previous") and names:
            self.selected = (self.selected + (1 if action == "next" else -1)) % len(names)
        elif action in ("less", "more", "less_fast", "more_fast") and names:
            size = LEAP if action.endswith("_fast") else STEP
            side.nudge(names[self.selected], size if action.startswith("more") else -size)
        elif action == "default" and names:
            side.default(names[self.selected])

    def _switch(self) -> None:
        """A/B: from a chain to its twin at the same loudness, and back."""
        twin = self.compared[1:]
        if not twin:
            self.message = f"{self._side.name} has no twin to compare with"
            return
        wanted = twin[0]
        if self._other is None or [stage.name for stage in self._other.settings] != [stage.name for stage in wanted]:
            self._other = Side(wanted, self._format)
        self._other.follow(wanted)
        self._match_loudness()
        self._side, self._other = self._other, self._side
        self._on_twin, self.selected, self.bypassed = not self._on_twin, 0, False
        gain_db = round(self._side.gain_db, 1)
        self.message = f"{self._side.name}, {f'{gain_db:+.1f} dB to be as loud' if gain_db else 'as loud as it is'}"

    def _twin_of(self, ours: list[EffectSettings]) -> list[list[EffectSettings]]:
        """The twin as a list of one: the one that is there already, if it can follow, else the one that comes nearest."""
        if self._other is not None:
            following = twin_values(ours, self._other.settings)
            if not following.left:
                return [following.chain]
        found = twin_of(ours)
        if found is None and self._other is not None:
            found = twin_values(ours, self._other.settings).chain
        return [found] if found else []

    def _match_loudness(self) -> None:
        audio = self._heard() if self._heard else np.zeros((1, 0), np.float32)
        gain_db = loudness_gain_db(self._side.settings, self._other.settings, audio, self._format.sample_rate_hz)
        self._other.change_gain(self._side.gain_db + gain_db)

    def _preset(self, number: int) -> None:
        if not 0 <= number < len(self._presets):
            self.message = f"there is no preset {number + 1}"
            return
        name, chain = self._presets[number]
        self._side, self._other = Side(chain, self._format), None
        self._on_twin, self.selected, self.bypassed = False, 0, False
        self.message = f"preset {number + 1}: {name}"

    def _dry_program(self) -> Program:
        """The dry signal, as late as the program that it stands for, so that the crossfade doesn't colour it."""
        latency, form = self._side.program.latency, self._format
        if latency not in self._dry:
            self._dry[latency] = Program([], [], form.sample_rate_hz, form.channels, form.block, latency=latency)
        return self._dry[latency]
