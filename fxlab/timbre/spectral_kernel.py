"""Distances of spectra and their gradients, compiled.

Eight rows of a batch go side by side through a complex transform whose real part is the sound and whose imaginary part is the
target, so that one transform serves both. The gradients of two frames come back as the real and the imaginary part of another.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numba import njit

from fxlab.kernels.vectors import OPTIONS, fma, load, spread, store
from fxlab.timbre.transform_kernel import LANES, backward, factors_of, forward, places_of

_LEAST, _ONE, _TWO, _HALF = (np.float32(x) for x in (1e-30, 1, 2, 0.5))
_ROOT_BITS, _LN_2 = np.float32(math.sqrt(0.5)).view(np.int32), np.float32(math.log(2))
# Least maximum fit of (log(1 + f) - f + f^2 / 2) / f^3 between sqrt(1/2) and sqrt(2): what it leaves of the logarithm is 7e-9.
_LOG = tuple(
    np.float32(x) for x in (0.0867199876, -0.143789958, 0.149780484, -0.165644272, 0.199548708, -0.250016987, 0.33334166)
)


@cache
def plan(size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a size's transform needs: its Hann window, its factors pass after pass, and where its bins end up.

    Args:
        size: A power of two from 8 on.
    """
    window = 0.5 - 0.5 * np.cos(2 * math.pi / size * np.arange(size))
    return window.astype(np.float32), factors_of(size), places_of(size)


@njit(cache=True, **OPTIONS)
def compare(sound, target, gains, samples, window, factors, places, epsilon, weight, slopes, learn):
    """Distances of eight sounds from eight others, summed over frames and bins: of magnitudes, and of their logarithms.

    Args:
        sound, target: (at least as many samples as the last frame reaches, LANES) float32, zeros behind `samples`.
        gains: What the sounds and the targets are to be multiplied by, (2, LANES) float32. The louder of the two leaves rounding
            errors in the spectrum of the other, so they should be alike.
        samples: Of the sounds.
        window, factors, places: See `plan`.
        epsilon: Added to magnitudes before the logarithm, float32.
        weight: Of both distances in the gradient, float32.
        slopes: The gradient with respect to `sound` times its gain is added here, if `learn`.
    """
    size = len(window)
    hop, bins = size // 4, size // 2 + 1
    z = np.empty((2, size, LANES), np.float32)
    spectra = np.zeros((2, 4, bins, LANES), np.float32)
    silent = spectra[1].reshape(4, -1)
    linear = logarithmic = 0.0
    frames = -(-samples // hop)
    for frame in range(frames):
        one = spectra[frame & 1]
        _analyse(sound, target, gains, frame * hop, window, factors, places, z, one)
        distances = _judge(one.reshape(4, -1), epsilon, weight)
        linear += distances[0]
        logarithmic += distances[1]
        if learn and (frame & 1 or frame == frames - 1):
            if not frame & 1:
                for i in range(bins * LANES):
                    silent[0, i] = silent[1, i] = 0
            _unite(spectra, places, z)
            backward(z, factors)
            for part in range(1 + (frame & 1)):
                first = (frame - (frame & 1) + part) * hop
                for n in range(size):
                    w = spread(window, n, LANES)
                    store(slopes, (first + n, 0), fma(w, load(z, (part, n, 0), LANES), load(slopes, (first + n, 0), LANES)))
    return linear, logarithmic


@njit(**OPTIONS)
def _analyse(sound, target, gains, start, window, factors, places, z, found):
    """Spectra of a frame, twice as large, as rows of `found`: real and imaginary part of the sound's, then of the target's."""
    size = len(window)
    for n in range(size):
        w = spread(window, n, LANES)
        store(z, (0, n, 0), w * load(sound, (start + n, 0), LANES))
        store(z, (1, n, 0), w * load(target, (start + n, 0), LANES))
    forward(z, factors)
    heard, wanted = load(gains, (0, 0), LANES), load(gains, (1, 0), LANES)
    for k in range(size // 2 + 1):
        a, b = places[k], places[(size - k) % size]
        a_re, a_im = load(z, (0, a, 0), LANES), load(z, (1, a, 0), LANES)
        b_re, b_im = load(z, (0, b, 0), LANES), load(z, (1, b, 0), LANES)
        store(found, (0, k, 0), heard * (a_re + b_re))
        store(found, (1, k, 0), heard * (a_im - b_im))
        store(found, (2, k, 0), wanted * (a_im + b_im))
        store(found, (3, k, 0), wanted * (b_re - a_re))


@njit(nogil=True, error_model="numpy", fastmath={"contract", "nsz", "reassoc"})
def _judge(found, epsilon, weight):
    """The distances of a frame's spectra, whose gradient takes the place of the sound's."""
    linear = logarithmic = np.float32(0)
    real, imaginary, wanted_real, wanted_imaginary = found[0], found[1], found[2], found[3]
    for i in range(len(real)):
        heard = _HALF * np.sqrt(real[i] * real[i] + imaginary[i] * imaginary[i])
        wanted = _HALF * np.sqrt(wanted_real[i] * wanted_real[i] + wanted_imaginary[i] * wanted_imaginary[i])
        above = heard + epsilon
        linear += abs(heard - wanted)
        logarithmic += abs(_log(above / (wanted + epsilon)))
        sign = np.float32(heard > wanted) - np.float32(heard < wanted)
        # Half the gradient of the true spectrum, which is half of this one.
        slope = sign * weight * (above + _ONE) / (above * max(heard, _LEAST)) * (_HALF * _HALF)
        real[i] *= slope
        imaginary[i] *= slope
    return linear, logarithmic


@njit(forceinline=True, **OPTIONS)
def _log(x):
    """The natural logarithm of a positive number that is neither huge nor tiny."""
    bits = np.float32(x).view(np.int32)
    octaves = np.int32((bits - _ROOT_BITS) >> np.int32(23))
    f = np.int32(bits - (octaves << np.int32(23))).view(np.float32) - _ONE
    y = _LOG[0] * f + _LOG[1]
    for i in range(2, 7):
        y = y * f + _LOG[i]
    return np.float32(octaves) * _LN_2 + (f - _HALF * f * f + f * f * f * y)


@njit(**OPTIONS)
def _unite(spectra, places, z):
    """Lays the half spectra of two frames' gradients out so that one transform gives both."""
    size = z.shape[1]
    for k in range(size // 2 + 1):
        a, b = places[k], places[(size - k) % size]
        p_re, p_im = load(spectra, (0, 0, k, 0), LANES), load(spectra, (0, 1, k, 0), LANES)
        q_re, q_im = load(spectra, (1, 0, k, 0), LANES), load(spectra, (1, 1, k, 0), LANES)
        if a == b:
            store(z, (0, a, 0), _TWO * p_re)
            store(z, (1, a, 0), _TWO * q_re)
        else:
            store(z, (0, a, 0), p_re - q_im)
            store(z, (1, a, 0), p_im + q_re)
            store(z, (0, b, 0), p_re + q_im)
            store(z, (1, b, 0), q_re - p_im)
