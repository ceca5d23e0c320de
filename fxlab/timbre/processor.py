"""An instrument as an effect: what comes in is heard, frame by frame, and played again on the instrument."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from threading import get_native_id
from typing import Any

import numpy as np

from fxlab.effects.params import Param
from fxlab.effects.processor import State
from fxlab.engines.settable import Settable
from fxlab.models.controls import Control, values_of
from fxlab.models.model import Model
from fxlab.timbre.frames import A4_HZ, SILENCE_DB, Features, hertz_of, midi_of
from fxlab.timbre.growth import grow
from fxlab.timbre.listening import Listener, is_pitch, sounding
from fxlab.timbre.player import Player
from fxlab.timbre.rule import automaton_of, levels_of
from fxlab.timbre.urgency import as_urgent_as
from fxlab.timbre.voice import Voice

AGES = 32
"""Steps from age 0 to age 1 at which growth is known beforehand."""
_SETTLED = 64  # frames after which an instrument's network plays a steady note
_PITCH = Param("pitch", 0.0, -36.0, 36.0, "st", "Transposes what is played, in semitones.")
_LOUDNESS = Param("loudness_db", 0.0, -24.0, 24.0, "dB", "Plays louder or softer, with the timbre of that loudness.", "db")
_AGE = Param("age", 1.0, 0.0, 1.0, "", "How far the timbre has grown: 0 is its first harmonic, 1 the whole instrument.")
_VOICE, _KNOBS = "voice.", "knobs"
_COUNT, _FRAME, _HEARD, _FILLED, _MADE = range(5)


def parameters(model: Model) -> tuple[Param, ...]:
    """What can be set while an instrument plays; age only where it has an automaton."""
    return (_PITCH, _LOUDNESS, *((_AGE,) if model.config.automaton else ()))


def as_effect(model: Model) -> Model:
    """An instrument whose card states its parameters as a network's card states its knobs."""
    return replace(model, card=model.card | {"controls": [Control(param).to_json() for param in parameters(model)]})


