"""Two files that belong together: read, aligned unless they are to be trusted, and put on one time at the dataset's rate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fxlab.audio.alignment import Alignment, Stretch, align
from fxlab.audio.files import read
from fxlab.audio.resampling import resample
from fxlab.errors import InputError

_MOST_MISSING = 0.1  # of a trusted pair's length


@dataclass(frozen=True)
class Pair:
    """Two files on disk, the hashes of their bytes, and where the knobs stood."""

    dry: Path
    wet: Path
    dry_sha256: str
    wet_sha256: str
    parameters: dict[str, float]


@dataclass(frozen=True)
class Match:
    """How a pair's files fit.

    Args:
        pair: The files.
        alignment: What was measured, None where the files are trusted.
        frames: Length of the pair at the dataset's rate.
        stretches: What of it is fit for use.
    """

    pair: Pair
    alignment: Alignment | None
    frames: int
    stretches: tuple[Stretch, ...]

    def identity(self) -> list[Any] | None:
        """What fixes the wet side besides its file."""
        if self.alignment is None:
            return None
        clock = self.alignment.clock
        return [self.alignment.ratio, clock.drift, clock.offsets, clock.bounds]


def match(pair: Pair, rate: int, trusted: bool, say: Callable[[float], None]) -> Match:
    """Finds out how the files of a pair fit.

    Args:
        pair: The files.
        rate: The dataset's rate in Hz.
        trusted: Take them sample by sample as they are.
        say: Told the share that is done, now and then.

    Raises:
        InputError: A file can't be read, or they don't belong together.
    """
    dry, dry_rate = mono(pair.dry)
    wet, wet_rate = mono(pair.wet)
    if trusted:
        lengths = round(len(dry) * rate / dry_rate), round(len(wet) * rate / wet_rate)
        if abs(lengths[0] - lengths[1]) > _MOST_MISSING * lengths[0]:
            raise InputError(
                f"{pair.wet} lasts {lengths[1] / rate:.2f} s, {pair.dry} {lengths[0] / rate:.2f} s.",
                "Without alignment both must hold the same, sample by sample; leave --no-align out.",
            )
        return Match(pair, None, min(lengths), ((0, min(lengths)),))
    try:
        found = align(dry, wet, dry_rate, wet_rate, say)
    except InputError as error:
        raise InputError(f"{pair.wet} {error.message}", error.hint) from None
    frames = round(len(dry) * rate / dry_rate)
    scale = rate / dry_rate
    stretches = tuple((int(np.ceil(a * scale)), min(int(b * scale), frames)) for a, b in found.stretches)
    return Match(pair, found, frames, stretches)


def matched_audio(match: Match, rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Both sides of a pair on one time: float32 (frames,) each; raises `InputError` where a file can't be read any more."""
    dry, dry_rate = mono(match.pair.dry)
    wet, wet_rate = mono(match.pair.wet)
    if match.alignment is not None:
        wet, wet_rate = match.alignment.applied(wet, len(dry)), dry_rate
    return resample(dry, dry_rate, rate)[: match.frames], resample(wet, wet_rate, rate)[: match.frames]


def mono(path: Path) -> tuple[np.ndarray, int]:
    """The one channel of a recording that sounds, float32 (frames,), and its rate; raises `InputError` where several differ."""
    audio, rate = read(path)
    sounding = [channel for channel in audio if np.any(channel != channel[0])]
    if not sounding:
        raise InputError(f"{path} is silent.", "Record it again, or name the right file.")
    if any(not np.array_equal(channel, sounding[0]) for channel in sounding[1:]):
        raise InputError(
            f"{path} has {len(sounding)} different channels, and only one can be the one that belongs to the pair.",
            "Export the right one as a mono file; with ffmpeg: `ffmpeg -i FILE -af 'pan=mono|c0=c0' left.wav`.",
        )
    return sounding[0], rate
