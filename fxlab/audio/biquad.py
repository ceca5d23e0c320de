"""The one biquad of fxlab: designs, response, and the cascade as a compiled and as a NumPy stream.

A section is five coefficients (b0, b1, b2, a1, a2), normalised to a0 = 1:

    H(z) = (b0 + b1 z^-1 + b2 z^-2) / (1 + a1 z^-1 + a2 z^-2)

and a cascade is an array (n, 5) of them. Second-order designs follow Robert Bristow-Johnson, "Cookbook formulae for audio EQ
biquad filter coefficients"; first-order filters are sections with b2 = a2 = 0. Both streams keep the two registers of the
transposed direct form II in double precision, as state (channels, n, 2).
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numba import njit

BUTTERWORTH_Q = math.sqrt(0.5)
HIGHEST = 0.49  # cutoffs are meant to stay below this share of the sample rate

_SILENT = 1e-30  # registers below this are flushed to zero: far under any audible level, far above denormals
_FLUSH = 512  # samples between flushes; what decays faster than that passes the denormal range in a few samples
_BLOCK = 64  # samples that the NumPy form takes at once
_INAUDIBLE = 1e-6  # -120 dB of full scale


# The designs are written once for NumPy and torch: `xp` is either module, arguments are numbers or its arrays.


def _angle(xp, freq_hz, rate_hz):
    w = 2.0 * math.pi * freq_hz / rate_hz
    return xp.cos(w), xp.sin(w)


def _section(xp, b0, b1, b2, a0, a1, a2):
    return xp.stack((b0, b1, b2, a1, a2), -1) / a0[..., None]


def design_lowpass(xp, cutoff_hz, q, rate_hz):
    c, s = _angle(xp, cutoff_hz, rate_hz)
    alpha = s / (2.0 * q)
    return _section(xp, (1 - c) / 2, 1 - c, (1 - c) / 2, 1 + alpha, -2 * c, 1 - alpha)


def design_highpass(xp, cutoff_hz, q, rate_hz):
    c, s = _angle(xp, cutoff_hz, rate_hz)
    alpha = s / (2.0 * q)
    return _section(xp, (1 + c) / 2, -(1 + c), (1 + c) / 2, 1 + alpha, -2 * c, 1 - alpha)


def design_peaking(xp, freq_hz, gain_db, q, rate_hz):
    c, s = _angle(xp, freq_hz, rate_hz)
    alpha, a = s / (2.0 * q), 10.0 ** (gain_db / 40.0)
    return _section(xp, 1 + alpha * a, -2 * c, 1 - alpha * a, 1 + alpha / a, -2 * c, 1 - alpha / a)


def design_low_shelf(xp, freq_hz, gain_db, q, rate_hz):
    return _shelf(xp, freq_hz, gain_db, q, rate_hz, 1.0)


def design_high_shelf(xp, freq_hz, gain_db, q, rate_hz):
    return _shelf(xp, freq_hz, gain_db, q, rate_hz, -1.0)


def _shelf(xp, freq_hz, gain_db, q, rate_hz, side):
    """The low shelf for `side` 1; mirrored in frequency (c -> -c, odd powers of z negated) the high shelf for -1."""
    c, s = _angle(xp, freq_hz, rate_hz)
    c, a = side * c, 10.0 ** (gain_db / 40.0)
    slope = 2.0 * a**0.5 * (s / (2.0 * q))
    more, less = a + 1, a - 1
    return _section(
        xp,
        a * (more - less * c + slope),
        side * 2 * a * (less - more * c),
        a * (more - less * c - slope),
        more + less * c + slope,
        side * -2 * (less + more * c),
        more + less * c - slope,
    )


def design_one_pole_lowpass(xp, cutoff_hz, rate_hz):
    pole = xp.exp(-2.0 * math.pi * cutoff_hz / rate_hz)
    nil = 0.0 * pole
    return xp.stack((1.0 - pole, nil, nil, -pole, nil), -1)


def design_dc_blocker(xp, cutoff_hz, rate_hz):
    pole = xp.exp(-2.0 * math.pi * cutoff_hz / rate_hz)
    nil, gain = 0.0 * pole, (1.0 + pole) / 2.0
    return xp.stack((gain, -gain, nil, -pole, nil), -1)


def lowpass(cutoff_hz: float, q: float, rate_hz: float) -> np.ndarray:
    """Second-order low-pass; 0 < cutoff < rate / 2, q > 0 (`BUTTERWORTH_Q` is maximally flat). Shape (5,), float64."""
    return design_lowpass(np, *_numbers(cutoff_hz, q, rate_hz))


def highpass(cutoff_hz: float, q: float, rate_hz: float) -> np.ndarray:
    """Second-order high-pass; arguments as for `lowpass`."""
    return design_highpass(np, *_numbers(cutoff_hz, q, rate_hz))


def peaking(freq_hz: float, gain_db: float, q: float, rate_hz: float) -> np.ndarray:
    """Bell of `gain_db` around `freq_hz`; the bandwidth between its half-gain points (in dB) is freq / q. Shape (5,)."""
    return design_peaking(np, *_numbers(freq_hz, gain_db, q, rate_hz))


def low_shelf(freq_hz: float, gain_db: float, q: float, rate_hz: float) -> np.ndarray:
    """Shelf of `gain_db` below `freq_hz`, where half of it (in dB) is reached. Shape (5,)."""
    return design_low_shelf(np, *_numbers(freq_hz, gain_db, q, rate_hz))


def high_shelf(freq_hz: float, gain_db: float, q: float, rate_hz: float) -> np.ndarray:
    """Shelf of `gain_db` above `freq_hz`, where half of it (in dB) is reached. Shape (5,)."""
    return design_high_shelf(np, *_numbers(freq_hz, gain_db, q, rate_hz))


def one_pole_lowpass(cutoff_hz: float, rate_hz: float) -> np.ndarray:
    """y[n] = (1 - p) x[n] + p y[n-1] with p = exp(-2 pi cutoff / rate), the analogue RC's pole. Shape (5,).

    -3 dB lies at the cutoff while that is well below the rate (2 % above it at a twelfth of the rate).
    """
    return design_one_pole_lowpass(np, *_numbers(cutoff_hz, rate_hz))


def dc_blocker(cutoff_hz: float, rate_hz: float) -> np.ndarray:
    """First-order high-pass with a zero at DC, the pole of `one_pole_lowpass`, and gain 1 at half the rate. Shape (5,)."""
    return design_dc_blocker(np, *_numbers(cutoff_hz, rate_hz))


def _numbers(*values: float) -> tuple[np.float64, ...]:
    return tuple(np.float64(value) for value in values)


def response(sections: np.ndarray, freqs_hz: np.ndarray, rate_hz: float) -> np.ndarray:
    """Complex frequency response of a cascade (n, 5) at `freqs_hz`, same shape as those."""
    delay = np.exp(-2j * np.pi * np.asarray(freqs_hz, np.float64) / rate_hz)
    total = np.ones_like(delay)
    for b0, b1, b2, a1, a2 in np.atleast_2d(sections):
        total *= (b0 + delay * (b1 + delay * b2)) / (1.0 + delay * (a1 + delay * a2))
    return total


def tail_samples(sections: np.ndarray, level: float = 1.0) -> int:
    """Samples that a cascade (n, 5) rings on above -120 dB of full scale after an input of at most `level`.

    Per section: the time in which its slowest pole falls by 120 dB and by all gain so far. Sections add up.
    """
    total, level = 0.0, max(1.0, level)
    for section in np.atleast_2d(sections):
        poles = np.roots([1.0, *section[3:]])
        radius = float(np.abs(poles).max(initial=0.0))
        if radius >= 1.0:
            raise ValueError(f"an unstable section has no tail: {section}")
        # A narrow resonance lies between the points of any grid, but at its poles' angle.
        cycles = np.concatenate([np.linspace(0.0, 0.5, 129), np.abs(np.angle(poles)) / (2.0 * np.pi)])
        level *= max(1.0, float(np.abs(response(section, cycles, 1.0)).max()))
        total += 2.0 + (math.log(_INAUDIBLE / level) / math.log(radius) if radius > 1e-9 else 0.0)
    return math.ceil(total)


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def run_cascade(block, out, sections, state):
    """Filters one block; compiled, neither allocates nor holds the interpreter lock.

    Args:
        block: (channels, frames), any float type; non-finite samples count as silence.
        out: Same shape, may be `block` itself.
        sections: (n, 5) float64, n may be 0.
        state: (channels, n, 2) float64, updated in place.
    """
    for channel in range(block.shape[0]):
        run_row(block[channel], out[channel], sections, state[channel])


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def run_row(source, target, sections, registers):
    """`run_cascade` for one channel: (frames,), the same, (n, 5), (n, 2).

    With c1 = b1 - a1 b0 and c2 = b2 - a2 b0 the registers depend on the input and themselves only, not on the output, so
    each sample waits for a single fused multiply-add of the one before.
    """
    count, frames = sections.shape[0], len(source)
    for start in range(0, frames, _FLUSH):
        stop = min(start + _FLUSH, frames)
        if count == 1:
            b0, a1, a2 = sections[0, 0], sections[0, 3], sections[0, 4]
            c1, c2 = sections[0, 1] - a1 * b0, sections[0, 2] - a2 * b0
            s0, s1 = registers[0]
            for i in range(start, stop):
                x = np.float64(source[i])
                x = x if abs(x) < np.inf else 0.0
                target[i] = b0 * x + s0
                s0, s1 = (c1 * x + s1) - a1 * s0, c2 * x - a2 * s0
            registers[0, 0], registers[0, 1] = s0, s1
        else:
            for i in range(start, stop):
                x = np.float64(source[i])
                x = x if abs(x) < np.inf else 0.0
                for k in range(count):
                    b0, a1, a2 = sections[k, 0], sections[k, 3], sections[k, 4]
                    c1, c2 = sections[k, 1] - a1 * b0, sections[k, 2] - a2 * b0
                    s0, s1 = registers[k, 0], registers[k, 1]
                    registers[k, 0] = (c1 * x + s1) - a1 * s0
                    registers[k, 1] = c2 * x - a2 * s0
                    x = b0 * x + s0
                target[i] = x
        for k in range(count):
            for j in range(2):
                if abs(registers[k, j]) < _SILENT:
                    registers[k, j] = 0.0


def reference_cascade(block: np.ndarray, sections: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The cascade in NumPy: `run_cascade` as a function of block and state.

    Each section is a linear state space s' = A s + B x, y = s_0 + b0 x. Its output over a piece of the block is the piece
    through the matrix of impulse responses plus the response to the registers at the piece's start, which is exact.

    Args:
        block: (channels, frames), any float type; non-finite samples count as silence.
        sections: (n, 5).
        state: (channels, n, 2); not changed.

    Returns:
        Output (channels, frames) and new state, both float64.
    """
    x = np.where(np.isfinite(block), block, 0.0).astype(np.float64)
    state = np.array(state, np.float64)
    for k, section in enumerate(np.asarray(sections, np.float64)):
        x, state[:, k] = _reference_section(x, _matrices(section.tobytes()), state[:, k])
    state[np.abs(state) < _SILENT] = 0.0
    return x, state


