"""Parameters that vary over a dataset."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from fxlab.errors import UsageError
from fxlab.settings import EffectSettings
from fxlab.training.manifest import Manifest


def test_grids_render_every_combination(dry, tmp_path, make):
    make(dry, tmp_path / "ds", grid={"drive_db": [0, 12, 24], "bias": [0.0, 0.2]})
    rows = Manifest.load(tmp_path / "ds").rows
    assert len(rows) == 36
    for row in rows:
        assert {name: row["effect"][0]["parameters"][name] for name in row["parameters"]} == row["parameters"]
    seen = {(row["source"], row["parameters"]["drive_db"], row["parameters"]["bias"]) for row in rows}
    assert len(seen) == 36


def test_random_parameters_are_drawn_anew_reproducibly_and_within_bounds(dry, tmp_path, make):
    make(dry, tmp_path / "ds", random={"bias": [-0.3, 0.3]}, draws=5)
    make(dry, tmp_path / "again", random={"bias": [-0.3, 0.3]}, draws=5)
    make(dry, tmp_path / "other", random={"bias": [-0.3, 0.3]}, draws=5, seed=1)
    drawn = [[row["parameters"]["bias"] for row in Manifest.load(tmp_path / name).rows] for name in ("ds", "again", "other")]
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(set(drawn[0])) == 30 and -0.3 <= min(drawn[0]) < -0.1 < 0.1 < max(drawn[0]) <= 0.3


def test_a_parameter_of_one_stage_of_a_chain_can_vary(dry, tmp_path, make):
    make(dry, tmp_path / "ds", chain=["saturator", "saturator"], grid={"2.drive_db": [0, 24]})
    for row in Manifest.load(tmp_path / "ds").rows:
        assert row["effect"][1]["parameters"]["drive_db"] == row["parameters"]["drive_db"]
        assert row["effect"][0]["parameters"]["drive_db"] == 12


def test_a_file_can_vary_and_new_contents_make_new_pairs(dry, tmp_path, make):
    first, second = str(tmp_path / "a.wav"), str(tmp_path / "b.wav")
    for path in (first, second):
        soundfile.write(path, np.eye(1, 100)[0], 48_000, "FLOAT")
    make(dry, tmp_path / "ds", chain=["convolver"], grid={"ir": [first, second, "cabinet"]})
    rows = Manifest.load(tmp_path / "ds").rows
    assert {row["effect"][0]["parameters"]["ir"] for row in rows} == {first, second, "cabinet"} and len(rows) == 18

    stages = [EffectSettings("convolver", set={"ir": first})]
    make(dry, tmp_path / "one", chain=stages)
    before = {row["id"]: row["target_sha256"] for row in Manifest.load(tmp_path / "one").rows}
    soundfile.write(first, np.eye(1, 100, 50)[0], 48_000, "FLOAT")
    with pytest.raises(UsageError):
        make(dry, tmp_path / "one", chain=stages)
    make(dry, tmp_path / "one", chain=stages, force=True)
    after = {row["id"]: row["target_sha256"] for row in Manifest.load(tmp_path / "one").rows}
    assert not before.keys() & after.keys() and not set(before.values()) & set(after.values())


@pytest.mark.parametrize(
    "wrong",
    [
        {"grid": {"drvie_db": [1]}},
        {"grid": {"drive_db": []}},
        {"grid": {"drive_db": [1e9]}},
        {"grid": {"drive_db": "12"}},
        {"chain": ["saturator", "saturator"], "grid": {"drive_db": [1]}},
        {"random": {"bias": [0.3, -0.3]}},
        {"random": {"bias": [0.1]}},
        {"random": {"bias": [-99, 99]}},
        {"random": {"oversample": [1, 8]}},
        {"random": {"bias": [-0.1, 0.1]}, "grid": {"saturator.bias": [0.0]}},
        {"draws": 3},
        {"levels_db": []},
        {"levels_db": [float("nan")]},
        {"validation": 0.5, "test": 0.5},
        {"synthesize": "soon"},
        {"chain": ["nonesuch"]},
        {"chain": ["convolver"], "grid": {"ir": ["nowhere.wav"]}},
        {"chain": ["convolver"], "random": {"ir": [0, 1]}},
    ],
)
def test_settings_that_make_no_sense_are_usage_errors_before_anything_is_written(dry, tmp_path, wrong, make):
    with pytest.raises(UsageError) as raised:
        make(dry, tmp_path / "ds", **wrong)
    assert raised.value.hint and not (tmp_path / "ds").exists()
