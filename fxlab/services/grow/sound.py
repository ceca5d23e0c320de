"""The sound of `fxlab grow`: instruments that play, automata that gate them, block after block in constant memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fxlab.errors import UsageError
from fxlab.models.model import Model
from fxlab.services.grow.performance import Performance
from fxlab.timbre.config import InstrumentConfig
from fxlab.timbre.frames import Controls, Features
from fxlab.timbre.growth import Grower, Growth
from fxlab.timbre.player import inputs_of
from fxlab.timbre.rule import STEPS, automaton_of, levels_of
from fxlab.timbre.voice import Voice

BLOCK = 512
"""Frames that are played at once, 12 s."""
REGROWN_S = 4.0
"""What regrowing cells take for all steps of a growth."""

_WIDTH = 0.6
_NOISE_WIDTH = 0.5
_BASS_HZ = (150.0, 400.0)
_TURN = (3 - 5**0.5) / 2  # of a circle, the golden angle: neighbouring harmonics lie far apart, and all evenly
_STRIDE = 1 << 20  # between seeds of noises that sound together


@dataclass(frozen=True)
class Settings:
    """How performances sound.

    Attributes:
        model: The instrument.
        into: One that grows while the first one recedes, with as many cells; None for none.
        steps: Of the automaton from age 0 to age 1.
        regrow: Cells grow back after damage even where the age stands still.
        stereo: Spread.
        seed: Of all randomness.
    """

    model: Model
    into: Model | None = None
    steps: int = STEPS
    regrow: bool = False
    stereo: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Seen:
    """What a block's cells did.

    Attributes:
        amplitudes: Of the cells, all voices and instruments together, (frames, cells).
        growth: The first voice's; None where nothing grows.
    """

    amplitudes: np.ndarray
    growth: Growth | None


@dataclass(frozen=True)
class Block:
    """Sound, float32 (channels, n): harmonics and noise, and what was seen of the frames behind it; None after the last."""

    harmonic: np.ndarray
    noise: np.ndarray
    seen: Seen | None


def steps_of(model: Model) -> int:
    """Steps from age 0 to age 1 as the instrument's automaton was taught them."""
    taught = model.card.get("growth")
    steps = taught.get("steps") if isinstance(taught, dict) else None
    return steps if type(steps) is int and 2 <= steps <= 4096 else STEPS


def check_automaton(model: Model, wanted: str | None) -> None:
    """Raises `UsageError` where an instrument can't grow, or not by the automaton that is wanted."""
    has = model.config.automaton
    if not has:
        raise UsageError("This instrument has no automaton: it can't grow.", "Play it with --resynth FILE, or train it with one.")
    if wanted not in (None, has):
        raise UsageError(
            f"This instrument has no {wanted} automaton, but the {has} one.",
            f"Leave out --nca, or train one: fxlab grow RECORDINGS --nca {wanted}.",
        )


def sound_of(performance: Performance, settings: Settings) -> Iterator[Block]:
    """A performance's blocks; together they are as long as it is."""
    parts = [_Part(performance, number, settings) for number in range(len(performance.voices))]
    left = round(performance.seconds * performance.rate_hz)
    for span in [*(slice(start, start + BLOCK) for start in range(0, len(performance), BLOCK)), None]:
        played = [part.finish() if span is None else part.play(span) for part in parts]
        # Voices have the same frames and the same rate, so their blocks are of equal length.
        sound = sum(one for one, _ in played)[:, :, :left]
        left -= sound.shape[2]
        if span is None:
            sound = np.pad(sound, ((0, 0), (0, 0), (0, left)))
        yield Block(*sound, _together([seen for _, seen in played]))


def _together(seen: list[Seen | None]) -> Seen | None:
    if seen[0] is None:
        return None
    return Seen(np.sqrt(sum(np.square(one.amplitudes) for one in seen)), seen[0].growth)


class _Part:
    """One voice of a performance."""

    def __init__(self, performance: Performance, number: int, settings: Settings) -> None:
        self._features, self._ages = performance.voices[number], performance.ages
        self._models = [model for model in (settings.model, settings.into) if model is not None]
        self._grower = None
        if performance.ages is not None:
            regrow = settings.steps / (REGROWN_S * performance.frame_rate_hz) if settings.regrow else 0.0
            rule = automaton_of(self._models[-1])
            self._grower = Grower(rule, performance.damages, regrow, settings.seed, settings.steps)
        seed = settings.seed + 2 * number * _STRIDE
        self._middle = [Voice(model, performance.rate_hz, seed) for model in self._models]
        self._side = [Voice(model, performance.rate_hz, seed + _STRIDE) for model in self._models] if settings.stereo else []

    def play(self, span: slice) -> tuple[np.ndarray, Seen]:
        """Harmonics and noise, (2, channels, n), and what was seen."""
        features = self._features[span]
        controls = [voice.player.play(features) for voice in self._middle]
        growth = None
        if self._grower is not None:
            model = self._models[-1]
            told = inputs_of(features, model.card["features"], model.config)
            levels = levels_of(controls[-1].cells(), model.config.harmonics)
            growth = self._grower.play(levels, told[:, 0], told[:, 2], self._ages[span])
            gains = [growth.gains] if len(controls) == 1 else [1 - growth.gains, growth.gains]
            controls = [one.gated(gain) for one, gain in zip(controls, gains, strict=True)]
        amplitudes = sum(one.cells() for one in controls)
        sound = _mixed(voice.sing(one) for voice, one in zip(self._middle, controls, strict=True))
        if self._side:
            places = _places(features, self._models[0].config)
            spread = (Controls(c.f0_hz, c.harmonics * places, c.noise * _NOISE_WIDTH, c.frame_rate_hz) for c in controls)
            sound = _spread(sound, _mixed(voice.sing(one) for voice, one in zip(self._side, spread, strict=True)))
        return sound, Seen(amplitudes, growth)

    def finish(self) -> tuple[np.ndarray, None]:
        """What follows the last frame."""
        sound = _mixed(voice.finish() for voice in self._middle)
        return _spread(sound, _mixed(voice.finish() for voice in self._side)) if self._side else sound, None


def _mixed(parts: Iterator[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    return np.stack([sum(both) for both in zip(*parts, strict=True)])[:, None]


def _spread(middle: np.ndarray, side: np.ndarray) -> np.ndarray:
    """Left and right, whose mean is exactly the middle."""
    return np.concatenate([middle + side, middle - side], axis=1)


def _places(features: Features, config: InstrumentConfig) -> np.ndarray:
    """Where each harmonic stands, -1 right to 1 left, (frames, harmonics): evenly spread, and the lower the nearer the middle."""
    numbers = np.arange(config.harmonics)
    stands = _WIDTH * np.sin(2 * np.pi * _TURN * numbers)
    low, high = _BASS_HZ
    above = np.clip((features.f0_hz[:, None] * (numbers + 1) - low) / (high - low), 0, 1)
    return (stands * above).astype(np.float32)
