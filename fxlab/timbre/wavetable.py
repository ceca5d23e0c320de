"""Growth as a wavetable: single cycles one after the other, for the oscillators of synthesizers.

The file is what Serum made customary: mono float WAV with cycles of 2048 samples, which a chunk called "clm " says. Its text is
`<!>2048 10000000 ...`: the cycle's length, then flags, the first of which asks for linear crossfades between cycles. Vital and
Surge read the same.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from fxlab.audio.atomic import replacing
from fxlab.audio.writer import check_vacant
from fxlab.errors import InputError, UsageError

CYCLE = 2048
"""Samples in a cycle."""
MOST_CYCLES = 256
"""As many as synthesizers read."""
PEAK = 0.98
RATE_HZ = 44_100
"""What the header says; a cycle has no rate."""

_MARK = f"<!>{CYCLE} 10000000 wavetable (fxlab)".encode("ascii")


def wavetable(harmonics: np.ndarray) -> np.ndarray:
    """Single cycles of harmonics' amplitudes.

    All harmonics are sines that begin at 0, in all cycles, so a crossfade between two cycles is one between their spectra and
    nothing cancels out. One gain brings the loudest cycle to `PEAK`: what grows gets louder, too.

    Args:
        harmonics: Linear amplitudes, (cycles, harmonics), at most 1023 harmonics.

    Returns:
        (cycles, CYCLE) float32.

    Raises:
        UsageError: More than `MOST_CYCLES` cycles.
        InputError: All of them are silent.
    """
    harmonics = np.asarray(harmonics, np.float64)
    if not 1 <= len(harmonics) <= MOST_CYCLES:
        raise UsageError(f"A wavetable can't have {len(harmonics)} cycles.", f"Choose 1 to {MOST_CYCLES} stages.")
    spectra = np.zeros((len(harmonics), CYCLE // 2 + 1), complex)
    spectra[:, 1 : 1 + harmonics.shape[1]] = -0.5j * CYCLE * harmonics
    cycles = np.fft.irfft(spectra, CYCLE)
    peak = np.abs(cycles).max()
    if not peak > 0:
        raise InputError("There is nothing in the wavetable: no harmonic sounds at any stage.", "Choose another instrument.")
    return (cycles * (PEAK / peak)).astype(np.float32)


def write_wavetable(path: str | Path, cycles: np.ndarray, force: bool = False) -> None:
    """Writes cycles, (cycles, CYCLE) float32, as a WAV file that synthesizers know for a wavetable.

    Raises:
        UsageError: The file exists and `force` is off, or it is a folder.
        OutputError: The place can't be written, or the disk is full.
    """
    path = Path(path)
    check_vacant(path, force)
    samples = np.ascontiguousarray(cycles, "<f4").tobytes()
    layout = struct.pack("<HHIIHHH", 3, 1, RATE_HZ, 4 * RATE_HZ, 4, 32, 0)
    chunks = (b"fmt ", layout), (b"fact", struct.pack("<I", cycles.size)), (b"clm ", _MARK), (b"data", samples)
    body = b"".join(_chunk(name, data) for name, data in chunks)
    with replacing(path) as temporary:
        temporary.write_bytes(_chunk(b"RIFF", b"WAVE" + body))


def _chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)
