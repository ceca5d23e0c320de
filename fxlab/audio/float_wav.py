"""Mono 32-bit float WAV files whose bytes depend on the samples alone.

libsndfile puts the time of writing into every float WAV (PEAK chunk), so two equal recordings would differ in their hashes.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

import numpy as np

from fxlab.errors import OutputError

_FRAMES_MAX = (2**32 - 1 - 58) // 4


class FloatWav:
    """Writes samples into an open binary file; `finish` completes the header (IEEE float format with a fact chunk).

    Args:
        file: Open for writing, seekable, empty.
        sample_rate_hz: Goes into the header.
    """

    def __init__(self, file: BinaryIO, sample_rate_hz: int) -> None:
        self.frames = 0
        self._file, self._rate = file, sample_rate_hz
        file.write(self._header())

    def write(self, samples: np.ndarray) -> None:
        """Appends float32 samples (frames,).

        Raises:
            OutputError: The file would pass 4 GB, the most a WAV file can hold.
        """
        self.frames += len(samples)
        if self.frames > _FRAMES_MAX:
            raise OutputError("A recording of the dataset would pass 4 GB.", "Cut it into chunks with --chunk 60.")
        self._file.write(np.ascontiguousarray(samples, "<f4").tobytes())

    def finish(self) -> None:
        """Writes the sizes, which are known only now, into the header."""
        self._file.seek(0)
        self._file.write(self._header())

    def _header(self) -> bytes:
        size = 4 * self.frames
        return (
            struct.pack("<4sI4s", b"RIFF", 50 + size, b"WAVE")
            + struct.pack("<4sIHHIIHHH", b"fmt ", 18, 3, 1, self._rate, 4 * self._rate, 4, 32, 0)
            + struct.pack("<4sII", b"fact", 4, self.frames)
            + struct.pack("<4sI", b"data", size)
        )
