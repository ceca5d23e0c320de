"""Files of a performance: rendered once, brought below full scale as a whole, written when all of it is known."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fxlab.audio.atomic import output_error
from fxlab.audio.files import Writer
from fxlab.audio.writer import FORMATS
from fxlab.services.grow.performance import Performance
from fxlab.services.grow.plan import Take
from fxlab.services.grow.sound import Seen, Settings, sound_of
from fxlab.timbre.voice import sound

CEILING_DB = -1.0
"""Peak above which all is turned down to it."""

_SUBTYPES = {"16": "PCM_16", "24": "PCM_24", "float": "FLOAT"}
_IN_MEMORY = 64 << 20
_FRAMES = 1 << 16


@dataclass(frozen=True)
class Rendered:
    """One audio file, and its stems.

    Attributes:
        take: Which.
        seconds: Length.
        rate_hz: Of the output.
        channels: Of the output.
        peak_db: Highest sample of all its files before any gain, -inf for silence.
        gain_db: That all of it was given, 0 or less.
        elapsed_s: Time that playing took.
    """

    take: Take
    seconds: float
    rate_hz: int
    channels: int
    peak_db: float
    gain_db: float
    elapsed_s: float

    @property
    def speed(self) -> float:
        """How many times faster than it sounds it was played."""
        return self.seconds / max(self.elapsed_s, 1e-9)

    def to_json(self) -> dict[str, Any]:
        return {
            "output": str(self.take.output),
            "stems": [str(path) for path in self.take.stems],
            "seed": self.take.seed,
            "seconds": self.seconds,
            "sample_rate_hz": self.rate_hz,
            "channels": self.channels,
            "peak_db": self.peak_db,
            "gain_db": self.gain_db,
            "elapsed_s": self.elapsed_s,
            "times_real_time": self.speed,
        }


def render(
    performance: Performance,
    settings: Settings,
    take: Take,
    bit_depth: str,
    force: bool,
    look: Callable[[Seen], None] = lambda seen: None,
    progress: Callable[[str, float], None] = lambda task, seconds: None,
) -> Rendered:
    """Plays a performance into a file and its stems, which appear together at the end.

    Args:
        performance: What is played.
        settings: How it sounds.
        take: The files.
        bit_depth: "16", "24" or "float".
        force: Overwrite them.
        look: Is shown what every block's cells did.
        progress: Is told what is being done, and how many seconds of sound it is done with.

    Raises:
        OutputError: They can't be written, or there is no room for what is played meanwhile.
    """
    channels = 2 if settings.stereo else 1
    sound(settings.model, performance.voices[0][:2], performance.rate_hz)  # loads compiled code, whose time isn't that of playing
    began = time.perf_counter()
    with _Tape(take.output, channels * (2 if take.stems else 1)) as tape:
        peak, frames = 0.0, 0
        for block in sound_of(performance, settings):
            mix = block.harmonic + block.noise
            kept = np.concatenate([block.harmonic, block.noise]) if take.stems else mix
            peak = max(peak, float(np.abs(mix).max(initial=0.0)), float(np.abs(kept).max(initial=0.0)))
            tape.write(kept)
            frames += mix.shape[1]
            if block.seen is not None:
                look(block.seen)
            progress("Playing", frames / performance.rate_hz)
        elapsed_s = time.perf_counter() - began
        gain = min(1.0, 10 ** (CEILING_DB / 20) / max(peak, 1e-12))
        _write(tape, take, performance.rate_hz, channels, bit_depth, force, gain, progress)
    peak_db = 20 * np.log10(peak) if peak else -np.inf
    return Rendered(
        take, frames / performance.rate_hz, performance.rate_hz, channels, float(peak_db), float(20 * np.log10(gain)), elapsed_s
    )


def _write(
    tape: _Tape,
    take: Take,
    rate_hz: int,
    channels: int,
    bit_depth: str,
    force: bool,
    gain: float,
    progress: Callable[[str, float], None],
) -> None:
    with contextlib.ExitStack() as stack:
        writers = []
        for path in (take.output, *take.stems):
            subtype = "VORBIS" if FORMATS[path.suffix.lower()] == "OGG" else _SUBTYPES[bit_depth]
            writers.append(stack.enter_context(Writer(path, rate_hz, channels, subtype, force=force, frames=tape.frames)))
        for block in tape.blocks():
            block = block * np.float32(gain)
            parts = [block[:channels], block[channels:]] if take.stems else []
            for writer, part in zip(writers, [sum(parts) if parts else block, *parts], strict=True):
                writer.write(part)
            progress("Writing", writers[0].frames / rate_hz)


class _Tape:
    """Sound of constant memory: float32 in memory while it is short, then in a nameless file beside the output."""

    def __init__(self, output: Path, channels: int) -> None:
        self._output, self._channels, self.frames = output, channels, 0

    def __enter__(self) -> _Tape:
        with self._failing():
            self._output.parent.mkdir(parents=True, exist_ok=True)
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY, dir=self._output.parent)
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def write(self, sound: np.ndarray) -> None:
        """Appends (channels, n)."""
        with self._failing():
            self._file.write(np.ascontiguousarray(sound.T, np.float32).tobytes())
        self.frames += sound.shape[1]

    def blocks(self) -> Iterator[np.ndarray]:
        """What was written, (channels, n) each."""
        self._file.seek(0)
        while data := self._file.read(4 * self._channels * _FRAMES):
            yield np.frombuffer(data, np.float32).reshape(-1, self._channels).T

    @contextlib.contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise output_error(self._output, error) from error
