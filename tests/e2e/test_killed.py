"""Killed at any moment, a run loses nothing that was there, and the next one ends as if nothing had happened.

`FXLAB_KILLS=10 pytest -s tests/e2e/test_killed.py` kills each job at so many points at which it writes, as different ones as
there are, and at so many random moments, and tells how often; `FXLAB_KILLS=all` at every point, before and after it. Without it
there are a few kills.
"""

from __future__ import annotations

import os
import random
import re

import pytest

KILLS = os.environ.get("FXLAB_KILLS", "")
NAMES = ("render", "render a picture", "master", "dataset", "dataset anew", "train", "train anew", "grow", "grow and learn")
OFTEN = {"render": 2, "master": 1, "dataset anew": 2, "train": 1, "grow and learn": 1}


def chosen(points: list[str], wanted: int) -> list[tuple[int, bool]]:
    """Points (number, after it) at which something is done for the first time, to files of a kind; or all, or some of them."""
    if KILLS == "all":
        return [(number, after) for number in range(len(points)) for after in (False, True)]
    kinds: dict[str, int] = {}
    for number, point in enumerate(points):
        kinds.setdefault(re.sub(r"[0-9a-f]{12,}|\d+_[A-Gs]+\d_\d", "", point), number)
    found = [(number, after) for number in kinds.values() for after in (False, True)]
    return [found[(2 * place + 1) * len(found) // (2 * wanted)] for place in range(wanted)] if wanted < len(found) else found


@pytest.mark.parametrize("name", NAMES if KILLS else OFTEN)
def test_killed_where_it_writes(bench, name):
    work = bench(name)
    killed = 0
    points = chosen(work.points, int(KILLS) if KILLS.isdigit() else OFTEN.get(name, 0))
    for at, after in points:
        folder = work.begun()
        killed += work.kill(folder, at=at, after=after)
        work.finish(folder)
    assert killed
    print(f"{name}: {len(work.points)} points, killed at {killed} of {len(points)}, nothing lost")


@pytest.mark.parametrize("name", NAMES if KILLS else ["dataset anew"])
def test_killed_at_any_moment_and_once_more(bench, name):
    work = bench(name)
    moments = random.Random(name)
    killed = twice = 0
    wanted = int(KILLS) if KILLS.isdigit() else 20 if KILLS else 1
    for number in range(wanted):
        folder = work.begun()
        moment = work.seconds * (number + moments.random()) / wanted
        if work.kill(folder, killed_after_s=moment):
            killed += 1
            twice += work.kill(folder, killed_after_s=moments.uniform(0.2, 1.0) * work.seconds)
        work.finish(folder)
    assert killed or not KILLS  # a single moment may come after the end
    print(f"{name}: killed at {killed} of {wanted} random moments, {twice} times once more, nothing lost")
