"""Logarithm and exponential in double precision, which LLVM puts into vectors inside loops over arrays.

Their polynomials are cut into parts that don't wait for each other.
"""

from __future__ import annotations

import numpy as np
from numba import njit

_BITS = np.uint64(52)
_HALF_ROOT = np.uint64(0x3FE6A09E667F3BCD)  # bits of sqrt(1/2), where mantissas begin
_ONE = np.uint64(0x3FF0000000000000)
_MANTISSA = np.uint64(0x000FFFFFFFFFFFFF)
_INTEGER = np.uint64(0x4330000000000000)  # bits of 2^52: the last digits of a number in front of it are an integer
_BIASED = 2.0**52 + 1023.0
_ROUND = 1.5 * 2.0**52
_OCTAVES = 1.0 / np.log(2.0)
_OCTAVE = 0.6931471803691238  # ln(2) in two parts, the first exact when multiplied by a small integer
_REST = 1.9082149292705877e-10


@njit(nogil=True, error_model="numpy", fastmath={"contract", "nsz"}, forceinline=True)
def log(x):
    """ln(x) of a positive, normal float64; off by 4e-15 max(1, |ln x|) or less."""
    bits = np.float64(x).view(np.uint64) + (_ONE - _HALF_ROOT)
    octaves = np.uint64((bits >> _BITS) | _INTEGER).view(np.float64) - _BIASED
    m = np.uint64((bits & _MANTISSA) + _HALF_ROOT).view(np.float64)
    # ln(m) = 2 artanh((m - 1) / (m + 1)), its series: the quotient is below 0.172.
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    zz = z * z
    low = (2.0 / 5.0 * z + 2.0 / 3.0) + (2.0 / 9.0 * z + 2.0 / 7.0) * zz
    high = (2.0 / 13.0 * z + 2.0 / 11.0) + ((2.0 / 17.0 * z + 2.0 / 15.0) + 2.0 / 19.0 * zz) * zz
    return octaves * _OCTAVE + (octaves * _REST + ((high * (zz * zz) + low) * (z * s) + 2.0 * s))


@njit(nogil=True, error_model="numpy", fastmath={"contract", "nsz"}, forceinline=True)
def exp(x):
    """exp(x) for x between -700 and 700; off by 1e-14 of itself or less."""
    shifted = x * _OCTAVES + _ROUND
    n = shifted - _ROUND
    r = (x - n * _OCTAVE) - n * _REST
    rr = r * r
    low = (r + 1.0) + (1.0 / 6.0 * r + 1.0 / 2.0) * rr
    middle = (1.0 / 120.0 * r + 1.0 / 24.0) + (1.0 / 5040.0 * r + 1.0 / 720.0) * rr
    high = (1.0 / 362880.0 * r + 1.0 / 40320.0) + (1.0 / 39916800.0 * r + 1.0 / 3628800.0) * rr
    sum_ = low + (middle + high * (rr * rr)) * (rr * rr)
    return sum_ * np.uint64((np.float64(shifted).view(np.uint64) << _BITS) + _ONE).view(np.float64)
