"""`fxlab bench` as people and scripts run it."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

from fxlab.cli import run
from fxlab.services.bench import master_speed as bench_master_speed
from fxlab.services.bench import measure as bench_measure


def test_json_is_one_document_with_every_shipped_effect(monkeypatch, capsys):
    monkeypatch.setattr(bench_measure, "MIN_BLOCKS", 20)  # every engine of every effect, so as few blocks of each as will do
    monkeypatch.setattr(bench_measure, "_WARM_UP_BLOCKS", (12, 12))
    assert run(["bench", "--runs", "2", "--budget", "0.1s", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    effects = {cell["effect"] for cell in document["cells"]}
    assert "saturator" in effects and {cell["buffer"] for cell in document["cells"]} == {64, 128, 512}
    assert all(cell["runs"] == 2 and cell["rtf"] > 0 and cell["blocks"] >= 20 for cell in document["cells"])
    for quality in document["quality"]:
        if quality["effect"] in ("tcn", "tcn-nano"):
            assert quality["target"] == "saturator" and 0 < quality["likeness"]["esr"] < 0.01


def test_table_csv_and_picture(fxlab, tmp_path):
    done = fxlab(
        *("bench", "--effect", "saturator", "--engine", "numba,numpy", "--buffers", "32", "--runs", "2", "--budget", "0.2s"),
        *("--set", "drive_db=20", "--csv", str(tmp_path / "cells.csv"), "--plot", str(tmp_path / "cells.png")),
        *("--gate", "numba:rtf<50", "--html", str(tmp_path / "cells.html")),
    )
    assert done.returncode == 0, done.stderr
    assert "saturator/numba" in done.stdout and "▲ p50" in done.stdout and "passed" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cells.csv", "cells.html", "cells.png"]
    page = (tmp_path / "cells.html").read_text("utf-8")
    assert "fxlab bench --effect saturator" in page and "Block times at 32 frames" in page and "numba:rtf&lt;50" in page


def test_suite_pareto_as_table_and_as_json(fxlab, tmp_path):
    quick = ("bench", "--suite", "pareto", "-e", "tcn-nano", "--runs", "2", "--budget", "0.1s")
    done = fxlab(*quick, "--csv", str(tmp_path / "points.csv"), "--plot", str(tmp_path / "points.png"))
    assert done.returncode == 0, done.stderr
    assert "saturator and its networks at 64 frames" in done.stdout and "● speed" in done.stdout and "▲ saturator" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["points.csv", "points.png"]
    done = fxlab(*quick, "--engine", "onnx", "--buffers", "32", "--gate", "tcn-nano-int8:esr<0.1%", "--json")
    assert done.returncode == 0, done.stderr
    points = json.loads(done.stdout)["points"]
    assert [point["effect"] for point in points] == ["saturator", "tcn-nano", "tcn-nano-fp16", "tcn-nano-int8"]
    assert all(point["buffer"] == 32 and point["engine"] == ("numba" if point["reference"] else "onnx") for point in points)


def test_suite_master_over_two_songs(monkeypatch, tmp_path, capsys):
    rng, time_s = np.random.default_rng(0), np.arange(4 * 44_100) / 44_100
    for number in range(2):
        chord = sum(np.sin(2 * np.pi * hz * time_s) for hz in rng.uniform(60, 900, 4))[:, None]
        beats = rng.normal(0, 1, (len(time_s), 2)) * np.exp(-9 * (time_s % 0.5))[:, None]
        soundfile.write(tmp_path / f"{number}.wav", 0.05 * chord + 0.1 * beats, 44_100, subtype="PCM_24")
    monkeypatch.setattr(bench_master_speed, "SONG_S", 2.0)
    monkeypatch.setattr(bench_master_speed, "RUNS", 1)
    monkeypatch.setattr(bench_master_speed, "has_ffmpeg", lambda: False)
    assert run(["bench", "--suite", "master", "--input", str(tmp_path), "--runs", "1", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert set(document["means"]) == {"nothing", "rule", "fxlab"} and len(document["songs"]) == 2
    assert all(set(row) == set(document["columns"]) for row in document["means"].values())
    assert document["speed"][0]["rtf"] > 0 and document["untouched"]["most_moved_db"] >= 0


def test_audio_without_sound_says_so_and_judges_nothing(fxlab, tmp_path):
    soundfile.write(tmp_path / "nan.wav", np.full(4800, np.nan, np.float32), 48_000, subtype="FLOAT")
    quick = ("--engine", "onnx", "--buffers", "64", "--runs", "1", "--budget", "0.1s")
    done = fxlab("bench", "-e", "tcn-nano", *quick, "--input", str(tmp_path / "nan.wav"))
    assert done.returncode == 0, done.stderr
    assert "4,800 samples" in done.stderr and "silent" in done.stderr
    assert "Likeness" not in done.stdout and "inf" not in done.stdout.lower().split()


def test_failed_gate_shows_the_table_and_exits_5(fxlab_cold):
    quick = ("-e", "saturator", "--engine", "numba", "--runs", "1", "--budget", "0.1s")
    done = fxlab_cold("bench", *quick, "--gate", "p99<1ns", "--json")
    assert done.returncode == 5
    document = json.loads(done.stdout)
    assert document["gates"][0]["passed"] is False and document["error"]["kind"] == "CheckError" and len(document["cells"]) == 3
    assert all(cell["blocks"] >= 200 for cell in document["cells"])
    assert "saturator/numba at 64: p99" in document["error"]["message"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--gate", "p99<0.5"], 2, "unit"),
        (["--buffers", "64,x"], 2, "buffer sizes"),
        (["--buffers", "0"], 2, "range"),
        (["--gc", "perhaps"], 2, "on, off"),
        (["--engine", "numbo"], 2, "numba"),
        (["-e", "saturator", "--engine", "onnx"], 2, "onnx"),
        (["-e", "satturator"], 2, "saturator"),
        (["--suite", "paretto"], 2, "pareto"),
        (["--suite", "pareto", "--full"], 2, "--full"),
        (["-e", "none.onnx"], 3, "none.onnx"),
        (["--input", "none.wav"], 3, "none.wav"),
        (["--set", "drive=3"], 2, "drive"),
        (["--input", "a.wav", "--input", "b.wav"], 2, "one file"),
        (["--suite", "master"], 2, "--input"),
        (["--suite", "master", "--input", "none.wav"], 3, "none.wav"),
        (["--suite", "master", "--input", "none.wav", "--gate", "esr<1%"], 2, "--gate"),
        (["--suite", "master", "--input", "none.wav", "-e", "a", "-e", "b"], 2, "one network"),
        (["--plot", "cells.txt"], 2, "named as a picture"),
        (["--html", "cells.txt"], 2, "named as a page"),
        (["--html", "/dev/null/cells.html"], 6, "folder"),
        (["--suite", "live", "--html", "-"], 2, "named as a page"),
        (["--suite", "ace", "--html", "-"], 2, "named as a page"),
        (["--suite", "grow", "--html", "-"], 2, "named as a page"),
        (["--suite", "training", "--html", "-"], 2, "named as a page"),
        (["--suite", "master", "--input", "none.wav", "--html", "none.wav"], 2, "another file"),
        (["--plot", "/dev/null/cells.png"], 6, "folder"),
    ],
)
def test_mistakes_are_named(fxlab_here, arguments, code, words):
    done = fxlab_here("bench", *arguments)
    assert done.returncode == code, done.stderr
    assert words in done.stderr and "Traceback" not in done.stderr and not done.stdout


@pytest.mark.parametrize(
    ("suite", "option"), [("knobs", "--gate"), ("knobs", "--plot"), ("training", "--gate"), ("training", "--csv")]
)
def test_options_of_other_suites_are_refused(fxlab, suite, option):
    result = fxlab("bench", "--suite", suite, "--dataset", "ds", option, "esr<1%")
    assert result.returncode == 2 and f"{option} doesn't belong to the suite {suite}" in result.stderr
