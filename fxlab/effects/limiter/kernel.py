"""The limiter as compiled loops."""

from __future__ import annotations

import numpy as np
from numba import njit

from fxlab.audio.true_peak import TAPS, phases, reach
from fxlab.audio.true_peak_kernel import CHUNK, ROOM, interpolate, largest, summits, take
from fxlab.effects.compiled import Compiled
from fxlab.effects.limiter.stream import FACTOR, INTERVAL, MARGIN, SILENT, UNITS, LimiterStream
from fxlab.kernels.stages import arguments_at, blocks_at

_EDGE = TAPS + 1
_OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy", "fastmath": {"contract", "nsz", "nnan"}}


@njit(**_OPTIONS)
def limit(block, out, numbers, boxes, filters, state, room):
    """Limits one block (channels, frames) into `out`, which may be the same; neither allocates nor holds the interpreter lock.

    Args:
        numbers: Gain; level of the input that is the ceiling; what the two followers keep per frame; link; latency.
        boxes: Their three lengths.
        filters: Those of the interpolation, and how far they may exceed the samples.
        state: See `LimiterStream`.
        room: Lines of the input with its past, of levels likewise, two more for their maximum; interpolated values; peaks; needs;
            lines of the sums.
    """
    gain, threshold, fast, slow, link, latency = numbers
    dry, levels, follower, sums, sum_line, clock, least, record = state
    lines, level_lines, maxima, values, peaks, needs, sum_lines = room
    past, span, rows, kept = dry.shape[1], levels.shape[1], len(levels), sum_line.shape[1]
    for start in range(0, block.shape[1], CHUNK):
        frames = min(CHUNK, block.shape[1] - start)
        for channel in range(len(block)):
            line, row = lines[channel], level_lines[min(channel, rows - 1)]
            _move(dry[channel], 0, line, 0, past)
            take(block[channel], start, line, past, frames)
            _move(line, frames, dry[channel], 0, past)
            heard = line[past - _EDGE :]
            if largest(heard, frames + _EDGE) * filters[1] > threshold:
                interpolate(heard, filters[0], values, frames + 2)
                summits(values, peaks, frames)
            else:
                _silence(peaks, frames)
            if channel < rows:
                _move(peaks, 0, row, span, frames)
            else:
                for i in range(frames):
                    row[span + i] = max(row[span + i], peaks[i])
        for k in range(rows):
            _move(levels[k], 0, level_lines[k], 0, span)
            _move(level_lines[k], frames, levels[k], 0, span)
            highest = _maximum(level_lines[k], span, maxima, frames)
            _need(highest, threshold, needs[k], frames)
        if rows > 1:
            _linked(needs, link, frames)
        for k in range(rows):
            _move(sum_line[k], 0, sum_lines[k], 0, kept)
            _follow(needs[k], follower[k], fast, slow, sums[k], sum_lines[k], kept, frames)
            _move(sum_lines[k], frames, sum_line[k], 0, kept)
            _smooth(sum_lines[k], boxes, kept, needs[k], frames)
            _tell(needs[k], clock[0], least, record, frames)
        clock[0] += frames
        for channel in range(len(block)):
            _apply(lines[channel], past - latency, needs[min(channel, rows - 1)], gain, out[channel], start, frames)


@njit(**_OPTIONS)
def _silence(target, frames):
    for i in range(frames):
        target[i] = 0.0


@njit(**_OPTIONS)
def _move(source, first, target, place, frames):
    for i in range(frames):
        target[place + i] = source[first + i]


@njit(**_OPTIONS)
def _maximum(line, span, maxima, frames):
    """The largest of each `span` + 1 successive values, by doubling; a row of `maxima`, or the line itself."""
    width, length, now = 1, span + frames, line
    turn = 0
    while 2 * width <= span + 1:
        length -= width
        _larger(now, width, maxima[turn], length)
        now = maxima[turn]
        turn, width = 1 - turn, 2 * width
    rest = span + 1 - width
    if rest:
        _larger(now, rest, maxima[turn], frames)
        now = maxima[turn]
    return now


