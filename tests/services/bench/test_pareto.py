"""The suite "pareto" on real processors: who is compared with whom, and what is said of rounded networks."""

import csv
import dataclasses
import json

import numpy as np
import pytest

from fxlab.effects.processor import apply
from fxlab.effects.registry import effect
from fxlab.engines.golden import golden_input, pack, play
from fxlab.engines.loader import open_processor, processor_of, read_model
from fxlab.engines.onnx_engine import save_onnx
from fxlab.errors import UsageError
from fxlab.formats.card import foreign_card
from fxlab.formats.plain_json import text_of
from fxlab.metrics.quality import esr
from fxlab.models.model import Model
from fxlab.models.precision import rounded
from fxlab.models.stack_config import LayerConfig, StackConfig
from fxlab.services import clip as shipped_clip
from fxlab.services.bench import effects as bench
from fxlab.services.bench import pareto as bench_pareto
from fxlab.services.bench.session import CLIP
from fxlab.services.bench.standing import Standing, compared
from fxlab.settings import BenchSettings, EffectSettings

BITS = [{"name": "bitcrusher", "parameters": {"bits": 6}}]
CHAIN = [{"name": "clipper", "parameters": {}}, {"name": "bitcrusher", "parameters": {"bits": 6}}]


def save(folder, name, seed, stages, width=6):
    config = StackConfig((LayerConfig("conv1d", 1, width, "tanh", 4, 2), LayerConfig("dense", width, 1)), skip=True)
    rng = np.random.default_rng(seed)
    weights = {k: (0.2 * rng.standard_normal(shape)).astype(np.float32) for k, shape in config.weight_shapes().items()}
    model = Model(config, weights, foreign_card(config, 48_000, "test", {}) | {"effect": stages})
    player, dry = processor_of(model, "onnx"), golden_input()
    path = folder / f"{name}.onnx"
    save_onnx(path, model, pack(dry, play(player, dry, 48_000, [len(dry)])))
    return path


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pareto")
    return {
        "one": save(folder, "one", 1, BITS),
        "two": save(folder, "two", 2, BITS, 400),
        "chained": save(folder, "chained", 3, CHAIN),
        "lost": save(folder, "lost", 4, []),
    }


def measured(*effects, **changes):
    settings = BenchSettings(buffers=[64], runs=2)
    return bench.run(bench.Request("pareto", effects, **{"settings": settings, "budget_s": 0.05, **changes}))


@pytest.fixture(scope="module")
def result(models, tmp_path_factory):
    folder = tmp_path_factory.mktemp("out")
    effects = [EffectSettings(str(path)) for path in models.values()]
    files = {"csv": folder / "points.csv", "plot": folder / "points.png"}
    return measured(*effects, gates=["one-int8:rtf<1000", "one-int8:esr<1e-9"], **files), folder


def standings(found):
    return {cell.effect: standing for cell, standing in zip(found.cells, found.standings, strict=True)}


def test_networks_stand_behind_the_effect_that_they_copy(result):
    found, _ = result
    names = [name + suffix for name in ("one", "two", "chained", "lost") for suffix in ("", "-fp16", "-int8")]
    expected = ["bitcrusher", *names[:6], "clipper + bitcrusher", *names[6:]]
    assert [cell.effect for cell in found.cells] == [engine.effect for engine in found.engines] == expected
    assert found.settings["bitcrusher"] == {"bits": 6} and found.settings["clipper + bitcrusher"]["2.bits"] == 6
    stands = standings(found)
    assert {stands[name].target for name in names[:6]} == {"bitcrusher"} and stands["bitcrusher"].reference
    assert {stands[name].target for name in names[6:9]} == {"clipper + bitcrusher"}
    assert {stands[name].target for name in names[9:]} == {None} and stands["lost"].behind_in_speed is None
    assert [stands[name].precision for name in names[:3]] == ["fp32", "fp16", "int8"]


def test_rounded_networks_keep_the_times_and_have_their_own_error_and_size(result, models):
    found, _ = result
    cells, stands = {cell.effect: cell for cell in found.cells}, standings(found)
    audio, rate = shipped_clip.load_clip(CLIP).at(48_000)
    target = apply(effect("bitcrusher").processor(bits=6), audio, rate)
    model, _ = read_model(models["two"])
    for precision in ("fp16", "int8"):
        name = f"two-{precision}"
        assert stands[name].timed_as == "two" and stands["two"].timed_as is None
        assert cells[name].times_s is cells["two"].times_s and cells[name].rtf == cells["two"].rtf
        assert found.engine(cells[name]).file_bytes < found.engine(cells["two"]).file_bytes
        played = apply(processor_of(rounded(model, precision), "torch"), audio, rate)
        assert found.quality_of(name).likeness.esr == pytest.approx(esr(target, played), rel=1e-4)
    assert found.setup["timed_s"] == pytest.approx(sum(c.times_s.sum() for n, c in cells.items() if not stands[n].timed_as))