class InstrumentProcessor(Settable):
    """Plays the pitch and the loudness of the channels' mean on an instrument; every channel gets the same.

    A frame is known when the tracker has heard enough of what follows. The sound up to it is then made beside the audio, in
    another thread and within half a frame. When what comes in is silent, so is what is played.

    Unlike other processors it allocates while it plays, waits for that thread, and has no compiled form.

    Args:
        model: Of kind "ddsp".
    """

    native_rate_hz = None

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model, self.card = model, model.card
        self.controls = tuple(Control(param) for param in parameters(model))
        self._values = {control.name: control.param.default for control in self.controls}
        self._growth: Callable[[float], np.ndarray] | None = None
        self._worker = ThreadPoolExecutor(1)
        self._pending: Future[np.ndarray] | None = None

    @property
    def values(self) -> dict[str, float]:
        return dict(self._values)

    def set(self, /, **values: object) -> None:
        """Sets parameters; others stay. The sound gets there within two frames of the instrument, without a step."""
        self._values = values_of(self.controls, self._values | values)

    def state(self) -> State:
        self._settle()
        knobs = np.array([self._values[control.name] for control in self.controls])
        voice = {_VOICE + name: array for name, array in self._voice.state().items()}
        return super().state() | voice | {_KNOBS: knobs}

    def restore(self, state: State) -> None:
        self._settle()
        super().restore(state)
        self._voice.restore({name.removeprefix(_VOICE): array for name, array in state.items() if name.startswith(_VOICE)})
        names = (control.name for control in self.controls)
        self._values = dict(zip(names, state[_KNOBS].tolist(), strict=True))

    def reset(self) -> None:
        """Back to silence, the parameters where they are set."""
        values = self._values
        super().reset()
        self._values = values

    def heritage(self) -> State:
        return {}  # parameters are set while it plays

    def _allocate(self) -> None:
        rate, config = self.sample_rate_hz, self.model.config
        if self._pending is not None:
            wait([self._pending])  # it works on what is replaced here
            self._pending = None
        self._listener = Listener(config, rate)
        self._voice = Voice(self.model, rate)
        if config.automaton and self._growth is None:
            self._growth = growth_by_age(self.model)
        ratio = rate / config.sample_rate_hz
        hop, late = math.ceil(config.hop * ratio), self._listener.late
        self._slack = hop // 2  # in which a frame's sound must be made: with more, only blocks above 11 ms would gain
        self.latency = hop + late + self._slack
        self.tail = self.latency + late + 3 * hop + math.ceil(config.reverb * ratio)
        self._state = {
            "given": np.zeros(hop + 2 * self._listener.reach + 2, np.float32),
            "heard": self._listener.heard,
            "ready": np.zeros(self.latency + 2 * hop, np.float32),
            "at": np.array([0, self._listener.first, 0, self.latency, 0]),
            "sound": np.zeros(hop + 1, np.float32),
            "level": np.zeros(1),
            "f0_hz": np.array([resting_hz(self.model)]),
        }
        self._dry = np.zeros(self.max_block, np.float32)
        self._warm_up()

    def _warm_up(self) -> None:
        """Compiles and loads what frames need, since one sample of silence doesn't get there."""
        fresh = self.state()
        for _ in range(2):
            self._sound(A4_HZ, True, 0.0, self._values)
        self._listener.refined(A4_HZ)
        self._listener.track(np.zeros(self._listener.window, np.float32))
        self.restore(fresh)

    def _run(self, block: np.ndarray, out: np.ndarray) -> None:
        dry = self._dry[: block.shape[1]]
        np.mean(np.where(np.isfinite(block), block, np.float32(0)), axis=0, out=dry)
        given, ready, at = (self._state[name] for name in ("given", "ready", "at"))
        done = 0
        while done < len(dry):
            frame, count, filled = int(at[_FRAME]), int(at[_COUNT]), int(at[_FILLED])
            due = self._listener.due(frame) + (self._slack if at[_HEARD] else 0)
            size = min(len(dry) - done, due - count)
            start = count - self._listener.first_needed(frame + int(at[_HEARD]))
            given[start : start + size] = dry[done : done + size]
            out[:, done : done + size] = ready[:size]
            ready[: filled - size] = ready[size:filled]
            at[_COUNT], at[_FILLED], done = count + size, filled - size, done + size
            if at[_COUNT] == due and at[_HEARD]:
                self._play(frame)
            elif at[_COUNT] == due:
                self._hear(frame, at_once=len(dry) - done >= self._slack)

    def _hear(self, frame: int, at_once: bool) -> None:
        """Has the sound up to a frame made of what there is by now, in this thread if it is needed at once."""
        given, at = self._state["given"], self._state["at"]
        first, following = (self._listener.first_needed(number) for number in (frame, frame + 1))
        part = given[: int(at[_COUNT]) - first].copy()
        given[: len(part) - (following - first)] = part[following - first :]
        if at_once:
            self._keep(self._made(frame, part, self._values))
        else:
            self._pending = self._worker.submit(self._made_for, get_native_id(), frame, part, self._values)
        at[_HEARD] = 1

    def _play(self, frame: int) -> None:
        """Puts out the sound up to a frame."""
        self._settle()
        ready, at = self._state["ready"], self._state["at"]
        filled, made = int(at[_FILLED]), int(at[_MADE])
        ready[filled : filled + made] = self._state["sound"][:made]
        at[_FILLED], at[_FRAME], at[_HEARD] = filled + made, frame + 1, 0

    def _made_for(self, thread: int, *given: Any) -> np.ndarray:
        as_urgent_as(thread)
        return self._made(*given)

    def _made(self, frame: int, part: np.ndarray, values: Mapping[str, float]) -> np.ndarray:
        """The sound from the frame before to this one, which nothing before frame 0 has."""
        window = self._listener.hear(frame, part, self._state["level"])
        if frame < 0:
            return np.zeros(0, np.float32)
        f0_hz, sure = (0.0, 0.0) if window is None else self._listener.track(window)
        voiced = is_pitch(f0_hz, sure)
        if voiced:
            self._state["f0_hz"][0] = self._listener.refined(f0_hz)
        return self._sound(float(self._state["f0_hz"][0]), voiced, self._listener.loudness(), values)

    def _sound(self, f0_hz: float, voiced: bool, loudness: float, values: Mapping[str, float]) -> np.ndarray:
        config = self.model.config
        wanted = np.clip(loudness + values["loudness_db"], SILENCE_DB, 0.0)
        frame = (f0_hz * 2 ** (values["pitch"] / 12), voiced, wanted)
        features = Features(*(np.array([value], np.float32) for value in frame), config.frame_rate_hz)
        gains = np.full((1, config.cells), sounding(loudness), np.float32)
        if self._growth is not None:
            gains *= self._growth(values["age"])
        harmonic, noise = self._voice.play(features, gains)
        return harmonic + noise

    def _settle(self) -> None:
        """Waits for what is being made; until then only its maker touches what was heard and the voice."""
        if self._pending is not None:
            pending, self._pending = self._pending, None
            self._keep(pending.result())

    def _keep(self, sound: np.ndarray) -> None:
        self._state["sound"][: len(sound)] = sound
        self._state["at"][_MADE] = len(sound)


def growth_by_age(model: Model) -> Callable[[float], np.ndarray]:
    """The gains, (cells,), that an instrument's automaton has come to at an age, 0..1, while it plays a note from the middle.

    At age 1 the instrument is whole, as it is without its automaton.
    """
    rule, config = automaton_of(model), model.config
    note = steady_note(model, _SETTLED)
    levels = levels_of(Player(model).play(note).cells()[-1], config.harmonics)
    shape = (AGES + 1, 1)
    pitch, still = (float(midi_of(note.f0_hz[-1:])[0]) - 60) / 24, np.zeros(AGES + 1)
    growth = grow(rule, np.tile(levels, shape), still + pitch, still, np.linspace(0, 1, AGES + 1), steps=AGES).growth
    growth[-1] = 1.0

    def gains(age: float) -> np.ndarray:
        place = age * AGES
        step = min(int(place), AGES - 1)
        share = np.float32(place - step)
        return rule.gain(growth[step] + share * (growth[step + 1] - growth[step]))

    return gains


def steady_note(model: Model, frames: int) -> Features:
    """A note from the middle of an instrument's range, as loud as it is on average."""
    loudness = model.card["features"]["loudness"]["mean"]
    values = (np.full(frames, value, np.float32) for value in (resting_hz(model), 1.0, loudness))
    return Features(*values, model.config.frame_rate_hz)


def resting_hz(model: Model) -> float:
    """The middle of an instrument's range."""
    return float(hertz_of(np.mean(model.card["features"]["range_midi"])))
