"""What a song measures: balance over frequency, dynamics, width and level, taken in while it is read."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np

from fxlab.audio.bands import CENTRES_HZ, FLOOR_DB, fft_size, powers, to_db
from fxlab.audio.programme import Programme, ProgrammeMeter

_AT_ONCE = 32  # frames of the FFT
_PEAK_S = 0.01  # peaks are kept for stretches of this length
_DENSE_DB = 0.5
_AUDIBLE_DB = 60.0  # frames that are further below the loudest don't count as music


@dataclass(frozen=True)
class Analysis:
    """A song's measures; levels in dB of full scale, arrays have one value for each band of `CENTRES_HZ`.

    Attributes:
        seconds: Length.
        channels: As in the file. Of more than two, the first two count as left and right for what is said of mid and side.
        programme: Loudness and peaks.
        mid_db: Mean power of the mid, (left + right) / 2.
        side_db: Of the side, (left - right) / 2; the floor of -120 dB for mono.
        loud_db, usual_db, quiet_db: 95th, 50th and 10th percentile of the mid's level over time.
        correlation: Between left and right, -1..1; 1 for mono.
        peak_density: Share of all stretches of 10 ms whose peak is within 0.5 dB of the largest: limited music has many.
    """

    sample_rate_hz: int
    seconds: float
    channels: int
    programme: Programme
    mid_db: np.ndarray
    side_db: np.ndarray
    loud_db: np.ndarray
    usual_db: np.ndarray
    quiet_db: np.ndarray
    correlation: float
    peak_density: float

    @property
    def silent(self) -> bool:
        return not math.isfinite(self.programme.integrated_lufs)

    @property
    def width_db(self) -> float:
        """Power of the side over that of the mid in dB, over all bands; the floor for mono."""
        if self.side_db.max() <= FLOOR_DB:
            return FLOOR_DB
        mid, side = (np.sum(10 ** (levels / 10)) for levels in (self.mid_db, self.side_db))
        return max(FLOOR_DB, float(10 * np.log10(side / mid)))

    def to_json(self) -> dict:
        plain = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in asdict(self).items()}
        return plain | {"programme": self.programme.to_json(), "width_db": self.width_db, "bands_hz": CENTRES_HZ.tolist()}


class Analyser:
    """Takes a song block by block; any split gives the same analysis.

    Args:
        sample_rate_hz: 8-192 kHz.
        channels: 1 or more.
        true_peak: Oversampling of the true peak, 0 leaves it out.
    """

    def __init__(
        self, sample_rate_hz: int, channels: int, channel_map: tuple[int, ...] | None = None, true_peak: int = 4
    ) -> None:
        self._rate, self._channels = sample_rate_hz, channels
        self._meter = ProgrammeMeter(sample_rate_hz, channels, channel_map, true_peak)
        self._size = fft_size(sample_rate_hz)
        self._waiting = np.zeros((2, 0), np.float32)
        self._mid: list[np.ndarray] = []
        self._side: list[np.ndarray] = []
        self._stretch = max(1, round(_PEAK_S * sample_rate_hz))
        self._loose = np.zeros(0, np.float32)
        self._peaks: list[np.ndarray] = []
        self._products = np.zeros(3)
        self._frames = 0

    def add(self, block: np.ndarray) -> None:
        """Takes finite float32 audio (channels, n)."""
        self._meter.add(block)
        self._frames += block.shape[1]
        left, right = block[0], block[1 if len(block) > 1 else 0]
        self._products += [float(np.vdot(a, b)) for a, b in ((left, right), (left, left), (right, right))]
        self._add_peaks(np.abs(block[:2]).max(axis=0))
        waiting = np.concatenate((self._waiting, np.stack(((left + right) / 2, (left - right) / 2))), axis=1)
        whole = waiting.shape[1] // self._size
        for start in range(0, whole, _AT_ONCE):
            stop = min(start + _AT_ONCE, whole)
            self._take(waiting[:, start * self._size : stop * self._size].reshape(2, -1, self._size))
        self._waiting = waiting[:, whole * self._size :]

    def _add_peaks(self, level: np.ndarray) -> None:
        level = np.concatenate((self._loose, level))
        whole = len(level) // self._stretch * self._stretch
        self._peaks.append(level[:whole].reshape(-1, self._stretch).max(axis=1))
        self._loose = level[whole:]

    def _take(self, frames: np.ndarray) -> None:
        self._mid.append(powers(frames[0], self._rate).astype(np.float32))
        self._side.append(powers(frames[1], self._rate).astype(np.float32) if self._channels > 1 else 0 * self._mid[-1])

    def analysis(self) -> Analysis:
        """The measures of all audio so far, of which there must be some."""
        if self._waiting.shape[1] and not self._mid:  # shorter than one FFT
            self._take(np.pad(self._waiting, ((0, 0), (0, self._size - self._waiting.shape[1])))[:, None])
        mid, side = np.concatenate(self._mid), np.concatenate(self._side)
        levels = to_db(mid)
        total = to_db(mid.sum(axis=1, dtype=np.float64))
        levels = levels[total > total.max() - _AUDIBLE_DB]
        quiet, usual, loud = np.percentile(levels, (10, 50, 95), axis=0)
        peaks = np.concatenate(self._peaks) if self._peaks else np.zeros(0)
        peaks = peaks if len(peaks) else self._loose
        both, left, right = self._products
        return Analysis(
            sample_rate_hz=self._rate,
            seconds=self._frames / self._rate,
            channels=self._channels,
            programme=self._meter.programme(),
            mid_db=to_db(mid.mean(axis=0, dtype=np.float64)),
            side_db=to_db(side.mean(axis=0, dtype=np.float64)),
            loud_db=loud,
            usual_db=usual,
            quiet_db=quiet,
            correlation=float(both / math.sqrt(left * right)) if left * right > 0 else 1.0,
            peak_density=float(np.mean(peaks >= peaks.max(initial=0.0) * 10 ** (-_DENSE_DB / 20))) if len(peaks) else 0.0,
        )
