from __future__ import annotations

import csv
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fxlab.audio.files import read
from fxlab.audio.loudness import integrated_lufs
from fxlab.audio.resampling import resample
from fxlab.console.bench import master as view
from fxlab.errors import InputError, MissingError, UsageError
from fxlab.formats.plain_json import text_of
from fxlab.hashing import file_sha256
from fxlab.metrics.mastering import COLUMNS, spectrum_change_db
from fxlab.models.model import Model
from fxlab.progress import silent
from fxlab.services.bench import master as bench_master
from fxlab.services.bench import master_rivals as bench_master_rivals
from fxlab.services.bench.master import Request, run
from fxlab.services.bench.master_plot import figure
from fxlab.services.bench.master_report import Result, Run, SongReport, Speed
from fxlab.services.bench.master_rivals import FXLAB, MATCHERING, NOTHING, RULE, by_matchering, by_rule, heard
from fxlab.services.bench.master_song import Contest, judged
from fxlab.services.bench.master_songs import chosen, excerpt
from fxlab.services.machine import describe

RATE = 44_100


def music(seed: int, seconds: float = 3.0, channels: int = 2) -> np.ndarray:
    """A chord with beats, (frames, channels)."""
    rng, time_s = np.random.default_rng(seed), np.arange(round(seconds * RATE)) / RATE
    chord = sum(np.sin(2 * np.pi * hz * time_s + n) / n for n, hz in enumerate(rng.uniform(60, 600, 5), 1))
    beats = rng.normal(0, 1, (len(time_s), channels)) * np.exp(-9 * (time_s % 0.5))[:, None]
    return (0.1 * chord[:, None] + 0.1 * beats).astype(np.float32)


@pytest.fixture
def songs(tmp_path) -> Path:
    folder = tmp_path / "songs"
    folder.mkdir()
    for number in range(3):
        soundfile.write(folder / f"{number}.wav", music(number), RATE, subtype="PCM_24")
    return folder


@pytest.fixture
def perfect(monkeypatch, songs) -> None:
    """fxlab as one that always finds back to the released song, at another level."""
    originals = [read(path)[0] for path in sorted(songs.iterdir())]

    def mastered(source, output, model, codecs=False):
        audio, rate_hz = read(source)
        likeness = [abs(np.corrcoef(audio.ravel(), song.ravel())[0, 1]) for song in originals]
        soundfile.write(output, 0.5 * originals[int(np.argmax(likeness))].T, rate_hz, subtype="FLOAT")

    monkeypatch.setattr(bench_master_rivals, "mastered", mastered)
    monkeypatch.setattr(bench_master, "measured", lambda *others: [Speed(FXLAB, 2.0, [2.0], 240.0, 10**8)])


def test_songs_that_the_network_knows_and_what_is_no_song_are_left_out(songs):
    (songs / "copy.wav").write_bytes((songs / "0.wav").read_bytes())
    soundfile.write(songs / "short.wav", music(9, 1.0), RATE)
    soundfile.write(songs / "silent.wav", np.zeros((4 * RATE, 2)), RATE)
    soundfile.write(songs / "surround.wav", np.zeros((4 * RATE, 6)), RATE)
    known = {file_sha256(songs / "1.wav"): "validation", file_sha256(songs / "2.wav"): "test"}
    found, left_out = chosen([songs], known, silent)
    assert sorted(song.path.name for song in found) == ["0.wav", "2.wav"]
    assert [song.sha256 for song in found] == sorted(song.sha256 for song in found)
    reasons = {one.name: one.reason for one in left_out}
    assert set(reasons) == {"1.wav", "copy.wav", "short.wav", "silent.wav", "surround.wav"}
    assert "validation" in reasons["1.wav"] and reasons["copy.wav"].endswith("0.wav")
    with pytest.raises(InputError, match="train split"):
        chosen([songs / "1.wav"], {file_sha256(songs / "1.wav"): "train"}, silent)


def test_what_a_network_knows_stands_in_its_card(monkeypatch, tmp_path):
    card = {"data": {"songs": [{"sha256": "ab", "name": "x", "style": "rock", "split": "train"}]}}
    monkeypatch.setattr("fxlab.models.checkpoint_file.read", lambda path: (Model(None, {}, card), {}, {}))
    assert bench_master._known(tmp_path / "any.safetensors") == {"ab": "train"}
    for songs in ([{"sha256": "ab"}], ["ab"], 3):
        card["data"] = {"songs": songs}
        with pytest.raises(InputError, match="which songs"):
            bench_master._known(tmp_path / "any.safetensors")


def test_the_middle_of_a_song_stands_for_it(songs):
    whole, _ = read(songs / "0.wav")
    assert np.array_equal(excerpt(songs / "0.wav"), whole)
    middle = excerpt(songs / "0.wav", 1.0)
    start = (whole.shape[1] - RATE) // 2
    assert np.array_equal(middle, whole[:, start : start + RATE])


def test_a_rule_that_is_the_same_for_every_song_and_level(songs, tmp_path):
    loud, rate_hz = read(songs / "0.wav")
    masters = []
    for gain in (1.0, 0.2):
        soundfile.write(tmp_path / "in.wav", gain * loud.T, rate_hz, subtype="FLOAT")
        by_rule(tmp_path / "in.wav", tmp_path / "out.wav")
        masters.append(read(tmp_path / "out.wav")[0])
    assert np.abs(masters[0] - masters[1]).max() < 1e-3
    assert integrated_lufs(masters[0], rate_hz) == pytest.approx(-14, abs=0.1)
    moved = spectrum_change_db(loud, masters[0], rate_hz)
    assert 1.5 < moved[-3:].mean() - moved[:3].mean() < 4


