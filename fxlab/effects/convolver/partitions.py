"""How a long impulse response is cut up so that its convolution has no delay and costs every block about the same.

The first TICK taps are convolved directly. The rest is cut into partitions, of TICK samples first and of four times as many at
each further level (William G. Gardner, "Efficient convolution without input-output delay", JAES 43(3), 1995). A level of
size B takes the input in blocks of B. Its work on one of them comes in units (passes of transforms, products of spectra), which
are dealt out to the B / TICK ticks that follow. The last tick is B - TICK samples late, so the level's taps begin at 2 B - TICK.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fxlab.effects.convolver.transform import forward, passes, twiddles, twist

TICK = 64
LARGEST = 4096

_GROWTH = 4


@dataclass(frozen=True)
class Level:
    """Partitions of one size.

    Args:
        size: Samples in each, TICK times a power of four.
        count: How many there are.
        start: Tap at which the first one begins.
    """

    size: int
    count: int
    start: int


def levels(taps: int) -> list[Level]:
    """The partitions for a filter of so many taps, short ones first; none up to TICK taps."""
    found, size, start = [], TICK, TICK
    while start < taps:
        longer = _GROWTH * size
        end = 2 * longer - TICK
        if size == LARGEST or taps <= end + longer:  # a level for a single partition costs more than it saves
            end = taps
        found.append(Level(size, -(-(end - start) // size), start))
        size, start = longer, end
    return found


class Partitions:
    """A filter as the compiled loops take it.

    Args:
        taps: (responses, N) float64.

    Attributes:
        head: (responses, TICK), the first taps backwards.
        spectra: (responses, 2, bins), real and imaginary parts of all partitions' transforms.
        plan: (levels, 5) int64: size, count, passes, where the level begins in `spectra`, where in `twists`.
        twists: (2, sum of sizes).
        factors: What the passes of the transforms take.
        longest: Size of the last level, TICK where there is none.
    """

    def __init__(self, taps: np.ndarray) -> None:
        responses, count = taps.shape
        cut = levels(count)
        head = np.zeros((responses, TICK))
        head[:, : min(count, TICK)] = taps[:, :TICK]
        self.head = head[:, ::-1].copy()
        rows, bins, places = [], 0, 0
        for level in cut:
            rows.append((level.size, level.count, passes(level.size), bins, places))
            bins, places = bins + level.size * level.count, places + level.size
        self.plan = np.array(rows, np.int64).reshape(-1, 5)
        self.longest = cut[-1].size if cut else TICK
        self.twists = np.concatenate([np.zeros((2, 0)), *(twist(level.size) for level in cut)], axis=1)
        self.factors = twiddles(self.longest)
        self.spectra = np.zeros((responses, 2, bins))
        for level, (size, number, _, begin, _) in zip(cut, rows, strict=True):
            padded = np.zeros((responses, number * size))
            given = taps[:, level.start : level.start + number * size]
            padded[:, : given.shape[1]] = given
            twisted = padded.reshape(responses, 1, number, size) * (twist(size) / size)[:, None]
            self.spectra[:, :, begin : begin + number * size] = twisted.reshape(responses, 2, -1)
            for re, im in self.spectra:
                for at in range(begin, begin + number * size, size):
                    forward(re[at : at + size], im[at : at + size], self.factors)
