"""Least squares find the setting of an ACE, however often they are interrupted, and say what audio leaves open."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from fxlab.effects.ace import LEARNABLE
from fxlab.models.ace import Ace
from fxlab.models.ace_config import PARAMS, SCALARS, AceConfig, settings_of
from fxlab.settings import TrainSettings
from fxlab.training import ace_run
from fxlab.training.ace_certainty import certainties, parameters
from fxlab.training.ace_fit import LINEAR, Piece, Problem, places
from fxlab.training.ace_run import Fit, pieces_of, place_of, set_place
from fxlab.training.least_squares import Descent
from fxlab.training.loop import Run
from fxlab.training.pair import Pair

RATE = 8000
CONFIG = AceConfig(RATE, bands=16)
SETTING = {"mix": 0.7, "sce_share": 0.6, "output_db": 3.0, "li_strength": 12.0, "dp_decay_s": 0.8, "tce_highpass_hz": 1000.0}


@pytest.fixture(scope="module")
def dry():
    """Two seconds of decaying tones with noise at their beginnings, over a soft floor of noise."""
    rng, audio = np.random.default_rng(0), np.zeros(2 * RATE)
    t = np.arange(RATE // 2) / RATE
    for start in range(0, len(audio) - len(t) + 1, RATE // 4):
        tones = sum(np.sin(2 * np.pi * hz * t) for hz in rng.uniform(100, 3000, 3))
        note = 0.1 * tones * np.exp(-t / 0.15) + 0.2 * rng.standard_normal(len(t)) * np.exp(-t / 0.01)
        audio[start : start + len(t)] += rng.uniform(0.3, 1.0) * note
    return (audio + 1e-3 * rng.standard_normal(len(audio))).astype(np.float32)


def place_for(setting):
    place = place_of(Ace(CONFIG)).copy()
    for name, value in setting.items():
        share = PARAMS[name].share(value)
        place[LEARNABLE.index(name)] = np.log(share / (1.0 - share))
    return place


def played(dry, setting):
    blank = Problem(CONFIG, [Piece(dry, np.zeros(len(dry)), 0)], 0.0, 0.0, 1)
    return blank.output(place_for(setting))


def problem(dry, setting=SETTING, evenness=0.0):
    context = RATE // 2
    return Problem(CONFIG, [Piece(dry, played(dry, setting)[context:], context)], evenness, 1e-2, 1)


@pytest.mark.parametrize("evenness", (0.0, 0.5))
def test_parts_add_up_to_the_output(dry, evenness):
    found, place = problem(dry, evenness=evenness), place_for(SETTING)
    mix, share, gain = 0.7, 0.6, 10 ** (3.0 / 20)
    amounts = gain * np.array([1 - mix, mix * (1 - share), mix * share])
    assert np.abs(amounts @ found.parts(place) - found._target).max() < 1e-6 * np.abs(found._target).max()
    assert found.cost(place) < 1e-12 and found.projected(place) < 1e-9


def test_linear_parameters_have_a_closed_solution(dry):
    others = {name: value for name, value in SETTING.items() if name not in LINEAR}
    found = problem(dry).completed(place_for(others))
    assert found == pytest.approx(place_for(SETTING), abs=1e-3)


@pytest.mark.parametrize("projected", (True, False))
def test_slopes_are_those_of_the_cost(dry, projected):
    found, place = problem(dry), place_for(SETTING | {"li_strength": 20.0, "dp_decay_s": 0.5, "highpass_hz": 80.0})
    point = found.projected_point(place) if projected else found.point(place)
    cost = found.projected if projected else found.cost
    for name in ("li_strength", "dp_decay_s", "highpass_hz", "tce_attack_ms"):
        step = np.zeros(len(place))
        step[LEARNABLE.index(name)] = 1e-3
        slope = (cost(place + step) - cost(place - step)) / 2e-3
        assert 2.0 * point.slope[LEARNABLE.index(name)] == pytest.approx(slope, rel=0.05, abs=1e-5)


def test_a_setting_is_found_from_the_defaults(dry):
    known = {"tce_highpass_hz": 1000.0, "tce_threshold_db": -70.0}  # the defaults leave nothing to be heard at this rate
    wanted = SETTING | known
    found, start = problem(dry, wanted), place_for(known)
    down = Descent(found.projected, found.projected_point, start, found.bounds)
    for _ in range(14):
        if down.step() < 1e-3:
            break
    scalars, gains = np.split(found.completed(down.point.place), [len(SCALARS)])
    values = settings_of(CONFIG, {"scalars": scalars, "gains": gains})
    assert {name: values[name] for name in wanted} == pytest.approx(wanted, rel=0.1)


def test_tried_places_begin_with_the_given_one_and_keep_levels(dry):
    start = place_of(Ace(CONFIG))
    found = places(CONFIG, start, 5, seed=1)
    assert np.array_equal(found[0], start) and np.array_equal(found, places(CONFIG, start, 5, seed=1))
    still = [LEARNABLE.index(name) for name in ("delta_db", "mix", "band3_db")]
    assert all(np.array_equal(place[still], start[still]) and not np.array_equal(place, start) for place in found[1:])


def test_pieces_are_the_loudest_with_what_came_before():
    rng = np.random.default_rng(0)
    target = (rng.standard_normal(5 * RATE) * 0.01).astype(np.float32)
    target[3 * RATE : 4 * RATE] *= 50
    pair = Pair(rng.standard_normal(5 * RATE).astype(np.float32), target)
    (piece,) = pieces_of([pair], Ace(CONFIG))
    assert piece.context == RATE // 2 and len(piece.dry) == len(piece.target) + RATE // 2
    start = len(target) - np.argmax(np.correlate(target[::-1].astype(float), piece.target[::-1], "valid")) - len(piece.target)
    assert np.array_equal(piece.target, target[start : start + len(piece.target)].astype(float))
    assert np.array_equal(piece.dry, pair.input[start - RATE // 2 : start + len(piece.target)])
    assert np.sum(piece.target**2) > 0.95 * np.sum(target**2)


def fit(monkeypatch, dry, run, epochs, leave_after=None):
    """Goes on with a run; `leave_after` many questions it is told to stop. Saved states are returned."""
    for name, value in (
        ("_TRIED", 4),
        ("_STARTS", 1),
        ("_DOWN", 2),
        ("_TRIED_AGAIN", 1),
        ("_SHELVES", ((2000.0,), (8.0,))),
        ("PIECE_S", 1.0),
        ("CONTEXT_S", 0.5),
    ):
        monkeypatch.setattr(ace_run, name, value)
    asked, saved = [], []

    def stopping():
        asked.append(None)
        return leave_after is not None and len(asked) > leave_after

    pair = Pair(dry, played(dry, SETTING).astype(np.float32))
    target = torch.from_numpy(pair.target)

    def validate(current):
        with torch.no_grad():
            wet = current.model.stream(torch.from_numpy(dry)[None, None], *current.model.rest())[0][0, 0]
        return float((wet - target).square().sum() / target.square().sum())

    settings = dataclasses.replace(TrainSettings(), epochs=epochs, threads=1)
    ended = Fit(run, [pair], settings, validate, lambda r, best: saved.append(r.record()), lambda *_: None, stopping, "v").go()
    return ended, saved


def test_a_run_that_was_left_and_resumed_ends_as_one_that_was_not(monkeypatch, dry):
    dry = dry[:RATE]
    whole = Run.fresh(Ace(CONFIG), TrainSettings())
    assert fit(monkeypatch, dry, whole, 5)[0] == "finished"
    parts = Run.fresh(Ace(CONFIG), TrainSettings())
    for leave_after in (2, 7, 9, None):
        ended, saved = fit(monkeypatch, dry, parts, 5, leave_after)
        fresh = Run.fresh(Ace(CONFIG), TrainSettings())
        fresh.model.load_state_dict(parts.model.state_dict())
        fresh.restore(parts.tensors(), saved[-1] if saved else parts.record())
        parts = fresh
    assert ended == "finished"
    assert np.array_equal(place_of(parts.model), place_of(whole.model))
    assert [row["v"] for row in parts.history] == [row["v"] for row in whole.history]
    assert whole.best == min(row["v"] for row in whole.history) < whole.history[0]["v"]


def test_audio_determines_what_is_heard_and_leaves_open_what_is_not(dry):
    model = Ace(CONFIG)
    set_place(model, place_for(SETTING | {"sce_share": 0.999}))
    pair = Pair(dry, played(dry, SETTING | {"sce_share": 0.999}).astype(np.float32))
    found = {row["name"]: row for row in certainties(model, [pair], threads=1)}
    assert list(found) == list(LEARNABLE)
    assert found["output_db"]["determined"] and found["li_strength"]["determined"] and found["mix"]["determined"]
    # There is no temporal contrast to be heard, and the shelf's gain is 0 dB.
    assert not found["tce_attack_ms"]["determined"] and not found["shelf_hz"]["determined"]


def test_gains_are_told_without_their_mean():
    model = Ace(CONFIG)
    with torch.no_grad():
        model.gains += 0.5
    gains = [row["value"] for row in parameters(model) if row["name"].startswith("band")]
    assert gains == pytest.approx([0.0] * 8, abs=1e-6)
