"""Knobs end to end: a dataset with drawn settings, a network with inputs for them, its card, and its error at every setting."""

import csv
import dataclasses
import json

import numpy as np
import pytest

from fxlab.effects.processor import apply
from fxlab.effects.registry import effect
from fxlab.engines.loader import open_processor, parameters_of
from fxlab.errors import InputError, UsageError
from fxlab.metrics.quality import esr
from fxlab.models import checkpoint
from fxlab.services import export
from fxlab.services.bench import knobs as bench_knobs
from fxlab.services.dataset import service as dataset
from fxlab.services.train import service as train
from fxlab.settings import DatasetSettings, EffectSettings, ModelSettings, TrainSettings
from fxlab.training.manifest import Manifest

pytestmark = pytest.mark.usefixtures("no_pictures_at_all")
RATE = 8_000
EFFECTS = [EffectSettings("saturator", set={"cutoff_hz": 2000.0, "dc_block_hz": 50.0})]
RANGES = {"drive_db": [6, 24], "bias": [-0.3, 0.3]}
TRAINING = TrainSettings(epochs=4, batch_size=8, segment=1024, learning_rate=0.02, steps_per_epoch=60, stft_weight=0.0, threads=1)


def make(folder, **settings):
    settings = DatasetSettings(synthesize="40s", **settings)
    dataset.run(dataset.Request([], folder, EFFECTS, settings, sample_rate_hz=RATE, workers=1))
    return folder


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return make(tmp_path_factory.mktemp("knobs") / "drawn", random=RANGES, draws=2, chunk_s=1.0)


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    return make(tmp_path_factory.mktemp("knobs") / "grid", grid={"drive_db": [8, 20], "bias": [-0.1, 0.2]})


@pytest.fixture(scope="module")
def model(drawn, tmp_path_factory):
    folder = tmp_path_factory.mktemp("knobs") / "run"
    result = train.run(train.Request(drawn, folder, ModelSettings("tcn", "single"), TRAINING))
    exported = export.run(export.Request(folder / "best.safetensors", output=folder / "knobs.onnx"))
    return result, exported.output


def test_every_chunk_is_drawn_a_setting_and_played_from_rest(drawn):
    manifest = Manifest.load(drawn)
    settings = {(row["parameters"]["drive_db"], row["parameters"]["bias"]) for row in manifest.rows}
    assert len(settings) == len(manifest.rows) > 60
    for row, pair in manifest.pairs("validation"):
        assert row["start_frame"] == 0 and row["frames"] <= RATE
        parameters = row["effect"][0]["parameters"]
        assert row["parameters"] == {name: parameters[name] for name in RANGES}
        wet = apply(effect("saturator").processor(**parameters), pair.input, RATE)
        assert np.array_equal(wet, pair.target)


def test_chunks_of_a_programme_are_that_programme(drawn, grid):
    """Drawn chunks hear what whole takes hear: nothing is lost or doubled between them."""
    whole = {row["split"]: Manifest.load(grid).read(row)[0] for row in Manifest.load(grid).rows}
    chunks: dict[str, dict[int, np.ndarray]] = {}
    manifest = Manifest.load(drawn)
    for row in manifest.rows:
        chunks.setdefault(row["split"], {})[row["trimmed"]] = manifest.read(row)[0]
    for split, parts in chunks.items():
        assert np.array_equal(
            np.concatenate([parts[start] for start in sorted(parts)]), whole[split][: sum(map(len, parts.values()))]
        )


def test_the_card_declares_the_knobs_with_the_range_that_was_heard(model):
    result, _ = model
    drive, bias = result.card["controls"]
    assert (drive["name"], drive["low"], drive["high"], drive["default"], drive["scale"]) == ("drive_db", 6, 24, 12, "db")
    assert (bias["low"], bias["high"], bias["stage"], bias["parameter"]) == (-0.3, 0.3, 0, "bias")
    assert result.card["effect"][0]["parameters"]["drive_db"] == 12 and result.card["model"]["config"]["controls"] == 2
    json.dumps(result.to_json(), default=str, allow_nan=False)


def test_settings_reach_the_model_as_they_reach_the_effect(model):
    _, path = model
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, 2 * RATE).astype(np.float32)
    assert [knob.name for knob in parameters_of(str(path))] == ["drive_db", "bias"]
    for drive_db in (8.0, 22.0):
        opened = open_processor(str(path), {"drive_db": drive_db})
        assert opened.parameters == {"drive_db": drive_db, "bias": 0.2} and opened.copied[0]["parameters"]["drive_db"] == drive_db
        near, far = (
            esr(apply(effect("saturator").processor(**opened.copied[0]["parameters"] | {"drive_db": db}), noise, RATE), heard)
            for heard in [apply(opened.processor, noise, RATE)]
            for db in (drive_db, 30.0 - drive_db)
        )
        assert near < 0.1 and near < far / 2


@pytest.mark.parametrize(("given", "says"), [({"drive_db": 30}, "out of range"), ({"tone": 1}, "no parameter 'tone'")])
def test_what_a_model_can_not_be_set_to_is_said(model, given, says):
    with pytest.raises(UsageError, match=says):
        open_processor(str(model[1]), given)


def test_a_model_without_knobs_says_so():
    with pytest.raises(UsageError, match="has no knobs"):
        open_processor("tcn-nano", {"drive_db": 3})


