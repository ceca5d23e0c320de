"""The convolver as compiled loops: the same work in the same order whatever the size of the blocks."""

from __future__ import annotations

import numpy as np
from numba import njit

from fxlab.effects.compiled import Compiled
from fxlab.effects.convolver.partitions import TICK, Partitions
from fxlab.effects.convolver.stream import ConvolverStream
from fxlab.effects.convolver.transform import backward_pass, forward_pass
from fxlab.effects.processor import State
from fxlab.kernels.stages import arguments_at, blocks_at

_FAST = {"contract", "nsz", "reassoc"}


@njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def convolve(block, out, head, spectra, plan, twists, factors, clock, latest, heard, ahead, past, sums):
    """Convolves one block; compiled, neither allocates nor holds the interpreter lock. The last six are updated in place.

    Args:
        block: (channels, frames), any float type; non-finite samples count as silence.
        out: Same shape, may be `block` itself.
        head, spectra, plan, twists, factors: See `Partitions`.
        clock: (1,), samples taken so far.
        latest: (channels, 2 TICK - 1), what the head needs: the last samples before this tick and those since.
        heard: (channels, longest), ring of the input up to the last tick.
        ahead: (channels, 4 longest), ring of the output that the partitions have made in advance.
        past: (channels, 2, bins), for each level a ring of the input's transforms, one for each partition.
        sums: (channels, 2, sum of sizes), the products that each level is adding up and transforms back.
    """
    frames = block.shape[1]
    for channel in range(block.shape[0]):
        row = channel if head.shape[0] > 1 else 0
        taps, window, future = head[row], latest[channel], ahead[channel]
        position, done = clock[0], 0
        while done < frames:
            fill = position % TICK
            count = min(TICK - fill, frames - done)
            for i in range(count):
                x = np.float64(block[channel, done + i])
                window[TICK - 1 + fill + i] = x if abs(x) < np.inf else 0.0
            made = future[position % len(future) :]
            for i in range(count):
                total = made[i]
                made[i] = 0.0
                span = window[fill + i : fill + i + TICK]
                for k in range(TICK):
                    total += taps[k] * span[k]
                out[channel, done + i] = total
            position += count
            done += count
            if position % TICK == 0:
                _hear(position, window, heard[channel])
                for level in range(len(plan)):
                    _work(
                        position, plan[level], heard[channel], future, spectra[row], twists, factors, past[channel], sums[channel]
                    )
    clock[0] += frames


@njit(cache=True, nogil=True)
def _play(at, frames, signature):
    convolve(*blocks_at(at, frames), *arguments_at(at, signature))


class Convolver(Compiled, ConvolverStream):
    """Streaming convolver, compiled by Numba."""

    kernel, play = staticmethod(convolve), staticmethod(_play)

    def _allocate(self) -> None:
        super()._allocate()
        cut = Partitions(self.taps)
        self._state = {
            "clock": np.zeros(1, np.int64),
            "latest": np.zeros((self.channels, 2 * TICK - 1)),
            "heard": np.zeros((self.channels, cut.longest)),
            "ahead": np.zeros((self.channels, 4 * cut.longest)),
            "past": np.zeros((self.channels, *cut.spectra.shape[1:])),
            "sums": np.zeros((self.channels, *cut.twists.shape)),
        }
        self._arguments = cut.head, cut.spectra, cut.plan, cut.twists, cut.factors, *self._state.values()

    def heritage(self) -> State:
        # Which units of work are done at a tick is the same for filters that are cut up alike, and these have as many bins.
        bins = self._state["past"].shape[-1]
        return {f"{name}@{bins}" if name in ("ahead", "past", "sums") else name: array for name, array in self._state.items()}


@njit(cache=True, nogil=True, error_model="numpy")
def _hear(position, window, heard):
    """Files the samples of the tick that ends at `position`."""
    ring = heard[(position - TICK) % len(heard) :]
    for i in range(TICK):
        ring[i] = window[TICK - 1 + i]
    for i in range(TICK - 1):
        window[i] = window[TICK + i]


@njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def _work(position, level, heard, future, spectra, twists, factors, past, sums):
    """Does the units of a level's work that are due at a tick.

    They are: twist the block, transform it pass by pass, multiply it and earlier ones by the partitions, transform the sum
    back pass by pass, untwist it into the output.
    """
    size, count, passes, bins, place = level
    tick, ticks = position % size // TICK, size // TICK
    begin, job = position - tick * TICK, position // size
    newest = bins + job % count * size
    re, im = past[0, newest : newest + size], past[1, newest : newest + size]
    cos, sin = twists[0, place : place + size], twists[1, place : place + size]
    sum_re, sum_im = sums[0, place : place + size], sums[1, place : place + size]
    units = 2 + 2 * passes + count
    for unit in range(-(-tick * units // ticks), -(-(tick + 1) * units // ticks)):
        partition, way_back = unit - 1 - passes, unit - 1 - passes - count
        if unit == 0:
            _twist(heard[(begin - size) % len(heard) :], cos, sin, re, im)
        elif partition < 0:
            forward_pass(re, im, size >> (2 * unit), factors)
        elif way_back < 0:
            if partition == 0:
                sum_re[:] = 0.0
                sum_im[:] = 0.0
            x, h = bins + (job - partition) % count * size, bins + partition * size
            xr, xi, hr, hi = past[0, x : x + size], past[1, x : x + size], spectra[0, h : h + size], spectra[1, h : h + size]
            for i in range(size):
                sum_re[i] += xr[i] * hr[i] - xi[i] * hi[i]
                sum_im[i] += xr[i] * hi[i] + xi[i] * hr[i]
        elif way_back < passes:
            backward_pass(sum_re, sum_im, 1 << (2 * way_back), factors)
        else:
            _untwist(sum_re, sum_im, cos, sin, future, begin + size - TICK)


@njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def _twist(block, cos, sin, re, im):
    for i in range(len(re)):
        re[i] = block[i] * cos[i]
        im[i] = block[i] * sin[i]


@njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def _untwist(re, im, cos, sin, future, first):
    """Adds the product to the output from position `first` on, its second half after the first."""
    for start in range(0, len(re), TICK):
        early = future[(first + start) % len(future) :]
        late = future[(first + start + len(re)) % len(future) :]
        for i in range(start, start + TICK):
            early[i - start] += re[i] * cos[i] + im[i] * sin[i]
            late[i - start] += im[i] * cos[i] - re[i] * sin[i]
