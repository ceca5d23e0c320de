"""The oversampler of `fxlab.effects.oversampling` as compiled polyphase filters."""

from __future__ import annotations

import numpy as np
from numba import njit, types

from fxlab.effects import oversampling
from fxlab.kernels.addresses import array_at, table_at, table_of
from fxlab.kernels.stages import address_of, call_kernel

CHUNK = 512  # base-rate frames at once: all buffers stay in the fastest cache

_UNROLL = 4  # taps per pass over the output
_OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy", "fastmath": {"contract", "nsz"}}


_EVEN_UP, _ODD_UP, _EVEN_DOWN, _ODD_DOWN = range(0, 12, 3)  # columns of the plan: where taps begin, how many, their reach
_PAST_UP, _PAST_EVEN, _PAST_ODD, _HIGH = range(12, 16)  # columns of the plan: where these begin
_ROW = 16


class Oversampler:
    """What `upsample` and `downsample` work on. Their filters are compiled once for all effects, and called by address.

    Args:
        factor: 1, 2, 4 or 8.
        channels: Rows of the audio.

    Attributes:
        state: Everything that survives between blocks, by name; each (channels, samples).
        arguments: What the two take last.
    """

    def __init__(self, factor: int, channels: int) -> None:
        plan, taps, reaches, high = [], [], [], 0
        for index, stage in enumerate(oversampling.stages(factor)):
            phases = [_phase(side, start) for side in (stage.up, stage.down) for start in (0, 1)]
            row = []
            for phase, reach in phases:
                row += [sum(map(len, taps)), len(phase), reach]
                taps.append(phase)
            (_, even_up), (_, odd_up), (_, even_down), (_, odd_down) = phases
            for length in (max(even_up, odd_up), even_down, odd_down + 1):
                row.append(channels * sum(reaches))
                reaches.append(length)
            high += CHUNK << index
            plan.append([*row, high])
        memory, self.state, at = np.zeros(channels * sum(reaches)), {}, 0
        for number, length in enumerate(reaches):
            name = f"{('up', 'even', 'odd')[number % 3]}{number // 3}"
            self.state[name] = memory[at : at + channels * length].reshape(channels, length)
            at += channels * length
        levels = np.zeros(high + CHUNK * factor)
        lines = np.zeros(3 * (max(reaches) + len(levels)) if plan else 0)
        self._kept = np.array(plan, np.int64).ravel(), np.concatenate([np.zeros(0), *taps]), memory, levels, lines
        table = table_of(0, *self._kept)
        up, down = (address_of(kernel, types.intp, types.intp) if plan else 0 for kernel in (_play_up, _play_down))
        self.arguments = up, down, table.ctypes.data, table, levels, high, len(plan)


@njit(cache=True, nogil=True, error_model="numpy")
def upsample(block, channel, up, down, at, table, levels, high, doublings):
    """At most `CHUNK` frames of a channel at `factor` times the rate: float64, until the next call.

    Args:
        block: (frames,) of any float type; non-finite samples count as silence.
        channel: Number of the channel.
    """
    for i in range(len(block)):
        x = np.float64(block[i])
        levels[i] = x if abs(x) < np.inf else 0.0
    if doublings:
        table[0] = channel
        call_kernel(up, at, len(block))
    return levels[high : high + (len(block) << doublings)]


@njit(cache=True, nogil=True, error_model="numpy")
def downsample(frames, up, down, at, table, levels, high, doublings):
    """The way back of what `upsample` gave last, worked on in place, to as many frames as it took; likewise."""
    if doublings:
        call_kernel(down, at, frames)
    return levels[:frames]


