"""The bitcrusher as compiled loops, one sample at a time."""

from __future__ import annotations

import numpy as np
from numba import njit

from fxlab.effects.bitcrusher import dither, stream

_INFINITE = np.float32(np.inf)
_tpdf = njit(cache=True, nogil=True)(dither.tpdf)


class Bitcrusher(stream.Bitcrusher):
    """Streaming bitcrusher, compiled by Numba; parameters as declared in `fxlab.effects.bitcrusher`."""

    def _allocate(self) -> None:
        super()._allocate()
        q = self.quantiser
        # Products with a power of two are exact in float32 as well, so whole bits get the same result at twice the speed.
        number = np.float32 if float(self.bits).is_integer() else np.float64
        self._exact = number(q.scale), number(1.0 / q.scale), number(q.top), number(q.ceiling)
        self._law = q.scale, q.top, q.ceiling

    def _crush(self, block: np.ndarray, out: np.ndarray) -> None:
        state = self._state
        if self.reduces:
            _hold(
                block, out, *self._law, self.dithered, self.period, self.smooths,
                self._keys, state["counters"], state["previous"], state["held"], state["pending"],
            )  # fmt: skip
        elif self.averages or self.dithered:
            _staircase(block, out, *self._law, self.dithered, self.averages, self._keys, state["counters"], state["previous"])
        else:
            _round(block, out, *self._exact)


@njit(cache=True, nogil=True, error_model="numpy")
def _round(block, out, scale, step, top, ceiling):
    """Rounds every sample; branch-free, so that the compiler vectorises it."""
    for channel in range(block.shape[0]):
        for i in range(block.shape[1]):
            x = block[channel, i]
            x = x if abs(x) < _INFINITE else np.float32(0)
            code = np.rint(min(max(x * scale, -top), top))
            out[channel, i] = min(max(code, -ceiling), ceiling) * step


@njit(cache=True, nogil=True, error_model="numpy")
def _in_steps(x, scale, dithered, key, index):
    """A sample in steps, dithered unless it's digital silence."""
    if dithered and x != 0.0:
        return x * scale + _tpdf(key, np.uint64(index))
    return x * scale


@njit(cache=True, nogil=True, error_model="numpy")
def _quantise(steps, scale, top, ceiling):
    return min(max(np.rint(min(max(steps, -top), top)), -ceiling), ceiling) / scale


@njit(cache=True, nogil=True, error_model="numpy")
def _mean(start, end, scale, top, ceiling):
    """Mean of the staircase between two values in steps; see `Quantiser.mean`."""
    low, high = min(start, end), max(start, end)
    first, last = np.rint(min(max(low, -top), top)), np.rint(min(max(high, -top), top))
    if first == last:
        return min(max(first, -ceiling), ceiling) / scale
    area = first * (first + 0.5 - low) + last * (high - last + 0.5) + 0.5 * (last * (last - 1.0) - first * (first + 1.0))
    excess = top - ceiling
    area -= excess * max(high - (top - 0.5), 0.0)
    area += excess * max(0.5 - top - low, 0.0)
    return area / (high - low) / scale


@njit(cache=True, nogil=True, error_model="numpy")
def _staircase(block, out, scale, top, ceiling, dithered, averages, keys, counters, previous):
    """Rounds every sample, with dither and anti-aliasing; `previous` holds the last value in steps of each channel."""
    for channel in range(block.shape[0]):
        key, last = keys[channel], previous[channel]
        for i in range(block.shape[1]):
            x = np.float64(block[channel, i])
            steps = _in_steps(x if abs(x) < np.inf else 0.0, scale, dithered, key, counters[0] + i)
            if averages:
                out[channel, i] = _mean(last, steps, scale, top, ceiling)
            else:
                out[channel, i] = _quantise(steps, scale, top, ceiling)
            last = steps
        previous[channel] = last
    counters[0] += block.shape[1]


@njit(cache=True, nogil=True, error_model="numpy")
def _hold(block, out, scale, top, ceiling, dithered, period, smooths, keys, counters, previous, held, pending):
    """Samples the input anew every `period` samples, rounds and holds.

    The k-th instant is k * period, never a running sum, so the phase can't drift. The value there is interpolated between
    the two samples around it, and the step is spread over both by its polyBLEP residual, which costs one sample of delay.
    """
    for channel in range(block.shape[0]):
        key, before, level, waiting = keys[channel], previous[channel], held[channel], pending[channel]
        now, k = counters[0], counters[1]
        for i in range(block.shape[1]):
            x = np.float64(block[channel, i])
            x = x if abs(x) < np.inf else 0.0
            after = 0.0
            while k * period <= now:
                since = now - k * period
                sampled = x + since * (before - x)
                value = _quantise(_in_steps(sampled, scale, dithered, key, k), scale, top, ceiling)
                step = value - level
                level = value
                if smooths:
                    waiting += 0.5 * since * since * step
                    after -= 0.5 * (1.0 - since) * (1.0 - since) * step
                k += 1
            if smooths:
                out[channel, i] = waiting
                waiting = level + after
            else:
                out[channel, i] = level
            before = x
            now += 1
        previous[channel], held[channel], pending[channel] = before, level, waiting
        if channel == block.shape[0] - 1:
            counters[0], counters[1] = now, k
