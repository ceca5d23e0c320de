"""What `fxlab dataset --capture` plays: test signals and dry recordings in a row, as a file with a known peak."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fxlab.audio.files import expand, read_blocks
from fxlab.audio.float_wav import FloatWav
from fxlab.durations import parse_duration
from fxlab.errors import InputError
from fxlab.progress import Progress
from fxlab.services.dataset.sources import Take, scan, synthesized, without_copies
from fxlab.settings import DatasetSettings

SYNTHESIZED = "3min"
"""What is played where nothing is named."""

_BETWEEN_S = 0.5
_LOUD = 0.1  # of the peak
_ENOUGH_S = 0.25


@dataclass(frozen=True)
class Signal:
    """A file to play.

    Args:
        path: Mono float WAV.
        frames: Its length.
        heard_by: Frame by which enough loud sound was played for anyone to hear something.
    """

    path: Path
    frames: int
    heard_by: int

    def blocks(self) -> Iterator[np.ndarray]:
        """Float32 (1, n), block by block."""
        return read_blocks(self.path)


def takes_of(inputs: Sequence[str | Path], settings: DatasetSettings, rate: int) -> list[Take]:
    """What to play, in order.

    Args:
        inputs: Files, folders and patterns; none for test signals only.
        settings: Length of the test signals, seed, and what counts as silence.
        rate: Of the stream.

    Raises:
        InputError: An input can't be used.
        UsageError: A length that isn't one.
    """
    length = settings.synthesize or ("" if inputs else SYNTHESIZED)
    takes = [synthesized("train", parse_duration(length), rate, settings.seed)] if length else []
    sources = [scan(path, path.name, settings.trim_db) for path in expand(inputs)] if inputs else []
    for source in sources:
        if not source.takes:
            raise InputError(f"{source.name} can't be played: {source.reason}", "Leave it out, or repair it.")
    return takes + [take for source in without_copies(sources)[0] for take in source.takes]


def length(takes: Sequence[Take], rate: int) -> int:
    """Frames of all of them with the silence between."""
    return sum(take.frames(rate) for take in takes) + (len(takes) - 1) * round(_BETWEEN_S * rate)


def write(takes: Sequence[Take], rate: int, level_db: float, path: Path, progress: Progress) -> Signal:
    """Makes the file; its largest sample gets the level.

    Args:
        takes: What to play.
        rate: In Hz.
        level_db: Of the peak, in dB of full scale.
        path: To write; its folder gets a temporary file too.
        progress: Told how far it is.

    Raises:
        InputError: A take can't be read, or all is silent.
        OutputError: More than a WAV file holds.
    """
    plain = path.with_name(f"plain-{path.name}")
    peak = _copy(_row(takes, rate), plain, rate, 1.0, length(takes, rate), progress)
    if not peak > 0:
        raise InputError("What is to be played is silent.", "Name other recordings.")
    gain = 10 ** (level_db / 20) / peak
    _copy((block[0] for block in read_blocks(plain)), path, rate, gain, 0, progress)
    plain.unlink()
    loud = total = 0
    heard_by = None
    for (block,) in read_blocks(path):
        total += len(block)
        loud += np.count_nonzero(np.abs(block) > _LOUD * 10 ** (level_db / 20))
        if heard_by is None and loud > _ENOUGH_S * rate:
            heard_by = total
    return Signal(path, total, total if heard_by is None else heard_by)


def _row(takes: Sequence[Take], rate: int) -> Iterator[np.ndarray]:
    for number, take in enumerate(takes):
        if number:
            yield np.zeros(round(_BETWEEN_S * rate), np.float32)
        yield from take.blocks(rate)


def _copy(blocks: Iterator[np.ndarray], path: Path, rate: int, gain: float, total: int, progress: Progress) -> float:
    """Writes blocks (n,) with a gain; returns their peak."""
    peak = 0.0
    with open(path, "wb") as file:
        writer = FloatWav(file, rate)
        for block in blocks:
            peak = max(peak, float(np.abs(block).max(initial=0.0)))
            writer.write(block * np.float32(gain))
            if total:
                progress("Preparing", writer.frames / rate, total / rate)
        writer.finish()
    return peak
