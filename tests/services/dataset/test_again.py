"""What a second run finds: an interrupted dataset, the same, a damaged one, another one, something else."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile

from fxlab.errors import InputError, OutputError, UsageError
from fxlab.services.dataset import render as dataset_render
from fxlab.services.dataset.state import JOURNAL
from fxlab.settings import EffectSettings
from fxlab.training.manifest import NAME, Manifest

RATE = 16_000


def test_a_run_that_was_killed_goes_on_and_ends_with_the_same_bytes(dry, tmp_path, make, contents):
    levels = [0.0, -6.0, -12.0]
    make(dry, tmp_path / "straight", levels_db=levels)
    output, half = str(tmp_path / "ds"), str(tmp_path / "ds" / "pairs" / ".fxlab-0-half.wav")
    script = f"""
import os, sys
sys.path[:0] = {sys.path!r}
from pathlib import Path
from fxlab.services.dataset.service import Request, run
from fxlab.settings import DatasetSettings, EffectSettings
def stop(task, done, total, **_):
    if task == "Rendering" and done > 0.4 * total:
        Path({half!r}).write_bytes(b"RIFF")
        os._exit(9)
settings = DatasetSettings(levels_db={levels!r})
run(Request([{str(dry)!r}], Path({output!r}), [EffectSettings("saturator")], settings, {RATE}, 1), stop)
"""
    killed = subprocess.run([sys.executable, "-c", script], capture_output=True)
    assert killed.returncode == 9, killed.stderr
    assert not (tmp_path / "ds" / NAME).exists()
    journal = tmp_path / "ds" / JOURNAL
    journal.write_bytes(journal.read_bytes()[:-30])  # as if killed in the middle of a line
    pairs = tmp_path / "ds" / "pairs"
    written = {(path.name, path.stat().st_mtime_ns) for path in pairs.iterdir()}
    result = make(dry, tmp_path / "ds", levels_db=levels)
    assert 6 <= result.kept < 18 and result.kept + result.rendered == 18
    assert contents(tmp_path / "ds") == contents(tmp_path / "straight")
    unchanged = written & {(path.name, path.stat().st_mtime_ns) for path in pairs.iterdir()}
    assert len(unchanged) == 2 * result.kept


def test_a_run_that_was_killed_as_it_began(dry, tmp_path, make):
    (tmp_path / "ds" / "pairs").mkdir(parents=True)
    (tmp_path / "ds" / f".fxlab-0123456789ab-{JOURNAL}").touch()
    make(dry, tmp_path / "ds")
    assert sorted(path.name for path in (tmp_path / "ds").iterdir()) == [NAME, "pairs"]


def test_ctrl_c_keeps_what_is_finished(dry, tmp_path, make):
    def interrupt(task, done, total, **_):
        if task == "Rendering" and done > 0.4 * total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(dry, tmp_path / "ds", progress=interrupt, levels_db=[0.0, -6.0])
    assert not (tmp_path / "ds" / NAME).exists()
    result = make(dry, tmp_path / "ds", levels_db=[0.0, -6.0])
    assert result.kept >= 4 and result.kept + result.rendered == 12
    Manifest.load(tmp_path / "ds").verify()


def test_when_the_disk_is_full_the_other_renderings_clear_up_too(dry, tmp_path, make, monkeypatch):
    def slow(rendering, chain, rate):
        if rendering.take.source == "take0.wav":
            time.sleep(0.2)  # the others are in the middle of theirs
            raise OutputError("The disk is full.")
        while True:
            time.sleep(0.01)
            yield np.zeros(16, np.float32), np.zeros(16, np.float32)

    monkeypatch.setattr(dataset_render, "_wet", slow)
    with pytest.raises(OutputError, match="disk is full"):
        make(dry, tmp_path / "ds", workers=3)
    assert not list((tmp_path / "ds" / "pairs").iterdir())


def test_a_link_that_leads_to_itself_is_an_input_like_any_other_bad_one(dry, tmp_path, make):
    (dry / "loop.wav").symlink_to("loop.wav")
    result = make(dry, tmp_path / "ds")
    assert [name for name, _ in result.failed] == ["loop.wav"] and result.rendered == 6


def test_the_same_again_renders_nothing_and_repairs_what_is_damaged(dry, tmp_path, make, contents):
    make(dry, tmp_path / "ds")
    before = contents(tmp_path / "ds")
    assert make(dry, tmp_path / "ds").rendered == 0
    manifest = Manifest.load(tmp_path / "ds")
    (tmp_path / "ds" / manifest.rows[0]["input"]).write_bytes(b"no longer")
    (tmp_path / "ds" / manifest.rows[3]["target"]).unlink()
    with pytest.raises(InputError) as raised:
        manifest.verify()
    assert manifest.rows[0]["input"] in raised.value.message and manifest.rows[3]["target"] in raised.value.message
    result = make(dry, tmp_path / "ds")
    assert (result.rendered, result.kept) == (2, 4)
    assert contents(tmp_path / "ds") == before


def test_changed_inputs_are_noticed_and_force_makes_it_anew(dry, tmp_path, make, sound, contents):
    make(dry, tmp_path / "ds")
    before = contents(tmp_path / "ds")
    soundfile.write(dry / "take2.wav", sound(99), RATE, "FLOAT")
    (dry / "take4.wav").unlink()
    with pytest.raises(InputError) as raised:
        make(dry, tmp_path / "ds")
    assert "take2.wav is changed" in raised.value.message and "take4.wav is gone" in raised.value.message
    assert contents(tmp_path / "ds") == before
    make(dry, tmp_path / "ds", force=True)
    make(dry, tmp_path / "fresh")
    assert contents(tmp_path / "ds") == contents(tmp_path / "fresh")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"levels_db": [0.0, -3.0]}, "levels_db was [0.0], now [0.0, -3.0]"),
        ({"chain": [EffectSettings("saturator", set={"drive_db": 3})]}, "saturator's drive_db was 12"),
        ({"chain": ["saturator", "eq"]}, "the effects were saturator, now saturator + eq"),
        ({"chain": [EffectSettings("saturator", engine="numpy")]}, "saturator was run by numba, now numpy"),
        ({"seed": 4}, "seed was none, now 4"),
    ],
)
def test_changed_settings_are_said_and_refused(dry, tmp_path, change, said, make, contents):
    make(dry, tmp_path / "ds")
    before = contents(tmp_path / "ds")
    with pytest.raises(UsageError) as raised:
        make(dry, tmp_path / "ds", **change)
    assert said in raised.value.message and "--force" in raised.value.hint
    assert contents(tmp_path / "ds") == before


def test_an_unfinished_dataset_of_other_settings_is_not_mixed_in(dry, tmp_path, make):
    def interrupt(task, done, total, **_):
        if task == "Rendering" and done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(dry, tmp_path / "ds", progress=interrupt)
    with pytest.raises(UsageError, match="unfinished"):
        make(dry, tmp_path / "ds", levels_db=[-6.0])
    assert make(dry, tmp_path / "ds", levels_db=[-6.0], force=True).kept == 0


def test_nothing_usable_leaves_nothing_behind(tmp_path, make):
    soundfile.write(tmp_path / "silent.wav", np.zeros(RATE), RATE)
    with pytest.raises(InputError, match="silent"):
        make(tmp_path / "silent.wav", tmp_path / "ds")
    with pytest.raises(UsageError):
        make([], tmp_path / "ds")
    assert not (tmp_path / "ds").exists()


def test_a_folder_with_other_things_is_left_alone(dry, tmp_path, make, contents):
    before = contents(dry)
    with pytest.raises(OutputError):
        make(dry, dry, force=True)
    assert contents(dry) == before
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError):
        make(dry, tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_dataset_inside_its_input_folder_is_not_its_own_input(dry, make):
    make(dry, dry / "ds")
    assert make(dry, dry / "ds").rendered == 0


def test_workers_change_nothing(dry, tmp_path, make, contents):
    make(dry, tmp_path / "one", workers=1, chunk_s=0.1)
    make(dry, tmp_path / "four", workers=4, chunk_s=0.1)
    assert contents(tmp_path / "one") == contents(tmp_path / "four")