@njit(**_OPTIONS)
def _play_up(at, frames):
    """Args:
    at: Address of a table (`addresses`): the channel; the plan's rows; all filters' taps; the state; room for the signal at
        each rate, which has the input in front; scratch for a line of the signal with its past, twice, and a filter's output.
    frames: Of the input.
    """
    table = table_at(at, 11)
    plan, taps, memory = array_at(table, 1, np.int64), array_at(table, 3, np.float64), array_at(table, 5, np.float64)
    levels, lines = array_at(table, 7, np.float64), array_at(table, 9, np.float64)
    room, line = len(lines) // 3, levels[:frames]
    for stage in range(len(plan) // _ROW):
        row = plan[stage * _ROW : (stage + 1) * _ROW]
        high = levels[row[_HIGH] : row[_HIGH] + 2 * len(line)]
        even, odd = taps[row[_EVEN_UP] :][: row[_EVEN_UP + 1]], taps[row[_ODD_UP] :][: row[_ODD_UP + 1]]
        past = _past(memory, row[_PAST_UP], table[0], max(row[_EVEN_UP + 2], row[_ODD_UP + 2]))
        _up(line, past, lines, even, row[_EVEN_UP + 2], odd, row[_ODD_UP + 2], lines[2 * room :], high)
        line = high


@njit(**_OPTIONS)
def _play_down(at, frames):
    """As `_play_up`, from the highest rate back to the input's place; `frames` are those of the output."""
    table = table_at(at, 11)
    plan, taps, memory = array_at(table, 1, np.int64), array_at(table, 3, np.float64), array_at(table, 5, np.float64)
    levels, lines = array_at(table, 7, np.float64), array_at(table, 9, np.float64)
    room = len(lines) // 3
    for stage in range(len(plan) // _ROW - 1, -1, -1):
        row = plan[stage * _ROW : (stage + 1) * _ROW]
        high = levels[row[_HIGH] : row[_HIGH] + (frames << (stage + 1))]
        first = plan[(stage - 1) * _ROW + _HIGH] if stage else 0
        low = levels[first : first + (frames << stage)]
        even, odd = taps[row[_EVEN_DOWN] :][: row[_EVEN_DOWN + 1]], taps[row[_ODD_DOWN] :][: row[_ODD_DOWN + 1]]
        evens = _past(memory, row[_PAST_EVEN], table[0], row[_EVEN_DOWN + 2])
        odds = _past(memory, row[_PAST_ODD], table[0], row[_ODD_DOWN + 2] + 1)
        reach, spare = row[_EVEN_DOWN + 2], lines[2 * room :]
        _down(high, evens, odds, lines, lines[room:], even, reach, odd, row[_ODD_DOWN + 2], spare, low)


@njit(inline="always", **_OPTIONS)
def _past(memory, first, channel, length):
    start = first + channel * length
    return memory[start : start + length]


def _phase(taps: np.ndarray, start: int) -> tuple[np.ndarray, int]:
    """Every second tap as (taps, reach): zeros at both ends trimmed, padded to whole passes, `reach` the samples it looks
    back from the newest one, the delay of the first tap being reach - len(taps) + 1."""
    taps = taps[start::2]
    first, last = np.flatnonzero(taps)[[0, -1]]
    taps = taps[first : last + 1]
    padded = np.concatenate([taps, np.zeros(-len(taps) % _UNROLL)])
    return padded, int(first) + len(padded) - 1


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


@njit(inline="always", **_OPTIONS)
def _fill(history, line, frames):
    """After `frames` new samples behind the history: keeps the last ones as the next history."""
    reach = len(history)
    for i in range(reach):
        history[i] = line[frames + i]


@njit(inline="always", **_OPTIONS)
def _up(low, history, line, even, even_reach, odd, odd_reach, spare, high):
    frames, reach = len(low), len(history)
    result = spare[:frames]
    for i in range(reach):  # item by item: Numba takes seconds to compile `line[:reach] = history`
        line[i] = history[i]
    for i in range(frames):
        line[reach + i] = low[i]
    _fir(line, reach, even, even_reach, result)
    for i in range(frames):
        high[2 * i] = result[i]
    _fir(line, reach, odd, odd_reach, result)
    for i in range(frames):
        high[2 * i + 1] = result[i]
    _fill(history, line, frames)


@njit(inline="always", **_OPTIONS)
def _down(high, evens, odds, first, second, even, even_reach, odd, odd_reach, spare, low):
    frames = len(low)
    result = spare[:frames]
    for i in range(even_reach):
        first[i] = evens[i]
    for i in range(odd_reach + 1):
        second[i] = odds[i]
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
