"""From float samples to integers: TPDF dither, rounding, and the count of what doesn't fit.

Triangular dither of 2 LSB peak to peak makes mean and power of the quantisation error independent of the signal
(S. P. Lipshitz, R. A. Wannamaker, J. Vanderkooy, "Quantization and Dither: A Theoretical Survey", JAES 40(5), 1992).
"""

from __future__ import annotations

import numpy as np


def finite(audio: np.ndarray) -> tuple[np.ndarray, int]:
    """Audio with NaN and infinity replaced by silence, and how many samples that were. Unchanged audio is not copied."""
    good = np.isfinite(audio)
    if good.all():
        return audio, 0
    return np.where(good, audio, audio.dtype.type(0)), int(audio.size - np.count_nonzero(good))


def quantise(audio: np.ndarray, bits: int, rng: np.random.Generator | None = None) -> tuple[np.ndarray, int]:
    """Samples as whole numbers of LSBs.

    Args:
        audio: Finite, shape (channels, frames), full scale -1..1.
        bits: Word length, 2 to 24; the range is -2^(bits-1) .. 2^(bits-1) - 1.
        rng: Draws the TPDF dither, frame after frame, so that any split into blocks gives the same samples. None rounds to
            the nearest.

    Returns:
        int32 of the same shape, and how many samples lay beyond full scale and were clipped. Exactly 1 is full
        scale, although the largest integer is one LSB less; dither alone doesn't count either.
    """
    scale = 2.0 ** (bits - 1)
    clipped = int(np.count_nonzero(np.abs(audio) > 1.0))
    if rng is None:
        with np.errstate(over="ignore"):  # what becomes infinite is clipped
            scaled = audio * audio.dtype.type(scale)  # by a power of two: exact in float32 as well
    else:
        channels, frames = audio.shape
        drawn = rng.random((frames, channels, 2))
        scaled = audio.astype(np.float64) * scale
        scaled += (drawn[..., 0] + drawn[..., 1] - 1.0).T
    np.rint(scaled, out=scaled)
    return np.clip(scaled, -scale, scale - 1, out=scaled).astype(np.int32), clipped
