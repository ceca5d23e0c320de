from __future__ import annotations

import functools
import json
import os
import shutil
import signal
import time
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import soundfile

from fxlab.errors import OutputError
from fxlab.services import pages


@pytest.fixture
def render(fxlab):
    return functools.partial(fxlab, "render")


@pytest.fixture
def folder(tmp_path) -> Path:
    tone = 0.4 * np.sin(2 * np.pi * 110 * np.arange(44_100) / 44_100)
    with soundfile.SoundFile(tmp_path / "take.flac", "w", 44_100, 2, "PCM_24") as file:
        file.title = "A take"
        file.write(np.stack([tone, -tone], axis=1))
    return tmp_path


def test_a_file_in_a_file_out(render, folder):
    done = render("take.flac", "--effect", "saturator", "--set", "drive_db=18")
    assert done.returncode == 0, done.stderr
    assert "take.saturator.wav" in done.stdout and "LUFS" in done.stdout
    with soundfile.SoundFile(folder / "take.saturator.wav") as file:
        assert (file.samplerate, file.channels, file.frames, file.subtype, file.title) == (44_100, 2, 44_100, "PCM_24", "A take")
    assert sorted(path.name for path in folder.iterdir()) == ["take.flac", "take.saturator.wav"]
    again = render("take.flac", "--effect", "saturator")
    assert again.returncode == 2 and "exists already" in again.stderr and "--force" in again.stderr
    assert render("take.flac", "--effect", "saturator", "--force").returncode == 0


def test_a_chain_with_every_option(render, folder):
    options = [
        "-e",
        "eq",
        "-e",
        "saturator",
        "--set",
        "eq.peak1_db=6",
        "--set",
        "2.drive_db=3",
        "--engine",
        "numpy",
        "--mix",
        0.5,
    ]
    options += [
        "--tail",
        "0.5s",
        "--format",
        "flac",
        "--bit-depth",
        16,
        "--workers",
        1,
        "--plot",
        "picture.png",
        "--html",
        "page.html",
        "-o",
        "v1.0/",
        "--json",
    ]
    done = render("take.flac", *options)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["chain"] == ["eq", "saturator"] and document["failed"] == 0
    report = document["files"][0]
    assert report["output"] == str(Path("v1.0", "take.flac")) and report["subtype"] == "PCM_16" and report["tail_s"] == 0.5
    assert report["peak_db_in"] == pytest.approx(-7.96, abs=0.01) and -30 < report["lufs_in"] < -5
    assert soundfile.info(folder / "v1.0" / "take.flac").frames == 44_100 + 22_050
    assert (folder / "picture.png").stat().st_size > 10_000
    page = (folder / "page.html").read_text("utf-8")
    assert (
        document["html"] == "page.html"
        and "fxlab render take.flac -e eq -e saturator" in page
        and "Page: page.html" in done.stderr
    )


def test_a_page_that_cant_be_written_comes_after_the_result(fxlab_here, folder, monkeypatch):
    monkeypatch.setattr(pages, "write", Mock(side_effect=OutputError("Can't write page.html: no space.")))
    done = fxlab_here("render", "take.flac", "-e", "eq", "--html", "page.html")
    assert done.returncode == 6 and "take.eq.wav" in done.stdout and "no space" in done.stderr
    done = fxlab_here("render", "take.flac", "-e", "eq", "--html", "page.html", "--force", "--json")
    document = json.loads(done.stdout)
    assert done.returncode == 6 and document["html"] is None and document["exit_code"] == 6 and document["files"]


def test_a_profile_and_its_format(render, folder):
    (folder / "mine.toml").write_text('[[effects]]\nname = "clipper"\n[render]\nformat = "ogg"\nmix = 0.9\n', "utf-8")
    assert render("take.flac", "--profile", "mine.toml").returncode == 0
    assert soundfile.info(folder / "take.clipper.ogg").subtype == "VORBIS"
    assert render("take.flac", "--profile", "mine.toml", "-o", "out.wav").returncode == 0
    assert soundfile.info(folder / "out.wav").subtype == "PCM_24"


def test_a_batch_with_a_bad_file(render, folder):
    (folder / "bad.wav").write_bytes(b"")
    done = render(".", "nowhere.wav", "-e", "bitcrusher", "-o", "out", "--workers", 2)
    assert done.returncode == 3
    assert "bad.wav is empty" in done.stderr and "no file nowhere.wav" in done.stderr and "2 of 3 files failed" in done.stderr
    assert [path.name for path in (folder / "out").iterdir()] == ["take.wav"]


@pytest.mark.parametrize(
    ("code", "arguments", "words"),
    [
        (2, ["take.flac"], "No effect"),
        (2, ["take.flac", "-e", "saturatr"], "saturator"),
        (2, ["take.flac", "-e", "saturator", "--set", "drive_db=1000"], "out of range"),
        (2, ["take.flac", "-e", "saturator", "--mix", "2"], "out of range"),
        (2, ["take.flac", "-e", "saturator", "--format", "mp3"], "wav"),
        (2, ["take.flac", "-e", "saturator", "--bit-depth", "8"], "16"),
        (2, ["take.flac", "-e", "saturator", "-o", "take.flac", "--force"], "is an input"),
        (3, ["nowhere.wav", "-e", "saturator"], "There is no file"),
        (3, ["text.wav", "-e", "saturator"], "isn't an audio file"),
        (3, ["*.opus", "-e", "saturator"], "No audio file matches"),
        (3, ["take.flac", "-e", "nowhere.onnx"], "nowhere.onnx"),
        (6, ["take.flac", "-e", "saturator", "-o", "text.wav/out.wav"], "Can't write"),
    ],
)
def test_mistakes(fxlab_here, folder, code, arguments, words):
    (folder / "text.wav").write_text("not audio at all")
    before = sorted(path.name for path in folder.rglob("*"))
    done = fxlab_here("render", *arguments)
    assert done.returncode == code and words in done.stderr, done.stderr
    assert "Traceback" not in done.stderr and done.stdout == ""
    assert sorted(path.name for path in folder.rglob("*")) == before


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="permissions don't bind this user")
def test_an_unwritable_folder(render, folder):
    (folder / "locked").mkdir(mode=0o555)
    done = render("take.flac", "-e", "saturator", "-o", "locked/")
    assert done.returncode == 6 and "Permission denied" in done.stderr


@pytest.fixture(scope="module")
def endless(tmp_path_factory) -> Path:
    path, minute = tmp_path_factory.mktemp("endless") / "silence.flac", np.zeros(48_000 * 60, np.int16)
    with soundfile.SoundFile(path, "w", 48_000, 1, "PCM_16") as file:
        for _ in range(45):  # a machine that others use must not be done before it is interrupted
            file.write(minute)
    return path


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("whole_group", [True, False])
def test_ctrl_c_leaves_nothing_half_written(fxlab_start, tmp_path, endless, workers, whole_group):
    for name in ("a.flac", "b.flac"):
        shutil.copy(endless, tmp_path / name)
    arguments = ["a.flac", "b.flac", "-e", "saturator", "-o", "out/", "--format", "flac", "--workers", str(workers)]
    process = fxlab_start("render", *arguments)
    try:
        deadline = time.monotonic() + 120
        while len(list(tmp_path.glob("out/.fxlab-*"))) < workers and time.monotonic() < deadline:
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.05)
        (os.killpg if whole_group else os.kill)(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=200)
    finally:
        process.kill()
    assert process.returncode == 130 and "Interrupted" in said and "Traceback" not in said, said
    assert list((tmp_path / "out").iterdir()) == []
