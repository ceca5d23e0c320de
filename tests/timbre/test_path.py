"""The path of growth: everything is born in time, behind its parents, and what is heard fills evenly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from fxlab.timbre.growth_metrics import fill_curve, rise_time, spearman
from fxlab.timbre.kinship import kinship
from fxlab.timbre.path import LAST_BIRTH, REACH, RISE, births, target
from fxlab.timbre.rule import gain_of

KIN = kinship(16, 8)
STEPS = 32
spectra = npst.arrays(np.float64, 24, elements=st.floats(0, 1)).map(lambda levels: np.append([1.0], levels[1:]))


@given(levels=spectra)
def test_nothing_is_there_at_first_but_the_first_harmonic_and_at_last_all_is(levels):
    born = births(KIN, levels, STEPS)
    assert (target(born, 0.0) == (np.arange(24) == 0)).all()
    assert (target(born, 1.0) == 1).all()
    assert born.max() <= 1 - RISE


@given(levels=spectra)
def test_every_cell_has_a_parent_that_was_born_before(levels):
    born = births(KIN, levels, STEPS)
    parents = np.append(np.maximum(born, 0), np.inf)[KIN.relatives].min(axis=1)
    assert (born[1:] >= parents[1:] + REACH / STEPS - 1e-9).all()


def test_a_strong_cell_is_born_before_its_weak_equal():
    levels = np.full(24, 0.5)
    levels[[4, 6]] = 0.9, 0.1  # harmonics 5 and 7
    born = births(KIN, levels, STEPS)
    assert born[4] < born[6]


def test_batches_are_single_ones():
    levels = np.random.default_rng(0).random((5, 24))
    assert np.array_equal(births(KIN, levels, STEPS), np.stack([births(KIN, row, STEPS) for row in levels]))


@pytest.mark.parametrize(("harmonics", "bands"), [(12, 8), (25, 40), (64, 64)])
def test_what_is_heard_fills_evenly_however_rich_it_is(harmonics, bands):
    levels = np.zeros(128)
    levels[:harmonics] = np.linspace(1, 0.1, harmonics)
    levels[64 : 64 + bands] = np.linspace(0.4, 0.1, bands)
    born = births(kinship(64, 64), levels, STEPS)
    fill = fill_curve(gain_of(np.stack([target(born, step / STEPS) for step in range(STEPS + 1)])), levels > 0)
    assert spearman(np.arange(STEPS + 1), fill) > 0.95
    assert 0.4 < rise_time(fill) / STEPS < LAST_BIRTH
    assert np.diff(fill).max() < 0.2
