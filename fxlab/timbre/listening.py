"""What an instrument hears of a stream: pitch and loudness, frame by frame, as soon as they can be known.

It is what `features` finds in a whole recording, but for two things: of what follows a frame the tracker hears `AHEAD_S` instead
of all that its network can take in, and it is brought to one level by what was heard so far instead of by the loudest moment.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from fxlab.timbre.config import InstrumentConfig
from fxlab.timbre.frames import A4_HZ, SILENCE_DB
from fxlab.timbre.loudness import frame_size, loudness_db
from fxlab.timbre.octave import in_octave
from fxlab.timbre.refinement import refined
from fxlab.timbre.tracker import VOICED, SwiftF0

AHEAD_S = 0.064
"""What is heard beyond a frame: half of the tracker's window. With less it misses voicing; more costs as much latency."""
_TRACKED_HZ = 16_000
_HOP = 256  # of the tracker's network
_BEHIND = 6  # of its hops before the frame: earlier ones change nothing that matters
_RANGE_HZ = np.asarray(46.875, np.float32), np.asarray(2093.75, np.float32)
_PEAK = 0.5  # its network hears absolute levels
_QUIETEST = 1e-3
_FALL = 0.998  # of the level, per frame: 0.75 dB a second at 43 frames a second
_ZEROS = 16  # zero crossings of a resampler's kernel to each side
_MOST_PHASES = 4096


