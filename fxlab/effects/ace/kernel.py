"""ACE as compiled loops: an interval goes through one stage after the other while all of it is in the fastest cache."""

from __future__ import annotations

import numpy as np
from numba import njit

from fxlab.effects.ace.kernel_bank import join, split
from fxlab.effects.ace.kernel_gains import gains, neighbourhood
from fxlab.effects.ace.kernel_mix import mixed, pushed
from fxlab.effects.ace.kernel_tce import hear, transients
from fxlab.effects.ace.stream import AceStream
from fxlab.effects.compiled import Compiled
from fxlab.kernels.stages import arguments_at, blocks_at

_OPTIONS = {"nogil": True, "error_model": "numpy", "fastmath": {"contract", "nsz"}}
_LINES = ("position", "waiting", "ready", "dry_line", "tce", "sum")


class Ace(Compiled, AceStream):
    """Streaming ACE, compiled by Numba, double precision inside."""

    def _allocate(self) -> None:
        super()._allocate()
        self.kernel, self.play = _ace, _play
        d, bank, state = self.design, self.bank, self._state
        interval, bands, channels = bank.interval, len(bank.erb), self.channels
        weights = bank.weights * d.bands
        adapting = bool(self.parameters["adapt"]), float(d.adapting), state["heard"], state["report"]
        temporal = d.tce_rise, d.tce_fall, d.tce_threshold, d.delta
        spectral = d.li, d.li_strength, d.ex, d.ex_strength, d.ex_threshold, d.dp_rise, d.gain, d.delta
        self._arguments = (
            tuple(state[name] for name in _LINES),
            (np.array([d.highpass, d.tce_highpass]), state["highpass"], state["tce_highpass"], state["out_highpass"]),
            (tuple(map(float, temporal)), *adapting, state["tce_followers"]),
            (
                tuple(map(float, spectral)),
                *adapting,
                np.array([d.detector / (interval * channels), d.noise, d.dp_fall]),
                neighbourhood(d.neighbours),
                state["followers"],
                np.zeros((5, bands)),
            ),
            (state["bank"], np.array([bank.poles.real, bank.poles.imag]), np.array([weights.real, weights.imag])),
            (float(d.sce_share), float(d.mix), float(d.output)),
            self.parameters["tce_carrier"] == "full",
            (
                np.array(bank.delays),
                np.zeros((channels, interval)),
                np.zeros((channels, interval)),
                np.zeros((channels, interval, bands)),
                np.zeros(interval),
                np.zeros(interval),
                np.zeros(bands),
            ),
        )


@njit(cache=True, **_OPTIONS)
def _ace(block, out, lines, highpasses, temporal, spectral, bank, mixing, full, room):
    position, waiting, ready = lines[0], lines[1], lines[2]
    frames, interval, done = block.shape[1], waiting.shape[1], 0
    while done < frames:
        at = position[0]
        count = min(interval - at, frames - done)
        for channel in range(len(block)):
            for i in range(count):
                x = np.float64(block[channel, done + i])
                waiting[channel, at + i] = x if abs(x) < np.inf else 0.0
                out[channel, done + i] = ready[channel, at + i]
        done += count
        position[0] = (at + count) % interval
        if at + count == interval:
            _interval(lines, highpasses, temporal, spectral, bank, mixing, full, room)


@njit(cache=True, **_OPTIONS)
def _interval(lines, highpasses, temporal, spectral, bank, mixing, full, room):
    _, waiting, ready, dries, lates, totals = lines
    sections, outer, inner, last = highpasses
    delays, filtered, heard, parts, levels, gain, power = room
    rows = spectral[-1]
    power[:] = 0.0
    levels[:] = 0.0
    for channel in range(len(waiting)):
        hear(waiting[channel], sections, outer[channel], inner[channel], filtered[channel], heard[channel], levels)
        split(filtered[channel], *bank, channel, parts[channel], power)
    weight = transients(levels, len(waiting), *temporal, gain)
    gains(power, *spectral)
    for channel in range(len(waiting)):
        join(parts[channel], rows[0], rows[1], delays, totals[channel])
        carrier = filtered[channel] if full else heard[channel]
        pushed(waiting[channel], carrier, gain, dries[channel], lates[channel])
        mixed(dries[channel], lates[channel], totals[channel], weight, *mixing, sections[0], last[channel], ready[channel])


@njit(cache=True, nogil=True)
def _play(at, frames, signature):
    _ace(*blocks_at(at, frames), *arguments_at(at, signature))
