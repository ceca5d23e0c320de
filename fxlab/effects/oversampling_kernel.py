"""The oversampler of `fxlab.effects.oversampling` as compiled polyphase filters."""

from __future__ import annotations

import numpy as np
from numba import njit

from fxlab.effects import oversampling

CHUNK = 512  # base-rate frames at once: all buffers stay in the fastest cache

_UNROLL = 4  # taps per pass over the output
_OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy", "fastmath": {"contract", "nsz"}}


class Oversampler:
    """Up and down again, at most `CHUNK` base-rate frames a call, without allocating.

    Args:
        factor: 1, 2, 4 or 8.
        channels: Rows of the audio.
    """

    def __init__(self, factor: int, channels: int) -> None:
        self.state: dict[str, np.ndarray] = {}
        self._stages = []
        self._input = np.zeros((channels, CHUNK))
        for index, stage in enumerate(oversampling.stages(factor)):
            frames = CHUNK << index
            up, down = (_phase(stage.up, 0), _phase(stage.up, 1)), (_phase(stage.down, 0), _phase(stage.down, 1))
            names = f"up{index}", f"even{index}", f"odd{index}"
            reach = (max(up[0][1], up[1][1]), down[0][1], down[1][1] + 1)
            self.state |= {name: np.zeros((channels, length)) for name, length in zip(names, reach, strict=True)}
            lines = [np.zeros(length + frames) for length in reach]
            self._stages.append((up, down, names, lines, np.zeros(frames), np.zeros((channels, 2 * frames))))

    def up(self, block: np.ndarray) -> np.ndarray:
        """(channels, frames) to (channels, factor * frames): a float64 buffer that the next call reuses.

        Non-finite samples count as silence.
        """
        frames = block.shape[1]
        line = self._input[:, :frames]
        # Row by row: rows are contiguous whatever part of a buffer they are, so one compilation serves every block size.
        for channel in range(len(block)):
            _clean(block[channel], line[channel])
        for (even, odd), _, (name, _, _), (history, _, _), spare, high in self._stages:
            high = high[:, : 2 * line.shape[1]]
            for channel, past in enumerate(self.state[name]):
                _up(line[channel], past, history, *even, *odd, spare, high[channel])
            line = high
        return line

    def down(self, work: np.ndarray) -> np.ndarray:
        """(channels, factor * frames) to (channels, frames), a buffer that the next call reuses."""
        for index in range(len(self._stages) - 1, -1, -1):
            _, (even, odd), (_, name, other), (_, first, second), spare, _ = self._stages[index]
            frames = work.shape[1] // 2
            low = (self._stages[index - 1][-1] if index else self._input)[:, :frames]
            evens, odds = self.state[name], self.state[other]
            for channel in range(len(work)):
                _down(work[channel], evens[channel], odds[channel], first, second, *even, *odd, spare, low[channel])
            work = low
        return work


def _phase(taps: np.ndarray, start: int) -> tuple[np.ndarray, int]:
    """Every second tap as (taps, reach): zeros at both ends trimmed, padded to whole passes, `reach` the samples it looks
    back from the newest one, the delay of the first tap being reach - len(taps) + 1."""
    taps = taps[start::2]
    first, last = np.flatnonzero(taps)[[0, -1]]
    taps = taps[first : last + 1]
    padded = np.concatenate([taps, np.zeros(-len(taps) % _UNROLL)])
    return padded, int(first) + len(padded) - 1


@njit(**_OPTIONS)
def _clean(block, line):
    for i in range(len(block)):
        x = np.float64(block[i])
        line[i] = x if abs(x) < np.inf else 0.0


@njit(**_OPTIONS)
def _fir(line, newest, taps, reach, out):
    """out[i] = sum_m taps[m] line[newest + i - delay - m]: four taps a pass, so that the passes run as vectors."""
    first = newest - (reach - len(taps) + 1)
    for m in range(0, len(taps), 4):
        h0, h1, h2, h3 = taps[m], taps[m + 1], taps[m + 2], taps[m + 3]
        x = line[first - m - 3 : first - m + len(out)]
        if m == 0:
            for i in range(len(out)):
                out[i] = (h0 * x[i + 3] + h1 * x[i + 2]) + (h2 * x[i + 1] + h3 * x[i])
        else:
            for i in range(len(out)):
                out[i] += (h0 * x[i + 3] + h1 * x[i + 2]) + (h2 * x[i + 1] + h3 * x[i])


@njit(**_OPTIONS)
def _fill(history, line, frames):
    """After `frames` new samples behind the history: keeps the last ones as the next history."""
    reach = len(history)
    for i in range(reach):
        history[i] = line[frames + i]


@njit(**_OPTIONS)
def _up(low, history, line, even, even_reach, odd, odd_reach, spare, high):
    frames, reach = len(low), len(history)
    result = spare[:frames]
    line[:reach] = history
    line[reach : reach + frames] = low
    _fir(line, reach, even, even_reach, result)
    for i in range(frames):
        high[2 * i] = result[i]
    _fir(line, reach, odd, odd_reach, result)
    for i in range(frames):
        high[2 * i + 1] = result[i]
    _fill(history, line, frames)


@njit(**_OPTIONS)
def _down(high, evens, odds, first, second, even, even_reach, odd, odd_reach, spare, low):
    frames = len(low)
    result = spare[:frames]
    first[:even_reach] = evens
    second[: odd_reach + 1] = odds
    for i in range(frames):
        first[even_reach + i] = high[2 * i]
        second[odd_reach + 1 + i] = high[2 * i + 1]
    _fir(first, even_reach, even, even_reach, low)
    # An odd tap reaches back to the odd sample before the even one of the same index.
    _fir(second, odd_reach, odd, odd_reach, result)
    for i in range(frames):
        low[i] += result[i]
    _fill(evens, first, frames)
    _fill(odds, second, frames)
