"""The bitcrusher as compiled loops, one sample at a time."""

from __future__ import annotations

import numpy as np
from numba import njit

from fxlab.effects.bitcrusher import dither, stream
from fxlab.effects.compiled import Compiled
from fxlab.effects.oversampling_kernel import CHUNK, Oversampler, downsample, upsample
from fxlab.kernels.stages import arguments_at, blocks_at

_SILENT = dither.SILENT
_INFINITE = np.float32(np.inf)
_tpdf = njit(cache=True, nogil=True)(dither.tpdf)


class Bitcrusher(Compiled, stream.Bitcrusher):
    """Streaming bitcrusher, compiled by Numba; parameters as declared in `fxlab.effects.bitcrusher`."""

    oversampler = Oversampler

    def _allocate(self) -> None:
        super()._allocate()
        q, state = self.quantiser, self._state
        law = q.scale, q.top, q.ceiling, self.dithered
        doublings = self.oversample.bit_length() - 1
        common = self._keys, state["counters"], state["previous"], doublings, self._oversampler.arguments
        if self.reduces:
            clock = float(self.clock_hz), float(self.rate_hz)
            self.kernel, self.play = _reduce, _play_reduce
            self._arguments = law, (self.smooths, *clock), state["held"], state["pending"], *common
        elif self.averages or self.dithered or self.oversample > 1 or not float(self.bits).is_integer():
            self.kernel, self.play = _crush, _play_crush
            self._arguments = law, self.averages, *common
        else:
            # Products with a power of two are exact in float32 as well, so whole bits get the same result at twice the speed.
            self.kernel, self.play = _round, _play_round
            self._arguments = np.float32(q.scale), np.float32(1.0 / q.scale), np.float32(q.top)


@njit(cache=True, nogil=True)
def _play_round(at, frames, signature):
    _round(*blocks_at(at, frames), *arguments_at(at, signature))


@njit(cache=True, nogil=True)
def _play_crush(at, frames, signature):
    _crush(*blocks_at(at, frames), *arguments_at(at, signature))


@njit(cache=True, nogil=True)
def _play_reduce(at, frames, signature):
    _reduce(*blocks_at(at, frames), *arguments_at(at, signature))


@njit(cache=True, nogil=True, error_model="numpy")
def _round(block, out, scale, step, top):
    """Rounds every sample to a whole word length; branch-free, so that the compiler makes it as fast as copying."""
    for channel in range(block.shape[0]):
        source, target = block[channel], out[channel]
        for i in range(len(source)):
            steps = source[i] * scale
            steps = -top if steps < -top else steps
            steps = top if steps > top else steps
            target[i] = np.rint(steps if abs(source[i]) < _INFINITE else np.float32(0)) * step


@njit(cache=True, nogil=True, error_model="numpy")
def _crush(block, out, law, averages, keys, counters, previous, doublings, oversampling):
    """Rounds every sample, at the rate at which it is computed."""
    frames = block.shape[1]
    for channel in range(len(block)):
        source, target, done = block[channel], out[channel], counters[0]
        if doublings == 0:
            _staircase(source, target, *law, averages, keys[channel], done, channel, previous)
            continue
        for start in range(0, frames, CHUNK):
            stop = min(start + CHUNK, frames)
            work = upsample(source[start:stop], channel, *oversampling)
            _staircase(work, work, *law, averages, keys[channel], done, channel, previous)
            done += len(work)
            _store(downsample(stop - start, *oversampling), target[start:stop])
    counters[0] += frames << doublings


@njit(cache=True, nogil=True, error_model="numpy")
def _reduce(block, out, law, clock, held, pending, keys, counters, previous, doublings, oversampling):
    """Samples anew and holds, at the rate at which it is computed."""
    frames, k = block.shape[1], counters[1]
    for channel in range(len(block)):
        source, target, done, k = block[channel], out[channel], counters[0], counters[1]
        if doublings == 0:
            k = _hold(source, target, *law, *clock, keys[channel], done, k, channel, previous, held, pending)
            continue
        for start in range(0, frames, CHUNK):
            stop = min(start + CHUNK, frames)
            work = upsample(source[start:stop], channel, *oversampling)
            k = _hold(work, work, *law, *clock, keys[channel], done, k, channel, previous, held, pending)
            done += len(work)
            _store(downsample(stop - start, *oversampling), target[start:stop])
    counters[0] += frames << doublings
    counters[1] = k


@njit(cache=True, nogil=True, error_model="numpy")
def _store(values, target):
    for i in range(len(values)):
        target[i] = values[i]


@njit(cache=True, nogil=True, error_model="numpy")
def _in_steps(x, scale, dithered, key, index):
    """A sample in steps, dithered unless it's digital silence."""
    if dithered and abs(x) > _SILENT:
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
def _staircase(source, target, scale, top, ceiling, dithered, averages, key, done, channel, previous):
    """Rounds every sample, with dither and anti-aliasing; `previous` holds the last value in steps of each channel."""
    last = previous[channel]
    for i in range(len(source)):
        x = np.float64(np.float32(source[i]))
        steps = _in_steps(x if abs(x) < np.inf else 0.0, scale, dithered, key, done + i)
        if averages:
            target[i] = _mean(last, steps, scale, top, ceiling)
        else:
            target[i] = _quantise(steps, scale, top, ceiling)
        last = steps
    previous[channel] = last


@njit(cache=True, nogil=True, error_model="numpy")
def _hold(
    source, target, scale, top, ceiling, dithered, smooths, clock_hz, rate_hz, key, done, k, channel, previous, held, pending
):  # fmt: skip
    """Samples the input anew `rate_hz` times a second, rounds and holds; returns the number of the next instant.

    So many samples are `done` before the first one here, and `k` is the number of the next instant.

    The k-th instant is k * clock_hz / rate_hz, never a running sum, so the phase can't drift. The value there is interpolated
    between the two samples around it, and the step is spread over both by its polyBLEP residual (Valimaki and Huovilainen,
    "Antialiasing Oscillators in Subtractive Synthesis", IEEE SPM 2007), which costs one sample of delay.
    """
    before, level, waiting = previous[channel], held[channel], pending[channel]
    due = k * clock_hz / rate_hz
    for i in range(len(source)):
        x = np.float64(np.float32(source[i]))
        x = x if abs(x) < np.inf else 0.0
        after = 0.0
        while due <= done + i:
            since = done + i - due
            steps = _in_steps(x + since * (before - x), scale, dithered, key, k)
            value = _quantise(steps, scale, top, ceiling)
            if smooths:
                waiting += 0.5 * since * since * (value - level)
                after -= 0.5 * (1.0 - since) * (1.0 - since) * (value - level)
            level = value
            k += 1
            due = k * clock_hz / rate_hz
        target[i] = waiting if smooths else level
        waiting = level + after
        before = x
    previous[channel], held[channel], pending[channel] = before, level, waiting
    return k