def test_masters_of_another_rate_and_shape_are_brought_back(tmp_path):
    song = 0.5 * np.sin(np.arange(round(1.001 * RATE)) / 50, dtype=np.float32)[None]
    other = resample(song, RATE, 48_000)
    soundfile.write(tmp_path / "out.wav", np.repeat(other, 2, axis=0).T, 48_000, subtype="FLOAT")
    back = heard(tmp_path / "out.wav", RATE, song)
    assert back.shape == song.shape and np.abs(back - song)[:, 2000:-2000].max() < 1e-3
    soundfile.write(tmp_path / "short.wav", song.T[:-7], RATE, subtype="FLOAT")
    assert np.array_equal(heard(tmp_path / "short.wav", RATE, song)[:, :-7], song[:, :-7])


def test_who_finds_back_has_no_error_and_degradations_are_the_songs_own(perfect, songs, tmp_path):
    found, _ = chosen([songs], {}, silent)
    contest = Contest(tmp_path, 2, 7, None, False)
    report = judged(found[0], found[1], contest)
    assert report.moved_db < 0.01 and report.seconds == 3.0
    for column in COLUMNS:
        assert report.score(FXLAB, column) < 0.01 < report.score(NOTHING, column)
        assert report.score(RULE, column) > 0.01 and report.score(MATCHERING, column) is None
    assert report.runs[0].degradation != report.runs[1].degradation
    again = judged(found[0], found[2], dataclasses.replace(contest, runs=1))
    assert again.runs[0].degradation == report.runs[0].degradation
    assert not list(tmp_path.glob("song-*"))


def test_everything_together(perfect, songs, tmp_path, capsys):
    (songs / "2.wav").unlink()
    request = Request([songs], runs=1, csv=tmp_path / "rows.csv", plot=tmp_path / "picture.png", html=tmp_path / "page.html")
    result = run(request)
    assert len(result.songs) == 2 and result.left_alone == 1
    assert result.difference(NOTHING, "spectrum_db").mean < 0
    with open(request.csv, newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6 and {row["rival"] for row in rows} == {NOTHING, RULE, FXLAB}
    assert request.plot.stat().st_size > 10_000
    assert result.html_error is None and "who comes nearer?" in request.html.read_text("utf-8")
    assert [one.about.split(", ")[1] for one in result.heard] == [
        "for which fxlab does as usual",
        "for which fxlab does least",
    ]
    lead = [song.score(FXLAB, "spectrum_db") - song.score(NOTHING, "spectrum_db") for song in result.songs]
    assert result.heard[1].about.startswith(result.songs[int(np.argmax(lead))].name)
    for one in result.heard:
        assert list(one.versions) == ["released", "degraded", "by rule", "by fxlab"]
        assert np.allclose(one.versions["by fxlab"], 0.5 * one.versions["released"], atol=1e-6)
        assert len({sound.shape for sound in one.versions.values()}) == 1
    with pytest.raises(UsageError, match="exists"):
        run(request)
    document = json.loads(text_of(result.to_json()))
    assert document["fxlab_minus"][RULE]["mr_stft"]["verdict"] == "too few" and document["speed"][0]["rtf"] == 2 / 240
    view.show(result)
    assert "Untouched masters" in capsys.readouterr().out


def report(count: int, refusing: int = 0) -> Result:
    """fxlab half as far away as doing nothing, and matchering refusing some songs."""
    made = []
    for number in range(count):
        far = {column: 1.0 + number for column in COLUMNS}
        scores = {NOTHING: far, FXLAB: {column: value / 2 for column, value in far.items()}}
        refuses = number < refusing
        scores |= {} if refuses else {MATCHERING: {column: 9.0 for column in COLUMNS}}
        made.append(
            SongReport(f"{number}.wav", "0", RATE, 2, 20.0, [Run({}, scores, {MATCHERING: "no"} if refuses else {})], 0.6, 50.0)
        )
    return Result(describe(), None, [NOTHING, MATCHERING, FXLAB], 0, made, [], [Speed(FXLAB, 1.0, [1.0], 240.0, 0)], 1.0)


def test_who_refuses_is_compared_on_the_other_songs_only(capsys):
    result = report(10, refusing=2)
    assert result.refused(MATCHERING) == ["0.wav", "1.wav"] and result.refused(NOTHING) == []
    difference = result.difference(MATCHERING, "plr_db")
    assert difference.pairs == 8 and difference.mean == pytest.approx(np.mean(np.arange(3, 11) / 2) - 9)
    assert result.difference(NOTHING, "plr_db").verdict == "better" and result.left_alone == 0
    none = report(10, refusing=10)
    assert none.mean(MATCHERING, "plr_db") is None and none.difference(MATCHERING, "plr_db") is None
    assert len(figure(none).axes) == 8
    view.show(none)
    assert "matchering refused 10 songs" in capsys.readouterr().out


def test_matchering_is_asked_for_only_where_it_is(monkeypatch, songs):
    monkeypatch.setattr(bench_master_rivals.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingError) as caught:
        run(Request([songs], peers=True))
    assert "pip install matchering" in caught.value.hint


def test_matchering_makes_a_master_or_says_why_not(songs, tmp_path):
    pytest.importorskip("matchering", reason="pip install matchering")
    assert by_matchering(songs / "0.wav", tmp_path / "out.wav", songs / "1.wav") is None
    assert read(tmp_path / "out.wav")[0].shape == read(songs / "0.wav")[0].shape
    assert by_matchering(songs / "0.wav", tmp_path / "out.wav", songs / "0.wav")
