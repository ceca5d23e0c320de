"""Other packages that are broken, and what is left of fxlab."""

from __future__ import annotations

import json

import pytest

import fxlab
from fxlab.cli import run
from fxlab.effects.registry import effects
from fxlab.engines.loader import engines_of, open_processor
from fxlab.errors import MissingError, UsageError
from fxlab.models.model import CARD_FORMAT, config_of
from fxlab.plugins import load
from fxlab.services import scoring

EFFECT = 'from fxlab import Effect\nEFFECT = Effect("{name}", "Nothing.", (), {{"numpy": "nowhere:Nothing"}})\n'
BROKEN = {
    "absent": ("", "theirs_absent.gone:EFFECT", "ModuleNotFoundError"),
    "unnamed": ("", "theirs_unnamed:EFFECT", "AttributeError"),
    "failing": ("1 / 0", "theirs_failing:EFFECT", "ZeroDivisionError"),
    "leaving": ("import sys\nsys.exit(3)", "theirs_leaving:EFFECT", "SystemExit"),
    "mistyped": ("EFFECT = 3", "theirs_mistyped:EFFECT", "it is no Effect, but of type int"),
    "renamed": (EFFECT.format(name="other"), "theirs_renamed:EFFECT", "it calls itself 'other'"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_effect_is_told_with_its_package_and_only_when_it_is_named(install, name):
    code, value, reason = BROKEN[name]
    install(f"theirs-{name}", {f"theirs_{name}": code}, [("fxlab.effects", name, value)])
    assert open_processor("saturator").engine == "numba"
    for use in (fxlab.effect, open_processor):
        with pytest.raises(MissingError, match=f"'{name}' of the package theirs-{name}") as caught:
            use(name)
        assert reason in caught.value.message and "pip uninstall" in caught.value.hint
    found, problems = effects().working()
    assert name not in found and "saturator" in found and len(problems) == 1


def test_a_network_that_copies_a_broken_effect_is_judged_without_it(install):
    install("theirs-failing", {"theirs_failing": "1 / 0"}, [("fxlab.effects", "failing", "theirs_failing:EFFECT")])
    stages = [{"name": "saturator"}, {"name": "failing", "parameters": {}}]
    assert scoring.open_target(stages) is None
    assert scoring.open_target(scoring.alias_free(stages)) is None


def test_what_is_broken_stands_below_the_list_of_effects(install, capsys):
    for name, (code, value, _) in BROKEN.items():
        install(f"theirs-{name}", {f"theirs_{name}": code}, [("fxlab.effects", name, value)])
    assert run(["effects", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert not BROKEN.keys() & {one["name"] for one in listed["effects"]} and len(listed["problems"]) == len(BROKEN)
    assert run(["effects", "list"]) == 0
    said = capsys.readouterr().err
    assert all(f"theirs-{name}" in said for name in BROKEN)


@pytest.mark.parametrize("name", ["saturator", "tcn", "odd name", "../up", "a.onnx", "1st", "-e"])
def test_a_name_that_is_taken_or_odd_is_left_out(install, name):
    install("theirs", {"theirs": EFFECT.format(name=name)}, [("fxlab.effects", name, "theirs:EFFECT")])
    assert list(effects().refused) == [name]
    if name in ("saturator", "tcn"):
        assert open_processor(name).engine in ("numba", "fused")
    else:
        with pytest.raises(MissingError, match="of the package theirs is left out"):
            fxlab.effect(name)


def test_of_two_packages_with_one_name_neither_wins(install):
    for package in ("one", "two"):
        install(
            package, {f"theirs_{package}": EFFECT.format(name="same")}, [("fxlab.effects", "same", f"theirs_{package}:EFFECT")]
        )
    with pytest.raises(MissingError, match="two is left out, and so is that of one"):
        fxlab.effect("same")


def test_an_effect_whose_processor_is_absent(install):
    install("theirs", {"theirs": EFFECT.format(name="hollow")}, [("fxlab.effects", "hollow", "theirs:EFFECT")])
    with pytest.raises(MissingError, match="nowhere:Nothing can't be loaded"):
        open_processor("hollow")
    assert run(["effects", "show", "hollow"]) == 4


@pytest.mark.parametrize("group", ["fxlab.models", "fxlab.losses", "fxlab.engines"])
def test_other_groups_likewise(install, group):
    from fxlab.engines.registry import engines
    from fxlab.models.registry import architectures
    from fxlab.training.losses import losses

    install("theirs", {"theirs": "THING = 3"}, [(group, "thing", "theirs:THING"), (group, "absent", "theirs.gone:THING")])
    registry = {"fxlab.models": architectures, "fxlab.losses": losses, "fxlab.engines": engines}[group]()
    for name, reason in (("thing", "of type int"), ("absent", "ModuleNotFoundError")):
        with pytest.raises(MissingError, match=reason):
            registry.named(name)
    with pytest.raises(UsageError, match="nonesuch"):
        registry.named("nonesuch")
    assert engines_of("gru") == ("fused", "onnx", "torch", "torchscript")
    assert open_processor("gru").engine == "fused"
    if group == "fxlab.engines":
        assert run(["render", "nothing.wav", "--effect", "gru", "--engine", "thing"]) in (3, 4)
        with pytest.raises(MissingError, match="of type int"):
            open_processor("gru", engine="thing")
    if group == "fxlab.models":
        card = {"format": CARD_FORMAT, "model": {"type": "absent", "size": "x", "config": {}}}
        with pytest.raises(MissingError, match="package theirs"):
            config_of(card)


def test_an_architecture_of_another_kind_is_refused(install):
    from fxlab.models.registry import architectures

    code = """
from dataclasses import dataclass
from fxlab import Architecture, NetworkConfig
@dataclass(frozen=True)
class Config(NetworkConfig):
    kind = "tcn"
    network = "nowhere:Nothing"
    def state_shapes(self):
        return {}
MINE = Architecture("mine", "Mine.", {"only": Config()})
"""
    install("theirs", {"theirs": code}, [("fxlab.models", "mine", "theirs:MINE")])
    with pytest.raises(MissingError, match="no NetworkConfig of the kind 'mine'"):
        architectures().named("mine")


def test_what_can_be_loaded():
    assert load("fxlab.errors:UsageError") is UsageError
    for path in ("fxlab.errors:Nothing", "fxlab.nothing:Nothing", "nothing"):
        with pytest.raises(MissingError, match="can't be loaded"):
            load(path)


def test_an_engine_that_fails_when_it_is_asked_what_it_plays(install, capsys):
    from fxlab.engines.registry import engines

    code = "from fxlab import Engine\nENGINE = Engine('picky', 'Picky.', 'theirs:Nothing', lambda config: config.nonesuch)"
    install("theirs", {"theirs": code}, [("fxlab.engines", "picky", "theirs:ENGINE")])
    assert "picky" in engines()
    assert engines_of("gru") == ("fused", "onnx", "torch", "torchscript") and "picky" not in engines()
    with pytest.raises(MissingError, match="'picky' of the package theirs can't be used: AttributeError"):
        engines().named("picky")
    assert run(["effects", "list"]) == 0 and "picky" in capsys.readouterr().err


def test_a_package_without_a_name(install, tmp_path, capsys):
    install("theirs", {"theirs": EFFECT.format(name="one")}, [("fxlab.effects", "one", "theirs:EFFECT")])
    (tmp_path / "site0" / "theirs-1.0.dist-info" / "METADATA").write_text("")
    install("others", {"others": EFFECT.format(name="two")}, [("fxlab.effects", "two", "others:EFFECT")])
    assert run(["effects", "list"]) == 0 and "saturator" in capsys.readouterr().out


def test_a_processor_whose_module_fails_in_any_way(install):
    library = "import ctypes\nctypes.CDLL('libnothere.so')"
    code = EFFECT.format(name="native").replace("nowhere:Nothing", "theirs_native:Nothing")
    install("theirs", {"theirs": code, "theirs_native": library}, [("fxlab.effects", "native", "theirs:EFFECT")])
    with pytest.raises(MissingError, match="can't be loaded: OSError"):
        open_processor("native")