def test_fronts_are_those_of_the_figures(result):
    found, _ = result
    numbers = [i for i, standing in enumerate(found.standings) if standing.target == "bitcrusher" and not standing.reference]
    for i in numbers:
        for key, cost in (("speed", lambda c: c.rtf.median), ("size", lambda c: found.engine(c).file_bytes)):
            mine = found.esr(found.cells[i]), cost(found.cells[i])
            ahead = []
            for j in numbers:
                other = found.esr(found.cells[j]), cost(found.cells[j])
                if other != mine and other[0] <= mine[0] and other[1] <= mine[1]:
                    ahead.append(f"{found.cells[j].effect}/{found.cells[j].engine}")
            assert list(getattr(found.standings[i], f"behind_in_{key}")) == ahead
            assert (key in found.standings[i].fronts) == (not ahead)


def test_standings_of_different_effects_and_buffers_are_not_mixed(result):
    found, _ = result
    split = [dataclasses.replace(cell, buffer=64 + i) for i, cell in enumerate(found.cells)]
    alone = compared(dataclasses.replace(found, cells=split), [Standing("all")] * len(split))
    judged = [found.quality_of(cell.effect).likeness is not None for cell in found.cells]
    assert [standing.fronts for standing in alone] == [("speed", "size") if has else () for has in judged]


def test_json_and_csv_have_everything(result):
    found, folder = result
    document = json.loads(text_of(found.to_json()))
    assert document["setup"]["suite"] == "pareto" and len(document["points"]) == len(document["cells"]) == len(found.cells)
    with open(folder / "points.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for point, row, cell in zip(document["points"], rows, found.cells, strict=True):
        wanted = {"rtf", "rtf_low", "rtf_high", "p99", "throughput", "jitter", "file_bytes", "parameters", "mushra", "esr"}
        wanted |= {"target", "reference", "precision", "timed_as", "behind_in_speed", "behind_in_size"}
        assert wanted <= set(point) and set(point) == set(row)
        assert float(row["rtf"]) == point["rtf"] == cell.rtf.median and row["target"] == (point["target"] or "")
        assert row["behind_in_size"].split() == (point["behind_in_size"] or [])
    assert (folder / "points.png").read_bytes().startswith(b"\x89PNG")
    assert [outcome.passed for outcome in found.gates] == [True, False]


def test_networks_run_on_their_fastest_engine_or_on_those_named(result, models):
    found, _ = result
    fastest = open_processor(str(models["one"])).engine
    assert {engine.engine for engine in found.engines if engine.neural} == {fastest}
    two = measured(EffectSettings(str(models["one"])), engines=["torch", "onnx"])
    assert [cell.engine for cell in two.cells] == ["numba", *["torch"] * 3, *["onnx"] * 3]
    assert [standing.timed_as for standing in two.standings[1:4]] == [None, "one", "one"]


def test_rounded_files_are_not_rounded_again(models, tmp_path):
    from fxlab.services import export

    small = export.run(export.Request(models["one"], output=tmp_path / "one-int8.onnx", precision="int8")).output
    found = measured(EffectSettings(str(models["one"])), EffectSettings(str(small)))
    names = [cell.effect for cell in found.cells]
    assert len(names) == len(set(names)) == 5 and standings(found)["one-int8"].precision == "int8"
    assert standings(found)["one-int8"].timed_as is None


def test_effects_alone_bring_what_ships_of_them(models, monkeypatch):
    monkeypatch.setattr(bench_pareto, "NETWORKS", {"one": "", "chained": "", "lost": ""})
    monkeypatch.setattr(bench_pareto, "model_path", lambda name: models[name])
    assert [e.name for e in bench_pareto._shipped_of([EffectSettings("clipper")])] == ["chained"]
    assert [e.name for e in bench_pareto._shipped_of([EffectSettings("bitcrusher")])] == ["one", "chained"]
    found = measured(EffectSettings("eq"))
    assert [cell.effect for cell in found.cells] == ["eq"] and found.standings[0].reference


@pytest.mark.parametrize("changes", [{"full": True}, {"peers": True}, {"engines": ["cuda"]}, {"engines": ["numba"]}])
def test_what_the_suite_does_not_do_is_refused(models, changes):
    with pytest.raises(UsageError):
        measured(EffectSettings(str(models["one"])), **changes)


def test_suites_that_there_are_not():
    with pytest.raises(UsageError, match="no suite"):
        bench.run(bench.Request("paretto"))
