"""The graph of cells: its edges are mutual, its ends are open, and nobody is far from the first harmonic."""

from __future__ import annotations

import numpy as np
import pytest

from fxlab.timbre.kinship import kinship


@pytest.mark.parametrize(("harmonics", "bands"), [(64, 64), (16, 8), (2, 2), (7, 30)])
def test_neighbours_are_mutual(harmonics, bands):
    kin, cells = kinship(harmonics, bands), harmonics + bands
    edges = {(cell, int(other)) for cell in range(cells) for other in kin.relatives[cell] if other < cells}
    assert edges == {(other, cell) for cell, other in edges}
    assert all(cell != other for cell, other in edges)


def test_musical_neighbours_are_octaves_and_fifths():
    kin = kinship(64, 64)
    numbers = {int(other) + 1 for other in kin.musical[11] if other < 128}  # of harmonic 12
    assert numbers == {24, 6, 18, 8}
    assert {int(other) - 63 for other in kin.musical[64 + 11] if other < 128} == numbers  # and of band 12
    assert (kin.musical[60] == 128).all()  # 61 is prime, and its octave isn't there


def test_the_ends_are_open_and_the_chains_meet_at_their_first_cells():
    kin = kinship(64, 32)
    assert kin.above[63] == kin.above[95] == 96
    assert (kin.below[0], kin.below[64]) == (64, 0)


def test_news_takes_about_as_many_steps_as_the_logarithm_of_the_cells():
    kin = kinship(64, 64)
    reached, steps = {0}, 0
    while len(reached) < 128:
        reached |= {int(other) for cell in reached for other in kin.relatives[cell] if other < 128}
        steps += 1
    assert steps <= 9


def test_the_ways_are_those_of_scipy():
    graph = pytest.importorskip("scipy.sparse.csgraph")
    kin, rng = kinship(16, 8), np.random.default_rng(0)
    tolls = rng.random((3, 24))
    for row in tolls:
        edges = np.zeros((24, 24))
        for cell in range(24):
            for other, distance in zip(kin.relatives[cell], kin.distance[cell], strict=True):
                if other < 24:
                    edges[other, cell] = min(distance + row[cell], edges[other, cell] or np.inf)
        expected = graph.dijkstra(edges, indices=0)
        assert np.allclose(kin.ways(tolls)[(tolls == row).all(axis=1)][0], expected)


def test_what_a_cell_sees():
    kin = kinship(16, 8)
    state = np.random.default_rng(1).normal(size=24).astype(np.float32)
    difference, mean, musical = kin.views @ state
    assert np.isclose(difference[4], state[5] - state[3])
    assert np.isclose(mean[4], (state[5] + state[3]) / 2 - state[4])
    assert np.isclose(musical[5], np.mean([state[11], state[2], state[8], state[3]]) - state[5])  # 12, 3, 9 and 4 of 6
    assert np.isclose(difference[15], -state[14])  # nobody is above the last
    assert musical[12] == 0  # 13 has no relatives
