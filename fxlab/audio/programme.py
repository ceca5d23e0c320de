"""All that is said about the loudness of a finished piece of audio, measured in one pass of constant memory.

Integrated loudness after ITU-R BS.1770-4, momentary and short-term loudness after EBU Tech 3341, loudness range after EBU
Tech 3342, true peak after annex 2 of BS.1770-4.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from fxlab.audio.loudness import (
    ABSOLUTE_GATE_LUFS,
    HOPS_PER_SECOND,
    MOMENTARY_HOPS,
    SHORT_TERM_HOPS,
    WeightedPower,
    gated_lufs,
    lufs_of,
    power_of,
    windows,
)

RANGE_GATE_LU = -20.0
RANGE_PERCENTILES = 10, 95

_TICKS_PER_SECOND = 100  # momentary bursts of Tech 3341, cases 13 and 14, aren't caught at 100 ms


@dataclass(frozen=True)
class Programme:
    """What a meter says of a whole programme.

    Attributes:
        seconds: Its length.
        integrated_lufs: -inf for less than 0.4 s, and where no block of 400 ms is above -70 LUFS.
        range_lu: Loudness range. None for less than 3 s, and where no 3 s are at -70 LUFS or above: there is nothing to range.
        short_term_max_lufs: Loudest 3 s, at a resolution of 10 ms; -inf for less than 3 s and for digital silence.
        momentary_max_lufs: Loudest 400 ms, likewise; -inf for less than 0.4 s and for digital silence.
        true_peak_db: Largest level between samples, dB of full scale; -inf for digital silence, None where it wasn't measured.
        sample_peak_db: Largest sample, dB of full scale; -inf for digital silence.
    """

    seconds: float
    integrated_lufs: float
    range_lu: float | None
    short_term_max_lufs: float
    momentary_max_lufs: float
    true_peak_db: float | None
    sample_peak_db: float

    @property
    def plr_db(self) -> float | None:
        """Peak to loudness ratio: true peak minus integrated loudness; None where either is missing or infinite."""
        if self.true_peak_db is None or not math.isfinite(self.true_peak_db - self.integrated_lufs):
            return None
        return self.true_peak_db - self.integrated_lufs

    def to_json(self) -> dict[str, float | None]:
        """All figures and `plr_db` by name; what is -inf becomes None, as JSON has no infinity."""
        figures = asdict(self) | {"plr_db": self.plr_db}
        return {name: value if value is not None and math.isfinite(value) else None for name, value in figures.items()}


@dataclass(frozen=True)
class Series:
    """Loudness over time, every 100 ms, float32; -inf in digital silence.

    Attributes:
        momentary_s, momentary_lufs: When each window of 400 ms ends and how loud it is, shape (n,).
        short_term_s, short_term_lufs: The same of each window of 3 s, shape (n - 26,), or none for less than 3 s.
    """

    momentary_s: np.ndarray
    momentary_lufs: np.ndarray
    short_term_s: np.ndarray
    short_term_lufs: np.ndarray


class ProgrammeMeter:
    """Measures audio that arrives block by block; any split gives the same figures. Needs 5 kB per minute.

    Args:
        sample_rate_hz: 8-192 kHz.
        channels: 1 or more.
        channel_map: Loudspeaker of each channel, see `fxlab.audio.loudness.LoudnessMeter`.
        true_peak: Oversampling of the true peak (4 is the standard's); 0 leaves it out.
    """

    def __init__(self, sample_rate_hz: int, channels: int, channel_map: Sequence[int] | None = None, true_peak: int = 4) -> None:
        self._rate = sample_rate_hz
        self._power = WeightedPower(sample_rate_hz, channels, channel_map, _TICKS_PER_SECOND)
        self._recent, self._tenths = np.zeros(_TICKS_PER_SECOND // HOPS_PER_SECOND), np.zeros(3 * _TICKS_PER_SECOND)
        self._ticks, self._largest = np.zeros(1, np.int64), np.zeros(2)
        self._hops = array("d")
        self._true_peak = None
        if true_peak:
            from fxlab.audio.true_peak import TruePeakMeter

            self._true_peak = TruePeakMeter(sample_rate_hz, channels, true_peak)

    def add(self, block: np.ndarray) -> None:
        """Measures finite float32 audio (channels, n)."""
        from fxlab.audio.loudness_kernel import slide

        ticks = self._power.add(block)
        hops = np.empty(len(ticks) * HOPS_PER_SECOND // _TICKS_PER_SECOND + 1)
        ended = slide(ticks, self._recent, self._tenths, self._ticks, self._largest, hops)
        self._hops.frombytes(hops[:ended].tobytes())
        if self._true_peak is not None:
            self._true_peak.add(block)

    def programme(self) -> Programme:
        """The figures of all audio so far."""
        momentary, short_term = self._largest / (_TICKS_PER_SECOND * np.array([0.4, 3.0]))
        peak = float(self._power.peak.max())
        return Programme(
            seconds=self._power.frames / self._rate,
            integrated_lufs=gated_lufs(self._hop_powers()),
            range_lu=range_lu(self._hop_powers()),
            short_term_max_lufs=float(lufs_of(short_term)),
            momentary_max_lufs=float(lufs_of(momentary)),
            true_peak_db=None if self._true_peak is None else self._true_peak.peak_db(),
            sample_peak_db=20 * math.log10(peak) if peak else -math.inf,
        )

    def series(self) -> Series:
        """Momentary and short-term loudness of all audio so far."""
        hops = self._hop_powers()
        ends = np.arange(1, len(hops) + 1, dtype=np.float32) / np.float32(HOPS_PER_SECOND)
        momentary, short_term = (
            lufs_of(windows(hops, length)).astype(np.float32) for length in (MOMENTARY_HOPS, SHORT_TERM_HOPS)
        )
        return Series(ends[MOMENTARY_HOPS - 1 :], momentary, ends[SHORT_TERM_HOPS - 1 :], short_term)

    def _hop_powers(self) -> np.ndarray:
        return np.frombuffer(self._hops) * (HOPS_PER_SECOND / _TICKS_PER_SECOND)


def range_lu(hops: np.ndarray) -> float | None:
    """Loudness range from the power of each 100 ms, shape (n,): EBU Tech 3342. None where no 3 s pass the absolute gate."""
    blocks = windows(hops, SHORT_TERM_HOPS)
    loud = blocks[blocks >= power_of(ABSOLUTE_GATE_LUFS)]
    if not len(loud):
        return None
    kept = np.sort(loud[loud >= np.mean(loud) * 10 ** (RANGE_GATE_LU / 10)])
    low, high = (kept[math.floor((len(kept) - 1) * percent / 100 + 0.5)] for percent in RANGE_PERCENTILES)
    return float(10 * np.log10(high / low))
