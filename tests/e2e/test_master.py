from __future__ import annotations

import functools
import json
import os
import signal
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import soundfile

from fxlab.audio.files import probe

RATE = 44_100


@pytest.fixture
def master(fxlab):
    return functools.partial(fxlab, "master")


class Said(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def here(tmp_path, monkeypatch, capsys):
    """`here(*arguments)` runs the command in this process, in `tmp_path`."""
    from fxlab.cli import run

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "140")

    def play(*arguments: str) -> Said:
        code = run(["master", *arguments])
        return Said(code, *capsys.readouterr())

    return play


def music(seconds: float, rate: int = RATE) -> np.ndarray:
    """Something with bass, chords that swell and beats, (frames, 2)."""
    rng, time_s = np.random.default_rng(7), np.arange(round(seconds * rate)) / rate
    chord = sum(np.sin(2 * np.pi * hz * time_s + n) / n for n, hz in enumerate((55, 220, 277, 330), 1))
    beats = rng.normal(0, 1, (len(time_s), 2)) * np.exp(-12 * (time_s % 0.5))[:, None]
    mixed = 0.1 * (chord * (1.2 + np.sin(2 * np.pi * 0.5 * time_s)))[:, None] + 0.1 * beats
    return mixed.astype(np.float32)


@pytest.fixture
def song(tmp_path) -> Path:
    with soundfile.SoundFile(tmp_path / "song.flac", "w", RATE, 2, "PCM_24") as file:
        file.title = "A song"
        file.write(music(3.0))
    return tmp_path / "song.flac"


def test_a_song_and_nothing_else(master, song):
    done = master("song.flac")
    assert done.returncode == 0, done.stderr
    assert "song.master.wav" in done.stdout and "LUFS" in done.stdout and "-14.0" in done.stdout
    info = probe(song.with_name("song.master.wav"))
    assert (info.sample_rate_hz, info.channels, info.subtype) == (probe(song).sample_rate_hz, 2, "PCM_24")
    assert info.frames == probe(song).frames and info.tags["title"] == "A song"
    assert sorted(path.name for path in song.parent.iterdir()) == ["song.flac", "song.master.wav"]
    again = master("song.flac")
    assert again.returncode == 2 and "exists already" in again.stderr and "--force" in again.stderr


def test_everything_at_once(master, song, shared_audio):
    path = shared_audio / "mixes" / "city_blues.flac"
    rate = soundfile.info(path).samplerate
    soundfile.write(song.with_name("other.wav"), soundfile.read(path, 3 * rate, 10 * rate)[0], rate, subtype="PCM_16")
    options = ["--target", "apple", "--target", "cd", "-o", "out/", "--format", "flac", "--amount", 80, "--tone", 50]
    options += ["--reference", "other.wav", "--reference-width", 0, "--preset", "warm", "--save-chain", "chain.json"]
    options += ["--preview", "preview.wav", "--delta", "delta.wav", "--plot", "plot.png", "--fade", "10ms,0.2s", "--trim"]
    done = master("song.flac", *options, "--explain", "--no-codecs", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)["files"][0]
    assert [Path(one["output"]).name for one in report["masters"]] == ["song.apple.flac", "song.cd.flac"]
    assert report["masters"][0]["after"]["integrated_lufs"] < report["masters"][1]["after"]["integrated_lufs"]
    assert report["explained"] and report["masters"][0]["platforms"] and report["masters"][0]["balance"]["hz"]
    info = probe(song.parent / "out" / "song.cd.flac")
    assert (info.sample_rate_hz, info.subtype) == (44_100, "PCM_16")
    for name in ("chain.json", "preview.wav", "delta.wav", "plot.png"):
        assert (song.parent / name).stat().st_size > 100, name


