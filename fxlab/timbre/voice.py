"""An instrument that sounds: its network, the synthesizer and its room, block after block."""

from __future__ import annotations

import numpy as np

from fxlab.audio.resampling import resample
from fxlab.models.model import Model
from fxlab.timbre.frames import Controls, Features
from fxlab.timbre.player import Player
from fxlab.timbre.synthesizer import Synthesizer


class Voice:
    """Plays one note at a time; successive calls of `play` go on where the last one ended.

    Args:
        model: A model of kind "ddsp".
        rate_hz: Of its output.
        seed: Of its noise.
    """

    def __init__(self, model: Model, rate_hz: int, seed: int = 0) -> None:
        self.player, self.synthesizer = Player(model), Synthesizer(model.config, rate_hz, seed)
        impulse = model.weights.get("impulse")
        # A response is a density: at a higher rate it has more samples, each of them lower.
        ratio = model.config.sample_rate_hz / rate_hz
        self._room = (
            None if impulse is None else Room(resample(impulse, model.config.sample_rate_hz, rate_hz) * np.float32(ratio))
        )

    def play(self, features: Features, gains: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The harmonic and the noisy part, float32 (n,) each, of so many frames, the room being with the harmonics.

        Args:
            features: The next frames of the performance.
            gains: Of the cells in each frame, linear, (frames, harmonics + bands); None for 1.
        """
        controls = self.player.play(features)
        return self.sing(controls if gains is None else controls.gated(gains))

    def sing(self, controls: Controls) -> tuple[np.ndarray, np.ndarray]:
        """The same of controls, whoever made them."""
        return self._in_room(*self.synthesizer.play(controls))

    def finish(self) -> tuple[np.ndarray, np.ndarray]:
        """What follows the last frame."""
        return self._in_room(*self.synthesizer.finish())

    def state(self) -> dict[str, np.ndarray]:
        """All that the next call depends on, as copies."""
        room = {} if self._room is None else {"room": self._room.tail.copy()}
        return {"hidden": self.player.hidden.copy(), **self.synthesizer.state(), **room}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Goes back to a state."""
        self.player.hidden = state["hidden"].copy()
        self.synthesizer.restore(state)
        if self._room is not None:
            self._room.tail = state["room"].copy()

    def _in_room(self, harmonic: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return (harmonic if self._room is None else harmonic + self._room.play(harmonic + noise)), noise


class Room:
    """What an impulse response adds to sound, by overlap-add.

    Args:
        impulse: float32 (n,).
    """

    def __init__(self, impulse: np.ndarray) -> None:
        self._impulse, self.tail = impulse, np.zeros(len(impulse), np.float32)

    def play(self, block: np.ndarray) -> np.ndarray:
        """The room's answer to the next block, as long as it."""
        if not len(block):
            return block
        size = 1 << (len(block) + len(self._impulse) - 1).bit_length()
        wet = np.fft.irfft(np.fft.rfft(block, size) * np.fft.rfft(self._impulse, size), size).astype(np.float32)
        wet[: len(self.tail)] += self.tail
        self.tail = wet[len(block) : len(block) + len(self._impulse)].copy()
        return wet[: len(block)]


def sound(
    model: Model, features: Features, rate_hz: int, gains: np.ndarray | None = None, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """A whole performance: the harmonic and the noisy part, float32 (n,) each, n being frames * hop at that rate."""
    voice = Voice(model, rate_hz, seed)
    parts = voice.play(features, gains), voice.finish()
    harmonic, noise = (np.concatenate(part) for part in zip(*parts, strict=True))
    length = round(len(features) / features.frame_rate_hz * rate_hz)
    return _as_long(harmonic, length), _as_long(noise, length)


def _as_long(audio: np.ndarray, length: int) -> np.ndarray:
    return np.pad(audio[:length], (0, max(0, length - len(audio))))
