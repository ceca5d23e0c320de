"""What makes sound of an instrument's controls: a bank of harmonics and filtered noise, at any rate."""

from __future__ import annotations

import numpy as np

from fxlab.timbre import noise_kernel, oscillators_kernel
from fxlab.timbre.config import InstrumentConfig
from fxlab.timbre.frames import Controls
from fxlab.timbre.noise import design
from fxlab.timbre.oscillators import frames_at


class Synthesizer:
    """Plays controls frame by frame; successive calls give, to the last bit, what a single one gives.

    What lies between two frames is heard once the second one is known. Harmonics fade out towards half of `rate_hz`; noise bands
    end at half of the instrument's rate.

    Args:
        config: The instrument.
        rate_hz: Of the output.
        seed: Of the noise, any integer.
    """

    def __init__(self, config: InstrumentConfig, rate_hz: int, seed: int = 0) -> None:
        self.config, self.rate_hz = config, rate_hz
        self._seed = np.int64(seed % (1 << 63))
        self._design = design(config, rate_hz).astype(np.float32)
        self._step = config.sample_rate_hz / (config.hop * rate_hz)
        self.reset()

    @property
    def latency(self) -> int:
        """Samples, at most, from one frame to the next."""
        return -(-self.config.hop * self.rate_hz // self.config.sample_rate_hz)

    def reset(self) -> None:
        """Back to the beginning."""
        self._frame, self._phase = -1, 0.0
        nothing = np.zeros((0, self.config.cells), np.float32)
        harmonics, noise = np.split(nothing, [self.config.harmonics], axis=1)
        self._last = Controls(np.zeros(0), harmonics, noise, self.config.frame_rate_hz)

    def state(self) -> dict[str, np.ndarray]:
        """All that the next call depends on: number of the last frame, its phase in cycles, and itself, as copies."""
        last = {"f0_hz": self._last.f0_hz, "harmonics": self._last.harmonics, "noise": self._last.noise}
        place = {"frame": np.array(self._frame), "phase": np.array(self._phase)}
        return place | {name: array.copy() for name, array in last.items()}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Goes back to a state."""
        self._frame, self._phase = int(state["frame"]), float(state["phase"])
        last = (state[name].copy() for name in ("f0_hz", "harmonics", "noise"))
        self._last = Controls(*last, self.config.frame_rate_hz)

    def play(self, controls: Controls) -> tuple[np.ndarray, np.ndarray]:
        """The harmonic and the noisy part, float32 (n,) each, from the last frame that it was given before to the last of these.

        Args:
            controls: The next frames, positive pitches.

        Raises:
            ValueError: Not as many harmonics or bands as the instrument has, or a pitch that isn't positive.
        """
        shapes = (len(controls),), (len(controls), self.config.harmonics), (len(controls), self.config.bands)
        if tuple(array.shape for array in _arrays(controls)) != shapes:
            raise ValueError(f"an instrument of {shapes[1][1]} harmonics and {shapes[2][1]} bands can't play these controls")
        if not ((controls.f0_hz > 0) & np.isfinite(controls.f0_hz)).all():
            raise ValueError("pitches must be positive")
        rows = (np.concatenate(pair) for pair in zip(_arrays(self._last), _arrays(controls), strict=True))
        given = Controls(*rows, self.config.frame_rate_hz)
        edges, late = frames_at(self.config, self.rate_hz, max(self._frame, 0), max(0, len(given) - 1))
        times = edges - edges[0], late, self._step
        harmonic, noise = self._sing(given, times), self._hiss(given, times, int(edges[0]))
        self._frame += len(controls)
        self._last = given[-1:]
        return harmonic, noise

    def finish(self) -> tuple[np.ndarray, np.ndarray]:
        """What is left: from the last frame to silence within one more."""
        return self.play(self._last.gated(np.zeros((1, self.config.cells))))

    def _sing(self, given: Controls, times: tuple) -> np.ndarray:
        count = self.config.harmonics
        amplitudes = np.zeros((len(given), count + count % 2), np.float32)
        amplitudes[:, :count] = given.harmonics
        out = np.empty(times[0][-1], np.float32)
        hertz = given.f0_hz.astype(np.float64)
        pitch = 1 / self.config.frame_rate_hz, self.rate_hz / 2, self._phase
        self._phase = oscillators_kernel.forward(hertz, amplitudes, *times, *pitch, out)
        return out

    def _hiss(self, given: Controls, times: tuple, start: int) -> np.ndarray:
        reach = self._design.shape[1] - 1
        filters = np.empty((len(given), reach + 1), np.float32)
        noise_kernel.responses(given.noise.astype(np.float32), self._design, filters)
        out = np.empty(times[0][-1], np.float32)
        white = np.empty(len(out) + 2 * reach, np.float32)
        noise_kernel.white(self._seed, start - reach, white)
        noise_kernel.forward(filters, white, *times, out)
        return out


def render(controls: Controls, config: InstrumentConfig, rate_hz: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The harmonic and the noisy part, float32 (n,) each, of all frames and the fade after the last, at any rate."""
    synthesizer = Synthesizer(config, rate_hz, seed)
    parts = synthesizer.play(controls), synthesizer.finish()
    harmonic, noise = (np.concatenate(pair) for pair in zip(*parts, strict=True))
    return harmonic, noise


def _arrays(controls: Controls) -> tuple[np.ndarray, ...]:
    return controls.f0_hz, controls.harmonics, controls.noise
