"""ACE as compiled loops: an interval goes through one stage after the other while all of it is in the fastest cache."""

from __future__ import annotations

import numpy as np
from numba import njit

from fxlab.audio.biquad import run_row
from fxlab.compiled import arguments_at, blocks_at
from fxlab.effects.ace.kernel_bank import advance, join, split
from fxlab.effects.ace.kernel_gains import gains, neighbourhood
from fxlab.effects.ace.kernel_tce import transients
from fxlab.effects.ace.stream import AceStream
from fxlab.effects.compiled import Compiled

_OPTIONS = {"nogil": True, "error_model": "numpy", "fastmath": {"contract", "nsz"}}


class Ace(Compiled, AceStream):
    """Streaming ACE, compiled by Numba, double precision inside."""

    def _allocate(self) -> None:
        super()._allocate()
        self.kernel, self.play = _ace, _play
        d, bank, state = self.design, self.bank, self._state
        interval, bands = bank.interval, len(bank.erb)
        weights, adapt = bank.weights * d.bands, bool(self.parameters["adapt"])
        scratch = np.zeros((3, self.channels, interval)), np.zeros(interval), np.zeros((self.channels, interval, bands))
        self._arguments = (
            tuple(state[name] for name in ("position", "waiting", "ready", "dry", "tce", "sum")),
            (d.highpass[None].copy(), state["highpass"], state["out_highpass"]),
            (d.tce_highpass[None].copy(), state["tce_highpass"]),
            (
                tuple(map(float, (d.tce_rise, d.tce_fall, d.tce_threshold, d.delta, d.adapting))),
                adapt,
                state["tce_followers"],
                state["heard"],
                state["report"],
            ),
            (
                tuple(
                    map(
                        float,
                        (
                            d.li,
                            d.li_strength,
                            d.ex,
                            d.ex_strength,
                            d.ex_threshold,
                            d.dp_rise,
                            d.gain,
                            d.delta,
                            d.adapting,
                            1.0 / interval,
                        ),
                    )
                ),
                adapt,
                np.array([d.detector / (interval * self.channels), d.noise, d.dp_fall]),
                *neighbourhood(d.neighbours),
                state["followers"],
                state["heard"],
                state["report"],
                np.zeros((5, bands)),
            ),
            (state["bank"], np.array([bank.poles.real, bank.poles.imag]), np.array([weights.real, weights.imag])),
            (np.array(bank.delays), np.zeros(bands), *scratch),
            (float(d.sce_share), float(d.mix), float(d.output)),
            self.parameters["tce_carrier"] == "full",
        )


@njit(cache=True, **_OPTIONS)
def _ace(block, out, lines, highpass, tce_highpass, tce, sce, bank, room, mixing, full):
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
            _interval(lines, highpass, tce_highpass, tce, sce, bank, room, mixing, full)


@njit(cache=True, **_OPTIONS)
def _interval(lines, highpass, tce_highpass, tce, sce, bank, room, mixing, full):
    _, waiting, ready, dries, tces, sums = lines
    delays, power, (filtered, heard, wets), gain, parts = room
    states, poles, weights = bank
    sce_share, mix, output = mixing
    interval = waiting.shape[1]
    power[:] = 0.0
    for channel in range(len(waiting)):
        run_row(waiting[channel], filtered[channel], highpass[0], highpass[1][channel])
        run_row(filtered[channel], heard[channel], tce_highpass[0], tce_highpass[1][channel])
        split(filtered[channel], states[channel], poles, weights, parts[channel], power)
    temporal = (1.0 - sce_share) * transients(heard, *tce, gain)
    gains(power, *sce)
    rows = sce[-1]
    for channel in range(len(waiting)):
        dry, late, total, wet = dries[channel], tces[channel], sums[channel], wets[channel]
        join(parts[channel], rows[0], rows[1], delays, total)
        carrier = filtered[channel] if full else heard[channel]
        advance(dry, interval)
        advance(late, interval)
        end = len(dry) - interval
        for n in range(interval):
            dry[end + n] = waiting[channel, n]
            late[end + n] = carrier[n] * gain[n]
        for n in range(interval):
            wet[n] = temporal * late[n] + sce_share * total[n]
        run_row(wet, wet, highpass[0], highpass[2][channel])
        for n in range(interval):
            ready[channel, n] = output * ((1.0 - mix) * dry[n] + mix * wet[n])
        advance(total, interval)
        total[end:] = 0.0


@njit(cache=True, nogil=True)
def _play(at, frames, signature):
    _ace(*blocks_at(at, frames), *arguments_at(at, signature))
