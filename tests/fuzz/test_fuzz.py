"""Two thousand hostile inputs for each place that takes some, the same every time; `campaign.py` tries as many as one likes."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from tests.fuzz.mutation import mutate
from tests.fuzz.targets import TARGETS, seeds_of, watch_of

CORPUS = Path(__file__).with_name("corpus")
pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="bounds on memory are Linux's (not Windows or macOS)"
)


@pytest.mark.parametrize("name", TARGETS)
def test_hostile_inputs_are_answered_or_refused(name):
    target, valid, rng = TARGETS[name], seeds_of(name), random.Random(name)
    with watch_of(name) as watch:
        known = [path.read_bytes() for path in sorted(CORPUS.glob(f"{name}/*"))]
        wrong = [what for data in (*valid, *known) if (what := watch.wrong(data))]
        wrong += [what for _ in range(target.some) if (what := watch.wrong(mutate(rng, valid, target.forms)))]
        accepted = watch.accepted
    assert not wrong
    assert accepted >= len(valid)


def test_every_place_of_the_corpus_is_tried():
    assert {path.name for path in CORPUS.iterdir()} <= TARGETS.keys()