class Listener:
    """Hears frame after frame; frame f stands at sample f * hop of the instrument's rate, as in a whole recording.

    Audio comes by `hear`, once per frame, so that nothing depends on a stream's blocks.

    Args:
        config: The instrument's.
        rate_hz: Of the stream.

    Attributes:
        late: Samples of the stream by which a frame is known after its moment, at most.
        first: The number of the first call of `hear`; what is before frame 0 isn't a frame yet.
        reach: Samples of the stream to each side that one sample at the instrument's rate is made of.
        window: Samples that `track` hears.
        heard: float32, all that is remembered, at the instrument's rate; it may be replaced in place.

    Raises:
        MissingError: swift-f0 isn't installed.
    """

    def __init__(self, config: InstrumentConfig, rate_hz: int) -> None:
        SwiftF0()
        self.config = config
        self._size = frame_size(config.sample_rate_hz, config.hop)
        self._ahead = max(self._size // 2, math.ceil(AHEAD_S * config.sample_rate_hz))
        self.reach, self._table = kernel(rate_hz, config.sample_rate_hz)
        self._rates = rate_hz, config.sample_rate_hz
        steps = -(-self._ahead // config.hop)
        self.first = 1 - steps
        self.late = math.ceil((self._ahead - 1) * rate_hz / config.sample_rate_hz) + self.reach + 1
        reach, table = kernel(config.sample_rate_hz, _TRACKED_HZ)
        behind = math.ceil(_BEHIND * _HOP * config.sample_rate_hz / _TRACKED_HZ) + reach
        self.heard = np.zeros(max(behind, self._size // 2) + self._ahead, np.float32)
        self._centre = len(self.heard) - self._ahead
        last = math.floor((self._ahead - 1 - reach) * _TRACKED_HZ / config.sample_rate_hz)
        numbers = np.arange(-_BEHIND * _HOP, last)
        places, self._weights = _taps(numbers, config.sample_rate_hz, _TRACKED_HZ, reach, table)
        self._places = places + self._centre
        self.window = len(numbers)

    def due(self, frame: int) -> int:
        """How many samples of the stream must have been there before `hear` can be called for a frame."""
        return self._last(frame) + self.reach + 1

    def first_needed(self, frame: int) -> int:
        """The first sample of the stream that `hear` needs for a frame; below 0 for the silence before it."""
        given_hz, own_hz = self._rates
        return (self._end(frame) - self.config.hop) * given_hz // own_hz - self.reach + 1

    def hear(self, frame: int, given: np.ndarray, peak: np.ndarray) -> np.ndarray | None:
        """Moves on to a frame.

        Args:
            frame: Its number, one more than at the last call.
            given: The stream from `first_needed` to `due`.
            peak: (1,), the level that the tracker's input is brought down from; followed here.

        Returns:
            What `track` is to hear, float32 (window,); None in silence.
        """
        hop = self.config.hop
        numbers = np.arange(self._end(frame) - hop, self._end(frame))
        places, weights = _taps(numbers, *self._rates, self.reach, self._table)
        self.heard[:-hop] = self.heard[hop:]
        self.heard[-hop:] = np.einsum("nt,nt->n", given[places - self.first_needed(frame)], weights)
        window = np.einsum("nt,nt->n", self.heard[self._places], self._weights)
        peak[0] = max(float(np.max(np.abs(window))), float(peak[0]) * _FALL)
        near = window[(_BEHIND - 1) * _HOP : (_BEHIND + 1) * _HOP]
        if float(np.max(np.abs(near))) < _QUIETEST / _PEAK * max(float(peak[0]), _QUIETEST):
            return None
        return window * np.float32(_PEAK / max(float(peak[0]), _QUIETEST))

    @staticmethod
    def track(window: np.ndarray) -> tuple[float, float]:
        """The pitch of a frame in Hz and how sure that is, 0..1; may be called in any thread."""
        low, high = _RANGE_HZ
        f0_hz, confidence = _network().run(["pitch", "confidence"], {"audio": window[None], "fmin": low, "fmax": high})
        found, sure = f0_hz[0, _BEHIND : _BEHIND + 1], float(confidence[0, _BEHIND])
        if is_pitch(float(found[0]), sure):
            found = in_octave(found, window, np.array([_BEHIND * _HOP]), _TRACKED_HZ)
        return float(found[0]), sure

    def loudness(self) -> float:
        """A-weighted level of the frame in dB, as `fxlab.timbre.loudness` defines it."""
        half = self._size // 2
        part = self.heard[self._centre - half : self._centre + half]
        return float(loudness_db(part, self.config.sample_rate_hz, half, 2)[1])

    def refined(self, f0_hz: float) -> float:
        """The frame's pitch made exact."""
        half, config = self._size // 2, self.config
        part = self.heard[self._centre - half : self._centre + half]
        found = refined(np.array([A4_HZ, f0_hz]), np.array([False, True]), part, config.sample_rate_hz, half, self._size)
        return float(found[1])

    def _end(self, frame: int) -> int:
        return frame * self.config.hop + self._ahead

    def _last(self, frame: int) -> int:
        given_hz, own_hz = self._rates
        return (self._end(frame) - 1) * given_hz // own_hz


def kernel(from_hz: int, to_hz: int) -> tuple[int, np.ndarray]:
    """A resampler's kernel: samples that it reaches to each side, and its values for each phase, (phases + 1, 2 * reach)."""
    widest = max(1.0, from_hz / to_hz)
    reach = math.ceil(_ZEROS * widest)
    phases = min(to_hz // math.gcd(from_hz, to_hz), _MOST_PHASES)
    apart = np.arange(1 - reach, reach + 1) - np.arange(phases + 1)[:, None] / phases
    window = np.i0(8.0 * np.sqrt(np.maximum(1 - (apart / reach) ** 2, 0))) / np.i0(8.0)
    values = np.sinc(apart / widest) * window
    return reach, (values / values.sum(axis=1, keepdims=True)).astype(np.float32)


def _taps(numbers: np.ndarray, from_hz: int, to_hz: int, reach: int, table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which samples make the ones of these numbers at another rate, and their weights, (numbers, 2 * reach) each."""
    whole, rest = np.divmod(numbers.astype(np.int64) * from_hz, to_hz)
    rows = (rest * (len(table) - 1) + to_hz // 2) // to_hz
    return whole[:, None] + np.arange(1 - reach, reach + 1), table[rows]


def sounding(loudness: float) -> float:
    """Gain of a frame by the loudness of what is heard: 1 above -100 dB, down to 0 in silence."""
    return min(max((loudness - SILENCE_DB) / 20, 0.0), 1.0)


def is_pitch(f0_hz: float, confidence: float) -> bool:
    """Whether a tracker's answer is one."""
    return confidence >= VOICED and f0_hz > 0


@functools.lru_cache(maxsize=1)
def _network() -> Any:
    from swift_f0 import SwiftF0 as Detector

    return Detector(threads=1, spin=False).session