def test_several_targets_side_by_side_in_80_columns(here, song, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    done = here("song.flac", "--target", "spotify", "--target", "cd", "--preset", "warm", "--explain", "--no-codecs", "--quiet")
    assert done.code == 0 and done.err == "" and max(map(len, done.out.splitlines())) <= 80
    assert all(words in done.out for words in ("song.spotify.wav", "song.cd.wav", "-11.0", "cut", "equaliser"))


def test_a_batch_with_a_bad_file(master, song):
    (song.parent / "bad.wav").write_bytes(b"")
    done = master(".", "nowhere.wav", "-o", "out", "--workers", 1, "--no-codecs")
    assert done.returncode == 3
    assert "bad.wav is empty" in done.stderr and "no file nowhere.wav" in done.stderr and "2 of 3 songs failed" in done.stderr
    assert [path.name for path in (song.parent / "out").iterdir()] == ["song.wav"]


def test_a_profile_and_the_flags_over_it(here, song):
    (song.parent / "mine.toml").write_text('[master]\ntarget = "apple"\nformat = "flac"\nbit_depth = "16"\n', "utf-8")
    assert here("song.flac", "--profile", "mine.toml", "--no-codecs").code == 0
    assert probe(song.with_name("song.master.flac")).subtype == "PCM_16"
    done = here("song.flac", "--profile", "mine.toml", "--lufs", "-13", "-o", "loud.wav", "--json", "--no-codecs")
    assert json.loads(done.out)["files"][0]["masters"][0]["after"]["integrated_lufs"] == pytest.approx(-13, abs=0.1)


@pytest.mark.parametrize(
    ("code", "arguments", "words"),
    [
        (3, ["nowhere.wav"], "There is no file"),
        (3, ["text.wav"], "isn't an audio file"),
        (3, ["song.flac", "--reference", "nowhere.wav"], "There is no file"),
        (3, ["song.flac", "--chain", "text.wav"], "not JSON"),
        (3, ["song.flac", "--model", "text.wav"], "text.wav"),
        (2, ["song.flac", "--target", "spotfy"], "Did you mean 'spotify'"),
        (2, ["song.flac", "--target", "cd", "--target", "cd"], "twice"),
        (2, ["song.flac", "--target", "cd", "--target", "aes", "--lufs", "-9"], "alike"),
        (2, ["song.flac", "--lufs", "9"], "out of range"),
        (2, ["song.flac", "--lufs", "0"], "above what can be made"),
        (2, ["song.flac", "--ceiling", "0.5"], "out of range"),
        (2, ["song.flac", "--amount", "101"], "out of range"),
        (2, ["song.flac", "--preset", "loud"], "warm"),
        (2, ["song.flac", "--reference-tone", "50"], "--reference"),
        (2, ["song.flac", "--chain", "c.json", "--preset", "warm"], "--chain"),
        (2, ["song.flac", "--fade", "never"], "fade"),
        (2, ["song.flac", "--plot", "picture.txt"], ".png"),
        (2, ["song.flac", "--preview", "out.wav", "-o", "out.wav"], "another file of this run"),
        (2, ["song.flac", "text.wav", "-o", "out/", "--delta", "d.wav"], "for one song"),
        (2, ["song.flac", "-o", "song.flac", "--force"], "is an input"),
        (2, ["song.flac", "--format", "mp3"], "wav"),
        (2, ["song.flac", "--loud"], "No such option"),
        (6, ["song.flac", "-o", "text.wav/out.wav"], "Can't write"),
    ],
)
def test_mistakes(here, song, code, arguments, words):
    (song.parent / "text.wav").write_text("not audio at all")
    before = sorted(path.name for path in song.parent.rglob("*"))
    done = here(*arguments)
    assert done.code == code and words in done.err and "Traceback" not in done.err and done.out == ""
    assert sorted(path.name for path in song.parent.rglob("*")) == before


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_a_finished_song_is_left_alone_unless_one_insists(here, tmp_path, shared_audio):
    audio, rate = soundfile.read(shared_audio / "music" / "hacienda.ogg", frames=10 * RATE, start=20 * RATE)
    soundfile.write(tmp_path / "a.wav", audio, rate)
    alone = here("a.wav", "--no-codecs", "--explain", "--json")
    insisted = here("a.wav", "-o", "b.wav", "--no-codecs", "--insist", "--json")
    alone, insisted = (json.loads(said.out)["files"][0] for said in (alone, insisted))
    assert "--insist" in alone["explained"][0] and alone["need"] == insisted["need"] < 0.6
    names = [[stage["effect"] for stage in one["masters"][0]["chain"]] for one in (alone, insisted)]
    assert names[0] == ["limiter"] and names[1][0] == "eq"
    assert here("a.wav", "--insist", "--reference", "a.wav").code == 2


def test_dc_is_taken_out_and_a_preset_is_named(here, tmp_path, song):
    audio, rate = soundfile.read(song)
    soundfile.write(tmp_path / "dc.wav", 0.7 * audio + 0.1, rate, "FLOAT")
    said = here("dc.wav", "--no-codecs", "--preset", "warm", "--explain")
    assert said.code == 0 and "Preset warm:" in said.out and "high-pass at 15 Hz" in said.out
    assert abs(soundfile.read(tmp_path / "dc.master.wav")[0][rate:].mean()) < 1e-3
    assert here("dc.wav", "-o", "kept.wav", "--no-codecs", "--amount", "0").code == 0
    assert soundfile.read(tmp_path / "kept.wav")[0].mean() > 0.09


def test_ctrl_c_leaves_nothing_half_written(fxlab_start, tmp_path):
    minute = np.random.default_rng(0).integers(-9000, 9000, (48_000 * 60, 1)).astype(np.int16)
    with soundfile.SoundFile(tmp_path / "a.wav", "w", 48_000, 1, "PCM_16") as file:
        for _ in range(6):
            file.write(minute)
    process = fxlab_start("master", "a.wav", "-o", "out/")
    try:
        deadline = time.monotonic() + 120
        while not list(tmp_path.glob("out/.fxlab-*")) and time.monotonic() < deadline:
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=200)
    finally:
        process.kill()
    assert process.returncode == 130 and "Interrupted" in said and "Traceback" not in said, said
    assert list((tmp_path / "out").iterdir()) == []