def _reference_section(x, matrices, registers):
    convolve, ring, drive, powers = matrices
    whole, rest = divmod(x.shape[1], _BLOCK)
    pieces = x[:, : whole * _BLOCK].reshape(x.shape[0], whole, _BLOCK)
    driven = pieces @ drive.T
    starts = np.empty((x.shape[0], whole + 1, 2))
    starts[:, 0] = registers
    for piece in range(whole):
        starts[:, piece + 1] = starts[:, piece] @ powers[_BLOCK].T + driven[:, piece]
    y = np.empty_like(x)
    y[:, : whole * _BLOCK] = (pieces @ convolve.T + starts[:, :-1] @ ring.T).reshape(x.shape[0], -1)
    last, remainder = starts[:, -1], x[:, whole * _BLOCK :]
    y[:, whole * _BLOCK :] = remainder @ convolve[:rest, :rest].T + last @ ring[:rest].T
    return y, last @ powers[rest].T + remainder @ drive[:, _BLOCK - rest :].T


@functools.lru_cache(maxsize=256)
def _matrices(section: bytes):
    """For pieces of up to `_BLOCK` samples: impulse responses (B, B), response to the registers (B, 2), what the piece adds
    to the registers (2, B), and the powers of the state matrix (B + 1, 2, 2)."""
    b0, b1, b2, a1, a2 = np.frombuffer(section)
    a, b = np.array([[-a1, 1.0], [-a2, 0.0]]), np.array([b1 - a1 * b0, b2 - a2 * b0])
    powers = [np.eye(2)]
    for _ in range(_BLOCK):
        powers.append(a @ powers[-1])
    powers = np.array(powers)
    driven = powers[:-1] @ b  # registers k + 1 samples after an impulse
    impulse = np.concatenate([[b0], driven[:-1, 0]])
    lag = np.subtract.outer(np.arange(_BLOCK), np.arange(_BLOCK))
    return np.where(lag >= 0, impulse[np.maximum(lag, 0)], 0.0), powers[:-1, 0], driven[::-1].T, powers
