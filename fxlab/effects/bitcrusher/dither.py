"""Triangular dither from a counter: the noise at a sample depends on its channel and index alone.

So any split into blocks, a restored state and every engine get the same noise. A chain numbers its dithered stages, and each
number is a stream of its own: equal noise in two stages would add up as 6 dB instead of 3. The generator is SplitMix64 (Steele,
Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014), used as a hash of the counter.
"""

from __future__ import annotations

import numpy as np

SEED = 0x6678_6C61_6200_0000  # any fixed value; stream and channel are added to it
SILENT = 1e-12  # -240 dB of full scale: what is below counts as digital silence and isn't dithered

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S32 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(32)
_LOW, _ONE = np.uint64(0xFFFFFFFF), np.uint64(1)
_UNIT = 2.0**-32


def tpdf(key, index):
    """Noise in [-1, 1) with a triangular density: the two halves of one 64-bit hash, summed.

    Args:
        key: uint64, from `keys`.
        index: uint64 counter, an array; a scalar when compiled by Numba.
    """
    word = key + (index + _ONE) * _GOLDEN
    word = (word ^ (word >> _S30)) * _FIRST
    word = (word ^ (word >> _S27)) * _SECOND
    word = word ^ (word >> _S31)
    return (word >> _S32) * _UNIT + (word & _LOW) * _UNIT - 1.0


def keys(channels: int, stream: int = 0) -> np.ndarray:
    """One generator key per channel, uint64, far apart so that channels and streams are independent."""
    word = np.uint64(SEED) + np.uint64(stream << 32) + np.arange(channels, dtype=np.uint64)
    word = (word ^ (word >> _S30)) * _FIRST
    word = (word ^ (word >> _S27)) * _SECOND
    return word ^ (word >> _S31)