@njit(**_OPTIONS)
def _larger(now, width, out, length):
    for i in range(length):
        a, b = now[i], now[i + width]
        out[i] = a if a > b else b


@njit(**_OPTIONS)
def _need(highest, threshold, needs, frames):
    for i in range(frames):
        level = np.float64(highest[i])
        share = threshold / (level if level > threshold else threshold)
        need = 1.0 - share
        needs[i] = need + MARGIN * need * share


@njit(**_OPTIONS)
def _linked(needs, link, frames):
    for i in range(frames):
        most = 0.0
        for k in range(len(needs)):
            most = max(most, needs[k, i])
        for k in range(len(needs)):
            needs[k, i] += link * (most - needs[k, i])


@njit(**_OPTIONS)
def _follow(needs, follower, fast, slow, sums, line, kept, frames):
    """The reduction in units, added up three times: differences of such sums are those over boxes, even where they wrap."""
    f, s = follower[0], follower[1]
    a, b, c = sums[0], sums[1], sums[2]
    for i in range(frames):
        need = needs[i]
        s = need + slow * (s - need)
        s = s if s > SILENT else 0.0
        f = s + fast * (f - s)
        f = f if f > need else need
        f = f if f > SILENT else 0.0
        a += np.int64(np.ceil(f * UNITS))
        b += a
        c += b
        line[kept + i] = c
    follower[0], follower[1] = f, s
    sums[0], sums[1], sums[2] = a, b, c


@njit(**_OPTIONS)
def _smooth(line, boxes, kept, gains, frames):
    """What the mean of the boxes leaves of 1."""
    p, q, r = boxes
    whole = p * q * r * UNITS
    for i in range(frames):
        n = kept + i
        near = line[n] - line[n - p] - line[n - q] + line[n - p - q]
        far = line[n - r] - line[n - p - r] - line[n - q - r] + line[n - p - q - r]
        gains[i] = np.float64(whole - (near - far)) / np.float64(whole)


@njit(**_OPTIONS)
def _tell(gains, clock, least, record, frames):
    """Keeps the smallest gain, and that of each interval."""
    done = 0
    while done < frames:
        place = (clock + done) // INTERVAL
        stop = min(frames, (place + 1) * INTERVAL - clock)
        lowest = 1.0
        for i in range(done, stop):
            lowest = gains[i] if gains[i] < lowest else lowest
        least[0] = min(least[0], lowest)
        if 0 <= place < len(record):
            record[place] = min(record[place], lowest)
        done = stop


@njit(**_OPTIONS)
def _apply(line, first, gains, gain, out, start, frames):
    for i in range(frames):
        out[start + i] = np.float64(line[first + i]) * (gain * gains[i])


@njit(cache=True, nogil=True)
def _play(at, frames, signature):
    limit(*blocks_at(at, frames), *arguments_at(at, signature))


class Limiter(Compiled, LimiterStream):
    """Streaming limiter, compiled by Numba."""

    kernel, play = staticmethod(limit), staticmethod(_play)

    def _allocate(self) -> None:
        super()._allocate()
        state, (rows, span) = self._state, self._state["levels"].shape
        room = (
            np.zeros((self.channels, self.past + ROOM), np.float32),
            np.zeros((rows, span + ROOM), np.float32),
            np.zeros((2, span + ROOM), np.float32),
            np.zeros((FACTOR, ROOM), np.float32),
            np.zeros(ROOM, np.float32),
            np.zeros((rows, CHUNK)),
            np.zeros((rows, sum(self.boxes) + CHUNK), np.int64),
        )
        self._arguments = (
            (self.gain, self.threshold, self.fast, self.slow, self.link, self.latency),
            self.boxes,
            (phases(FACTOR), reach(FACTOR)),
            tuple(state.values()),
            room,
        )
