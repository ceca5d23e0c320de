"""What a written master measures, and whether it is what was promised."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fxlab.audio.bands import CENTRES_HZ, FLOOR_DB
from fxlab.audio.files import AudioInfo, Reader, read
from fxlab.audio.loudness import HOPS_PER_SECOND, MOMENTARY_HOPS, mean_lufs
from fxlab.audio.programme import Programme
from fxlab.audio.true_peak import TruePeakMeter
from fxlab.mastering.analysis import Analyser, Analysis
from fxlab.mastering.beside import Beside
from fxlab.mastering.solver import Aim

WITHIN_LU = 0.1
TRUE_PEAK_FACTOR = 8

_BLOCK = 32_768
_BANDS = (("bass", 0.0, 250.0), ("low mids", 250.0, 1000.0), ("high mids", 1000.0, 4000.0), ("highs", 4000.0, math.inf))


@dataclass(frozen=True)
class Promise:
    """Something that the written file has to be.

    Attributes:
        name: "loudness", "true peak", "length", "format".
        wanted, got: In words, with units.
        kept: Whether it is so.
    """

    name: str
    wanted: str
    got: str
    kept: bool


@dataclass(frozen=True)
class MonoBand:
    """What folding to mono costs in a band, 0 or more: level of the mean of left and right over (left + right) / 2, dB."""

    name: str
    low_hz: float
    high_hz: float
    loss_db: float


@dataclass(frozen=True)
class Mono:
    """How a stereo master plays on one loudspeaker.

    Attributes:
        correlation: Of left and right, -1..1.
        bands: From low to high; those without sound are left out.
    """

    correlation: float
    bands: tuple[MonoBand, ...]


@dataclass(frozen=True)
class Balance:
    """Third-octave spectrum, each (27,), dB; the bands are `fxlab.audio.bands.CENTRES_HZ`.

    Attributes:
        before_db, after_db: Mean power of the channels.
        change_db: Of one against the other, the change of the whole loudness taken out.
    """

    before_db: np.ndarray
    after_db: np.ndarray
    change_db: np.ndarray


@dataclass(frozen=True)
class Measured:
    """A file as it is read back.

    Attributes:
        lufs: Integrated loudness, or for less than 0.4 s that of the whole; -inf for next to silence.
        frames: That it holds.
    """

    info: AudioInfo
    frames: int
    programme: Programme
    analysis: Analysis
    lufs: float


def measure(path: Path, channel_map: Sequence[int] | None, progress: Callable[[float], None] = lambda share: None) -> Measured:
    """Reads a file and measures it, its true peak at eight values a sample.

    Args:
        path: The file.
        channel_map: Loudspeakers of the song's channels, which not every container holds.
        progress: Is told the share that is done, 0..1.

    Raises:
        InputError: It can't be read.
    """
    frames = 0
    with Reader(path) as reader:
        info = reader.info
        analyser = Analyser(info.sample_rate_hz, info.channels, channel_map, true_peak=0)
        peaks = TruePeakMeter(info.sample_rate_hz, info.channels, TRUE_PEAK_FACTOR)
        with Beside(analyser.add) as analyse, Beside(peaks.add) as find_peaks:
            for block in reader.blocks(_BLOCK):
                analyse(block)
                find_peaks(block)
                frames += block.shape[1]
                progress(min(1.0, frames / info.frames))
    analysis = analyser.analysis()
    programme = dataclasses.replace(analysis.programme, true_peak_db=peaks.peak_db())
    lufs = programme.integrated_lufs
    if programme.seconds < MOMENTARY_HOPS / HOPS_PER_SECOND:
        lufs = mean_lufs(*read(path))
    return Measured(info, frames, programme, dataclasses.replace(analysis, programme=programme), lufs)


def mono(analysis: Analysis) -> Mono | None:
    """What folding to mono costs; None for what isn't stereo or is silent."""
    if analysis.channels != 2 or analysis.silent:
        return None
    middle, side = (10 ** (levels / 10) for levels in (analysis.mid_db, analysis.side_db))
    bands = []
    for name, low, high in _BANDS:
        inside = (low <= CENTRES_HZ) & (high > CENTRES_HZ)
        if (power := middle[inside].sum() + side[inside].sum()) > _floor(inside):
            loss = 10 * math.log10(power / max(middle[inside].sum(), power * 1e-6))
            bands.append(MonoBand(name, low, min(high, analysis.sample_rate_hz / 2), max(0.0, loss)))
    return Mono(analysis.correlation, tuple(bands))


def balance(before: Analysis, after: Analysis) -> Balance:
    """The spectrum of a song and of its master."""
    levels = [10 * np.log10(10 ** (one.mid_db / 10) + 10 ** (one.side_db / 10)) for one in (before, after)]
    louder = after.programme.integrated_lufs - before.programme.integrated_lufs
    heard = np.minimum(*levels) > FLOOR_DB + 20.0
    change = np.where(heard, levels[1] - levels[0] - (louder if math.isfinite(louder) else 0.0), 0.0)
    return Balance(levels[0], levels[1], change)


def promises(
    measured: Measured, aim: Aim, ceiling_db: float | None, frames: int, rate_hz: int, channels: int, subtype: str
) -> tuple[Promise, ...]:
    """What was promised of a file, and what it is.

    Args:
        measured: The file.
        aim: How loud it should be.
        ceiling_db: What its true peak must not exceed, None likewise.
        frames, rate_hz, channels, subtype: How it should be written.
    """
    made, info = [], measured.info
    if aim.instead is not None:
        made.append(Promise("loudness", f"as near to {aim.lufs:.1f} LUFS as it gets", f"{measured.lufs:.2f} LUFS", True))
    elif aim.lufs is not None:
        kept = abs(measured.lufs - aim.lufs) <= WITHIN_LU
        made.append(Promise("loudness", f"{aim.lufs:.1f} LUFS, within {WITHIN_LU:g} LU", f"{measured.lufs:.2f} LUFS", kept))
    if ceiling_db is not None:
        peak = measured.programme.true_peak_db
        made.append(Promise("true peak", f"at most {ceiling_db:g} dBTP", f"{peak:.2f} dBTP", peak <= ceiling_db))
    seconds, rate = frames / rate_hz, info.sample_rate_hz
    made.append(Promise("length", f"{seconds:.3f} s", f"{measured.frames / rate:.3f} s", measured.frames == frames))
    wanted = f"{rate_hz} Hz, {channels} ch, {subtype}"
    got = f"{rate} Hz, {info.channels} ch, {info.subtype}"
    made.append(Promise("format", wanted, got, got == wanted))
    return tuple(made)


def _floor(inside: np.ndarray) -> float:
    return 10 * np.count_nonzero(inside) * 10 ** (FLOOR_DB / 10)
