"""`fxlab effects`: every effect and parameter is shown, as tables and as JSON."""

from __future__ import annotations

import json
import math

import pytest

from fxlab.cli import run
from fxlab.effects.params import Param
from fxlab.effects.registry import effects


def answer(capsys, *arguments):
    code = run(["effects", *arguments])
    caught = capsys.readouterr()
    return code, caught.out, caught.err


def test_list_names_every_effect(capsys):
    code, out, _ = answer(capsys, "list")
    assert code == 0
    assert all(name in out and effect.help.split()[0] in out for name, effect in effects().items())


def test_list_as_json(capsys):
    code, out, _ = answer(capsys, "list", "--json")
    assert code == 0
    rows = json.loads(out)["effects"]
    assert {row["name"]: row["engines"] for row in rows} == {name: list(effect.engines) for name, effect in effects().items()}


@pytest.mark.parametrize("name", ["saturator", "clipper", "bitcrusher", "eq", "compressor", "imager", "convolver", "ace"])
def test_show_tells_every_parameter(capsys, name):
    code, out, _ = answer(capsys, "show", name)
    assert code == 0
    for parameter in effects()[name].parameters:
        assert parameter.name in out
        assert parameter.range_text in " ".join(out.split())


@pytest.mark.parametrize("name", ["bitcrusher", "convolver"])
def test_show_as_json_can_be_set_again(capsys, name):
    code, out, _ = answer(capsys, "show", name, "--json")
    shown = json.loads(out)
    assert code == 0
    assert shown["latency_samples"] == 0
    assert [one["name"] for one in shown["parameters"]] == [one.name for one in effects()[name].parameters]
    defaults = {one["name"]: one["default"] for one in shown["parameters"]}
    assert effects()[name].resolve(defaults) == effects()[name].resolve({})


def sigmoid(u):
    return 1 / (1 + math.exp(-u))


def test_what_can_be_learnt_is_told_with_its_mapping(capsys):
    code, out, _ = answer(capsys, "show", "ace")
    assert code == 0 and "31 parameters can be learnt" in out and "sigmoid, log" in out
    _, out, _ = answer(capsys, "show", "ace", "--json")
    shown = {one["name"]: one["learnt"] for one in json.loads(out)["parameters"]}
    assert tuple(name for name, how in shown.items() if how) == effects()["ace"].learnable
    for one in effects()["ace"].parameters:
        if isinstance(one, Param):
            for u in (-3.0, 0.5):
                known = {"low": one.low, "high": one.high, "u": u, "sigmoid": sigmoid}
                assert eval(shown[one.name], known) == pytest.approx(one.at(sigmoid(u)))
    _, out, _ = answer(capsys, "show", "eq", "--json")
    assert all("learnt" not in one for one in json.loads(out)["parameters"])


def test_an_unknown_name_is_a_usage_error_with_the_nearest_one(capsys):
    code, _, err = answer(capsys, "show", "bitcrush")
    assert code == 2
    assert "'bitcrusher'" in err


def test_a_model_is_shown_on_one_page_and_the_rest_is_left_to_json(capsys):
    code, out, err = answer(capsys, "show", "tcn")
    assert code == 0 and "metrics.esr" in out and "licence" in out and "training.settings" not in out and "--json" in err
    assert len(out.splitlines()) < 60
    _, out, _ = answer(capsys, "show", "tcn", "--json")
    assert json.loads(out)["card"]["training"]["settings"]["batch_size"] == 4
