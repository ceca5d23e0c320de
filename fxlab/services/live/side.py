"""One of the two sounds that can be compared while playing: a chain, its parameters as they stand, and its program."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from fxlab.effects.params import FileParam, Parameter, Value
from fxlab.engines.loader import Opened, another, open_processor, parameters_of
from fxlab.engines.settable import Settable
from fxlab.errors import UsageError
from fxlab.live.program import Program
from fxlab.live.snapshot import Knob
from fxlab.settings import EffectSettings


@dataclass(frozen=True)
class Format:
    """What every program of a stream must suit.

    Args:
        sample_rate_hz, channels, block: Of the stream.
        compiled: Whether it must play without the interpreter.
    """

    sample_rate_hz: int
    channels: int
    block: int
    compiled: bool


class Side:
    """A chain that is played, or could be.

    Args:
        chain: Its stages.
        format: Of the stream.
        opened: The stages if they are open already.

    Attributes:
        gain_db: Of its program.
        program: What the rack plays; a new one after a change that the playing one can't make.

    Raises:
        UsageError: An unknown effect, engine or parameter; a stage that can't play at this rate, or only with the interpreter.
        InputError: A model file that can't be used.
    """

    def __init__(self, chain: Sequence[EffectSettings], format: Format, opened: Sequence[Opened] = ()) -> None:
        self.gain_db = 0.0
        self._chain, self._format = list(chain), format
        self._opened = list(opened) or [open_processor(stage.name, stage.set, stage.engine) for stage in chain]
        self._parameters: list[tuple[Parameter, ...]] = [parameters_of(stage.name) for stage in chain]
        self._changed = False
        self.program = self._build()

    @property
    def text(self) -> str:
        """What plays, with its engines."""
        return " > ".join(f"{opened.name} ({opened.engine})" for opened in self._opened)

    @property
    def name(self) -> str:
        return " > ".join(opened.name for opened in self._opened)

    @property
    def settings(self) -> list[EffectSettings]:
        """The chain with its parameters as they stand."""
        return [
            dataclasses.replace(stage, set=dict(opened.parameters))
            for stage, opened in zip(self._chain, self._opened, strict=True)
        ]

    @property
    def names(self) -> list[str]:
        """Of all parameters, with their stage's number in front where there are several stages."""
        return [self._label(stage, p) for stage, parameters in enumerate(self._parameters) for p in parameters]

    def knobs(self, selected: int) -> tuple[Knob, ...]:
        """The parameters as they stand."""
        found = []
        for stage, parameters in enumerate(self._parameters):
            for parameter in parameters:
                value, movable = self._opened[stage].parameters[parameter.name], not isinstance(parameter, FileParam)
                share = parameter.share(value) if movable else None
                label = self._label(stage, parameter)
                found.append(Knob(label, text_of(parameter, value), share, len(found) == selected, movable))
        return tuple(found)

    def set(self, name: str, value: object) -> None:
        """Sets a parameter, heard at once where it is a network's knob, otherwise after `refresh`; raises `UsageError`."""
        stage, parameter = self._find(name)
        value = parameter.parse(value)
        opened = self._opened[stage]
        if opened.parameters[parameter.name] == value:
            return
        values = {**opened.parameters, parameter.name: value}
        if isinstance(opened.processor, Settable):
            opened.processor.set(**{parameter.name: value})
        else:
            self._changed = True
        self._opened[stage] = dataclasses.replace(opened, parameters=values)

    def move(self, name: str, share: float) -> None:
        """Sets a parameter to a place of its knob, 0..1."""
        _, parameter = self._find(name)
        if not isinstance(parameter, FileParam):
            self.set(name, parameter.at(share))

    def nudge(self, name: str, by: float) -> None:
        """Moves a parameter by a share of its knob, at least to the next setting where it has but a few."""
        stage, parameter = self._find(name)
        if isinstance(parameter, FileParam):
            return
        if parameter.steps:
            by = (1 if by > 0 else -1) / max(1, parameter.steps - 1)
        self.set(name, parameter.at(parameter.share(self._opened[stage].parameters[parameter.name]) + by))

    def default(self, name: str) -> None:
        """Sets a parameter to its default."""
        _, parameter = self._find(name)
        if not isinstance(parameter, FileParam):
            self.set(name, parameter.default)

    def follow(self, chain: Sequence[EffectSettings]) -> None:
        """Takes over the parameters of a chain with the same stages."""
        for stage, wanted in enumerate(chain):
            for parameter in self._parameters[stage]:
                if parameter.name in wanted.set:
                    self.set(self._label(stage, parameter), wanted.set[parameter.name])

    def refresh(self) -> bool:
        """Makes a new program if parameters or the gain ask for one; true if so."""
        if not self._changed:
            return False
        self._opened = [another(opened, opened.parameters) for opened in self._opened]
        self.program = self._build()
        return True

    def change_gain(self, gain_db: float) -> None:
        """Another gain, heard after `refresh`."""
        self._changed |= gain_db != self.gain_db
        self.gain_db = gain_db

    def _build(self) -> Program:
        self._changed = False
        form = self._format
        processors = [opened.processor for opened in self._opened]
        kinds = [f"{opened.path or opened.name} {opened.engine}" for opened in self._opened]
        program = Program(processors, kinds, form.sample_rate_hz, form.channels, form.block, self.gain_db)
        if form.compiled and not program.compiled:
            raise UsageError(
                f"{self.text} can't play without the interpreter, as this stream does.", "Start it with --callback python."
            )
        return program

    def _label(self, stage: int, parameter: Parameter) -> str:
        return f"{stage + 1}.{parameter.name}" if len(self._chain) > 1 else parameter.name

    def _find(self, name: str) -> tuple[int, Parameter]:
        found = [
            (stage, parameter)
            for stage, parameters in enumerate(self._parameters)
            for parameter in parameters
            if name in (self._label(stage, parameter), parameter.name)
        ]
        if not found:
            raise UsageError(f"{self.name} has no parameter '{name}'.", f"It has: {', '.join(self.names) or 'none'}.")
        return found[0]


def text_of(parameter: Parameter, value: Value) -> str:
    """A value with its unit."""
    text = f"{value:.4g}" if isinstance(value, float) else str(value).lower()
    return f"{text} {parameter.unit}".strip() if not isinstance(parameter, FileParam) else text
