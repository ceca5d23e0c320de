"""What loudness meters do to every sample, compiled: K-weighting, energy per tick, sample peak; and windows of many ticks."""

from __future__ import annotations

import numpy as np
from numba import njit

TENTH = 10  # ticks of 10 ms in a hop of 100 ms
MOMENTARY, SHORT_TERM = 40, 300  # ticks in windows of 400 ms and 3 s

_OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy", "fastmath": {"contract"}}
_SILENT = 1e-30  # registers below this are flushed to zero before they become denormal, see `fxlab.audio.biquad`


@njit(**_OPTIONS)
def weigh(block, rate, per_second, sections, weights, registers, energy, peak, clock, out):
    """Filters a block without keeping the result, and adds up its energy tick by tick.

    Tick k ends at frame (k rate) / per_second, rounded. All state carries on where it stopped, so any split of the audio
    gives the same numbers to the last bit.

    Args:
        block: (channels, frames) float32; non-finite samples count as silence.
        rate: Samples per second.
        per_second: Ticks per second.
        sections: Two biquads (2, 5).
        weights: (channels,) float64.
        registers: (channels, 4) float64, state.
        energy: (channels,) float64, state: of the tick that isn't finished.
        peak: (channels,) float64, state: largest magnitude before the filter.
        clock: (2,) int64, state: frames and ticks so far.
        out: float64, takes the energy of every tick that ends here, channels weighted and added up.

    Returns:
        How many ticks ended.
    """
    done, ended = 0, 0
    while done < block.shape[1]:
        tick_end = ((clock[1] + 1) * rate + per_second // 2) // per_second
        upto = min(block.shape[1], done + tick_end - clock[0])
        for channel in range(block.shape[0]):
            _row(block[channel, done:upto], sections, registers[channel], energy, peak, channel)
        clock[0] += upto - done
        done = upto
        if clock[0] == tick_end:
            total = 0.0
            for channel in range(block.shape[0]):
                total += weights[channel] * energy[channel]
                energy[channel] = 0.0
                for k in range(4):
                    if abs(registers[channel, k]) < _SILENT:
                        registers[channel, k] = 0.0
            out[ended] = total
            ended += 1
            clock[1] += 1
    return ended


@njit(**_OPTIONS)
def _row(samples, sections, registers, energy, peak, channel):
    """Both biquads as in `fxlab.audio.biquad.run_row`: each step waits for one fused multiply-add of the step before."""
    b0, a1, a2 = sections[0, 0], sections[0, 3], sections[0, 4]
    c1, c2 = sections[0, 1] - a1 * b0, sections[0, 2] - a2 * b0
    d0, e1, e2 = sections[1, 0], sections[1, 3], sections[1, 4]
    f1, f2 = sections[1, 1] - e1 * d0, sections[1, 2] - e2 * d0
    s0, s1, t0, t1 = registers
    total, largest = energy[channel], peak[channel]
    for i in range(len(samples)):
        x = np.float64(samples[i])
        x = x if abs(x) < np.inf else 0.0
        largest = max(largest, abs(x))
        y = b0 * x + s0
        s0, s1 = (c1 * x + s1) - a1 * s0, c2 * x - a2 * s0
        z = d0 * y + t0
        t0, t1 = (f1 * y + t1) - e1 * t0, f2 * y - e2 * t0
        total += z * z
    registers[0], registers[1], registers[2], registers[3] = s0, s1, t0, t1
    energy[channel], peak[channel] = total, largest


@njit(**_OPTIONS)
def slide(ticks, recent, tenths, clock, largest, hops):
    """Moves the momentary and the short-term window on over energies of 10 ms.

    Windows are added up afresh at every tick, from sums of ten ticks: exact after any silence and for any split.

    Args:
        ticks: (n,) float64.
        recent: (TENTH,) float64, state: the last ticks.
        tenths: (SHORT_TERM,) float64, state: sums of ten ticks, ending at each of the last ticks.
        clock: (1,) int64, state: ticks so far.
        largest: (2,) float64, state: the largest whole momentary and short-term window.
        hops: float64, takes the energy of each hop of 100 ms that ends here.

    Returns:
        How many hops ended.
    """
    ended = 0
    for tick in ticks:
        k = clock[0]
        recent[k % TENTH] = tick
        total = 0.0
        for j in range(1, TENTH + 1):
            total += recent[(k + j) % TENTH]
        tenths[k % SHORT_TERM] = total
        k += 1
        clock[0] = k
        if k >= MOMENTARY:
            largest[0] = max(largest[0], _window(tenths, k, MOMENTARY))
        if k >= SHORT_TERM:
            largest[1] = max(largest[1], _window(tenths, k, SHORT_TERM))
        if k % TENTH == 0:
            hops[ended] = total
            ended += 1
    return ended


@njit(**_OPTIONS)
def _window(tenths, end, ticks):
    total = 0.0
    for start in range(end - ticks, end, TENTH):
        total += tenths[(start + TENTH - 1) % SHORT_TERM]
    return total
