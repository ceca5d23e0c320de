"""Which cells of an instrument are neighbours: harmonics and noise bands in chains, and octaves and fifths across them.

Harmonics 1..K form one chain and noise bands 1..B another; harmonic 1 and band 1 are neighbours, the other ends are open. Within
each chain the musical neighbours of number k are its octaves, 2k and k/2, and its fifths, 3k/2 and 2k/3, where they are whole:
bands are of equal width from 0 Hz, so what is an octave among harmonics is one among bands. In a chain alone news takes K steps
from one end to the other; across octaves and fifths it takes about log K.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

MUSICAL = ((2, 1), (1, 2), (3, 2), (2, 3))
"""Octave up and down, fifth up and down, as ratios."""
OCTAVE, FIFTH, STEP, NOISE = 1.0, 1.2, 1.6, 2.0
"""How far relatives are apart: octaves, fifths, neighbours of a chain, harmonic 1 and noise band 1."""


@dataclass(frozen=True)
class Kinship:
    """The graph of `harmonics` + `bands` cells; index `cells`, one behind the last, stands for nobody.

    Args:
        above: The next cell of the chain, (cells,).
        below: The one before, (cells,).
        musical: Musical neighbours, (cells, 4).
        distance: Of the relatives [above, below, musical], (cells, 6), infinite where there is nobody.
        cost: Length of the shortest way from harmonic 1, (cells,).
        views: What each cell sees of the others as matrices, float32 (3, cells, cells): the next cell of the chain minus the one
            before, their mean minus itself, the mean of its musical neighbours minus itself (0 where it has none). Beyond a
            chain's end all is 0.
    """

    above: np.ndarray
    below: np.ndarray
    musical: np.ndarray
    distance: np.ndarray
    cost: np.ndarray
    views: np.ndarray

    @property
    def relatives(self) -> np.ndarray:
        """All neighbours, (cells, 6)."""
        return np.column_stack([self.above, self.below, self.musical])

    def ways(self, tolls: np.ndarray) -> np.ndarray:
        """Length of the cheapest way from harmonic 1 to each cell, entering a cell costing its toll.

        Args:
            tolls: (..., cells), not negative.

        Returns:
            (..., cells), harmonic 1 being 0.
        """
        return _ways(self.relatives, self.distance, tolls)


@lru_cache(maxsize=8)
def kinship(harmonics: int, bands: int) -> Kinship:
    """The graph of so many harmonics and noise bands; its arrays are shared and read-only."""
    cells = harmonics + bands
    above = np.full(cells, cells)
    below = np.full(cells, cells)
    musical = np.full((cells, len(MUSICAL)), cells)
    distance = np.full((cells, 2 + len(MUSICAL)), np.inf)
    for first, count in ((0, harmonics), (harmonics, bands)):
        for number in range(1, count + 1):
            cell = first + number - 1
            if number < count:
                above[cell], distance[cell, 0] = cell + 1, STEP
            if number > 1:
                below[cell], distance[cell, 1] = cell - 1, STEP
            for column, (times, over) in enumerate(MUSICAL):
                other, rest = divmod(number * times, over)
                if not rest and 1 <= other <= count:
                    musical[cell, column] = first + other - 1
                    distance[cell, 2 + column] = OCTAVE if column < 2 else FIFTH
    if bands:
        below[0], below[harmonics] = harmonics, 0
        distance[0, 1] = distance[harmonics, 1] = NOISE
    cost = _ways(np.column_stack([above, below, musical]), distance, np.zeros(cells))
    views = _views(above, below, musical)
    for array in (above, below, musical, distance, cost, views):
        array.setflags(write=False)
    return Kinship(above, below, musical, distance, cost, views)


def _views(above: np.ndarray, below: np.ndarray, musical: np.ndarray) -> np.ndarray:
    people = np.eye(len(above) + 1, len(above), dtype=np.float32)  # nobody's row is 0
    up, down, self = people[above], people[below], people[:-1]
    count = (musical < len(above)).sum(axis=1)[:, None]
    relatives = people[musical].sum(axis=1) / np.maximum(count, 1).astype(np.float32)
    return np.stack([up - down, 0.5 * (up + down) - self, relatives - self * (count > 0)])


def _ways(relatives: np.ndarray, distance: np.ndarray, tolls: np.ndarray) -> np.ndarray:
    """Bellman and Ford's: relaxed until nothing gets shorter."""
    far = np.full((*tolls.shape[:-1], tolls.shape[-1] + 1), np.inf)
    far[..., 0] = 0.0
    while True:
        shorter = (far[..., relatives] + distance).min(axis=-1) + tolls
        shorter[..., 0] = 0.0
        if not (shorter < far[..., :-1]).any():
            return far[..., :-1]
        far[..., :-1] = np.minimum(shorter, far[..., :-1])
