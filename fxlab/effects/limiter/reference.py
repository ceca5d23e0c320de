"""The limiter in plain NumPy: what the compiled loops are compared with."""

from __future__ import annotations

import numpy as np

from fxlab.audio.true_peak import LOUDEST, TAPS, phases
from fxlab.effects.limiter.stream import FACTOR, INTERVAL, MARGIN, SILENT, UNITS, LimiterStream


class LimiterReference(LimiterStream):
    """Streaming limiter in NumPy, double precision inside."""

    def _run(self, block: np.ndarray, out: np.ndarray) -> None:
        state, frames = self._state, block.shape[1]
        line = np.concatenate([state["dry"], np.where(np.abs(block) <= LOUDEST, block, np.float32(0))], axis=1)
        peaks = np.stack([_peaks(row[-frames - TAPS - 1 :].astype(float)) for row in line])
        if len(state["levels"]) == 1:
            peaks = peaks.max(axis=0, keepdims=True)
        levels = np.concatenate([state["levels"], peaks], axis=1)
        highest = np.lib.stride_tricks.sliding_window_view(levels, self.span + 1, axis=1).max(axis=2)
        share = self.threshold / np.maximum(highest, self.threshold)
        needs = (1.0 - share) * (1.0 + MARGIN * share)
        needs += self.link * (needs.max(axis=0) - needs)
        summed = self._summed(np.ceil(self._followed(needs) * UNITS).astype(np.int64))
        gain = (self.whole - summed) / self.whole
        out[:] = line[:, self.past - self.latency :][:, :frames] * (self.gain * gain)
        self._tell(gain.min(axis=0))
        state["dry"][:], state["levels"][:] = line[:, frames:], levels[:, frames:]

    def _followed(self, needs: np.ndarray) -> np.ndarray:
        held = np.empty_like(needs)
        f, s = self._state["follower"].T.copy()
        for i, need in enumerate(needs.T):
            s = need + self.slow * (s - need)
            s = np.where(s > SILENT, s, 0.0)
            f = np.maximum(need, s + self.fast * (f - s))
            f = held[:, i] = np.where(f > SILENT, f, 0.0)
        self._state["follower"].T[:] = f, s
        return held

    def _summed(self, units: np.ndarray) -> np.ndarray:
        """Sums over three boxes: differences of threefold sums, which may wrap around."""
        sums, frames = self._state["sums"], units.shape[1]
        for place in range(3):
            units[:, 0] += sums[:, place]
            units = np.cumsum(units, axis=1)
            sums[:, place] = units[:, -1]
        total = line = np.concatenate([self._state["sum_line"], units], axis=1)
        for box in self.boxes:
            total = total[:, box:] - total[:, :-box]
        self._state["sum_line"][:] = line[:, frames:]
        return total

    def _tell(self, gain: np.ndarray) -> None:
        clock, least, record = (self._state[name] for name in ("clock", "least", "record"))
        places = (clock + np.arange(len(gain))) // INTERVAL
        known = (places >= 0) & (places < len(record))
        np.minimum.at(record, places[known], gain[known])
        least[:] = min(least[0], gain.min())
        clock += len(gain)


def _peaks(line: np.ndarray) -> np.ndarray:
    """The largest size between each sample and the next one, that of a parabola where one culminates."""
    places = len(line) - TAPS + 1
    grid = [line[TAPS // 2 - 1 :][:places], *(np.correlate(line, taps) for taps in phases(FACTOR).astype(float))]
    grid = np.stack(grid, axis=1).ravel()
    before, here, after = (grid[FACTOR + shift : shift - FACTOR] for shift in (-1, 0, 1))
    slope, bend = after - before, (2.0 * here - before - after) * np.sign(here)
    summit = bend > np.abs(slope)
    rise = np.where(summit, slope**2 / (8.0 * np.where(summit, bend, 1.0)), 0.0)
    return (np.abs(here) + rise).reshape(-1, FACTOR).max(axis=1)
