"""Files in and out while audio plays: threads of their own that keep the rack's rings full and empty."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from fxlab.audio.files import Reader
from fxlab.audio.leftovers import rescued
from fxlab.audio.resampling import resampled
from fxlab.audio.writer import Writer
from fxlab.errors import FxlabError
from fxlab.live.rings import Ring

_BLOCK = 4096
_AHEAD_S = 4.0
_PAUSE_S = 0.02


class Feed:
    """Plays audio into a ring, at most some seconds ahead.

    Args:
        blocks: Float32 (channels, n) at the stream's rate.
        channels: Of the blocks.
        sample_rate_hz: Of the stream.

    Attributes:
        ring: What the rack hears.
        error: Why it ended early, None if it didn't.
    """

    def __init__(self, blocks: Iterator[np.ndarray], channels: int, sample_rate_hz: int) -> None:
        self.ring = Ring(channels, round(_AHEAD_S * sample_rate_hz))
        self.error: Exception | None = None
        self._blocks = blocks
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    def start(self) -> None:
        """Begins to read; returns when the ring is well filled, so that the first block finds something."""
        self._thread.start()
        while self._thread.is_alive() and self.ring.room > self.ring.size // 2:
            time.sleep(_PAUSE_S / 4)

    def close(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            for block in self._blocks:
                for start in range(0, block.shape[1], _BLOCK):
                    piece = block[:, start : start + _BLOCK]
                    while self.ring.room < piece.shape[1]:
                        if self._stopped.wait(_PAUSE_S):
                            return
                    self.ring.push(piece)
                if self._stopped.is_set():
                    return
        except Exception as error:
            self.error = error
        finally:
            self.ring.end()


def file_blocks(path: Path, sample_rate_hz: int, again: bool = False) -> Iterator[np.ndarray]:
    """A file's audio at a rate, block by block; `again` and again if that is wanted."""

    def once() -> Iterator[np.ndarray]:
        with Reader(path) as reader:
            yield from resampled(reader.blocks(_BLOCK), reader.info.sample_rate_hz, sample_rate_hz)

    yield from itertools.chain.from_iterable(once() for _ in itertools.count()) if again else once()


class Recorder:
    """Writes what a ring gets into a file, which appears when `close` has ended well.

    Args:
        path: Its suffix decides the format; WAV holds float samples, FLAC 24 bit.
        channels, sample_rate_hz: Of the stream.
        skip: Frames left out at the beginning, so that the recording begins with the first sample that was heard.
        frames: Frames to write at most, None for all.
        force: Overwrite a file that exists.

    Attributes:
        ring: What the rack writes to.
        error: Why it couldn't go on, None if it could.
        written: Frames written.
        rescued: Earlier recordings into the same folder that were cut off by a sudden end.

    Raises:
        UsageError, OutputError: As `Writer`.
    """

    def __init__(self, path: Path, channels: int, sample_rate_hz: int, skip: int, frames: int | None, force: bool) -> None:
        subtype = {".wav": "FLOAT", ".ogg": "VORBIS"}.get(path.suffix.lower(), "PCM_24")
        self._writer = Writer(path, sample_rate_hz, channels, subtype, force=force, irreplaceable=True)
        self.rescued = rescued(path.parent)
        self.path, self.ring = path, Ring(channels, round(2 * _AHEAD_S * sample_rate_hz))
        self.error: Exception | None = None
        self.written = 0
        self._skip, self._limit = skip, frames
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._guarded, name="recorder", daemon=True)

    @property
    def full(self) -> bool:
        """Whether all that was wanted is written."""
        return self._limit is not None and self.written >= self._limit

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Writes what is left and finishes the file; raises what went wrong."""
        self._stopped.set()
        self._thread.join()
        if self.error is not None:
            raise self.error

    def _guarded(self) -> None:
        try:
            self._run(self._stopped.is_set)
        except Exception as error:
            self.error = error
            kept = rescued(self.path.parent)
            if kept and isinstance(error, FxlabError):
                self.error = type(error)(error.message, f"{error.hint} What was recorded until then is {kept[-1]}.")

    def _run(self, stopped: Callable[[], bool]) -> None:
        with self._writer as writer:
            while True:
                last = stopped()
                while self.ring.waiting:
                    self._write(writer, self.ring.pull(_BLOCK))
                if last:
                    return
                self._stopped.wait(_PAUSE_S)

    def _write(self, writer: Writer, block: np.ndarray) -> None:
        skipped = min(self._skip, block.shape[1])
        self._skip -= skipped
        left = block.shape[1] if self._limit is None else self._limit - self.written
        block = block[:, skipped:][:, :left]
        if block.shape[1]:
            writer.write(block)
            self.written += block.shape[1]