def test_the_error_is_told_at_every_setting(model, grid, tmp_path):
    _, path = model
    request = bench_knobs.Request(grid, [EffectSettings(str(path))], csv=tmp_path / "grid.csv", html=tmp_path / "grid.html")
    found = bench_knobs.run(request)
    (network,) = found.networks
    assert found.html_error is None and str(grid) in (tmp_path / "grid.html").read_text("utf-8")
    assert [setting.parameters for setting in network.settings] == [
        {"drive_db": drive, "bias": bias} for drive in (8, 20) for bias in (-0.1, 0.2)
    ]
    opened = open_processor(str(path), {"drive_db": 20, "bias": -0.1}, "torch")
    (pair,) = (pair for row, pair in Manifest.load(grid).pairs("test") if row["parameters"] == {"drive_db": 20, "bias": -0.1})
    expected = esr(pair.target, apply(opened.processor, pair.input, RATE))
    assert network.settings[2].esr == pytest.approx(expected, rel=1e-3) and network.worst.esr < 0.2
    (heard,) = found.heard
    worst, dry, target, wet = network.worst, *(sound[0] for sound in heard.versions.values())
    assert list(heard.versions)[:2] == ["dry", "target"] and f"drive_db {worst.parameters['drive_db']:g}" in heard.about
    assert len(dry) == len(target) == len(wet) and esr(target, wet) == pytest.approx(worst.esr, rel=1e-3)
    with open(tmp_path / "grid.csv") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["esr"]) for row in rows] == [setting.esr for setting in network.settings]
    assert list(rows[0])[:3] == ["network", "drive_db", "bias"]


def test_a_dataset_of_one_setting_turns_the_knobs_there(model, tmp_path):
    folder = tmp_path / "fixed"
    effects = [dataclasses.replace(EFFECTS[0], set=EFFECTS[0].set | {"drive_db": 22.0})]
    dataset.run(dataset.Request([], folder, effects, DatasetSettings(synthesize="10s"), sample_rate_hz=RATE, workers=1))
    (network,) = bench_knobs.run(bench_knobs.Request(folder, [EffectSettings(str(model[1]))])).networks
    assert len(network.settings) == 1 and network.settings[0].esr < 0.1


@pytest.mark.parametrize(
    ("request_of", "says"),
    [
        (lambda grid: bench_knobs.Request(grid, []), "No network"),
        (lambda grid: bench_knobs.Request(grid, [EffectSettings("saturator")]), "is no network"),
        (lambda grid: bench_knobs.Request(grid, [EffectSettings("tcn-nano")]), "runs at 48000 Hz"),
        (lambda grid: bench_knobs.Request(grid, [EffectSettings("tcn-nano")], split="best"), "no split"),
        (lambda grid: bench_knobs.Request(grid / "no", [EffectSettings("tcn-nano")]), "is not a dataset"),
    ],
)
def test_what_can_not_be_compared_is_said(grid, request_of, says):
    with pytest.raises((InputError, UsageError), match=says):
        bench_knobs.run(request_of(grid))


def test_settings_beyond_what_the_model_has_learnt_are_refused(model, tmp_path):
    folder = make(tmp_path / "far", grid={"drive_db": [8, 40]})
    with pytest.raises(InputError, match="beyond"):
        bench_knobs.run(bench_knobs.Request(folder, [EffectSettings(str(model[1]))]))


def test_a_knob_must_be_a_number(tmp_path):
    folder = make(tmp_path / "ds", grid={"lowpass": ["one_pole", "biquad"]})
    with pytest.raises(InputError, match="lowpass"):
        train.run(train.Request(folder, tmp_path / "run", ModelSettings("tcn", "nano"), TRAINING))


def test_recurrent_networks_learn_knobs_too(drawn, tmp_path):
    settings = dataclasses.replace(TRAINING, epochs=1, steps_per_epoch=16, segment=256, windows=4)
    result = train.run(train.Request(drawn, tmp_path / "run", ModelSettings("gru", "16"), settings))
    network, card, _, _ = checkpoint.load(tmp_path / "run" / "best.safetensors")
    assert network.config.controls == 2 and len(card["controls"]) == 2 and result.metrics["esr"] < 1.5


def test_a_model_frozen_at_a_setting_plays_as_the_one_set_there(model, tmp_path):
    _, path = model
    noise = np.random.default_rng(2).uniform(-0.5, 0.5, RATE).astype(np.float32)
    wanted = apply(open_processor(str(path), {"drive_db": 20}).processor, noise, RATE)
    for format, name in (("onnx", "frozen.onnx"), ("nam", "frozen.nam")):
        result = export.run(export.Request(path, format, tmp_path / name, set={"drive_db": 20}))
        assert "drive_db 20, bias 0.2" in result.notes[0]
        played = open_processor(str(tmp_path / name))
        assert played.parameters == {} and np.max(np.abs(apply(played.processor, noise, RATE) - wanted)) < 2e-5


@pytest.mark.parametrize(
    ("request_of", "says"),
    [
        (lambda path, out: export.Request(path, "nam", out / "a.nam"), "knobs"),
        (lambda path, out: export.Request(path, output=out / "a.onnx", set={"tone": 1}), "no parameter 'tone'"),
        (lambda path, out: export.Request(path, output=out / "a.onnx", set={"drive_db": 100}), "out of range"),
    ],
)
def test_what_can_not_be_frozen_is_said_and_nothing_is_written(model, tmp_path, request_of, says):
    with pytest.raises(UsageError, match=says):
        export.run(request_of(model[1], tmp_path))
    assert not list(tmp_path.iterdir())
