"""The page of a master: what is heard is the song and its master in step, and curves are those of what was done."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from fxlab.audio.files import read
from fxlab.errors import OutputError, UsageError
from fxlab.mastering.chain import Chain, Peak
from fxlab.pages.page import html
from fxlab.pages.parts import Curves, Listening, Table
from fxlab.services import pages
from fxlab.services.master.page import page_of
from fxlab.services.master.service import Request, run

RATE = 44_100


def music(seconds: float, seed: int = 7) -> np.ndarray:
    """Beats over a chord, louder in the middle, (frames, 2)."""
    rng, time_s = np.random.default_rng(seed), np.arange(round(seconds * RATE)) / RATE
    chord = sum(np.sin(2 * np.pi * hz * time_s) for hz in (55, 220, 331))
    beats = rng.normal(0, 1, (len(time_s), 2)) * np.exp(-12 * (time_s % 0.5))[:, None]
    return (0.05 * (1 + np.sin(np.pi * time_s / seconds))[:, None] * (chord[:, None] + beats)).astype(np.float32)


@pytest.fixture
def song(tmp_path):
    soundfile.write(tmp_path / "song.wav", music(2.0), RATE, subtype="FLOAT")
    Chain((Peak(100.0, 3.0, 1.0), Peak(4000.0, -2.0, 1.4)), tone={"high_shelf_hz": 8000.0, "high_shelf_db": 1.0}).save(
        tmp_path / "chain.json", {}
    )
    return tmp_path / "song.wav"


def part(page, title, kind):
    (found,) = (one for one in page.parts if one.title == title)
    assert isinstance(found, kind)
    return found


def test_a_song_for_two_targets(song, tmp_path):
    request = Request([song], chain=tmp_path / "chain.json", replay=False, targets=["apple", "cd"], codecs=False)
    result = run(request)
    page = page_of(result, "fxlab master song.wav")
    heard = part(page, "Before and after", Listening)
    assert [version.name for version in heard.versions] == ["before", "for apple", "for cd"] and heard.sample_rate_hz == RATE
    for version, path in zip(heard.versions, [song, *(one.output for one in result.files[0].masters)], strict=True):
        assert np.array_equal(version.audio, read(path)[0])
    assert "apple" in page.summary and page.command == "fxlab master song.wav"

    drawn = {line.name: line.y for line in part(page, "Equaliser", Curves).lines}
    together = drawn.pop("all together")
    assert set(drawn) == {"shelves and filters", "band at 100 Hz", "band at 4 kHz"}
    np.testing.assert_allclose(together, sum(drawn.values()), atol=1e-9)
    assert ("100", "+3.00", "1.00") in part(page, "Bands of the equaliser", Table).rows

    for target, lufs in (("apple", -16.0), ("cd", -11.0)):
        loudness = {line.name: line for line in part(page, f"Loudness over time for {target}", Curves).lines}
        assert set(loudness) == {"before, momentary", f"for {target}, momentary", "target"}
        assert set(loudness["target"].y) == {lufs}
    verified = part(page, "Verification", Table).rows
    assert len(verified) == 8 and {row[-1] for row in verified} == {"yes"}
    assert len(part(page, "On streaming services", Table).rows) == 12
    assert [row[0] for row in part(page, "True peaks", Table).rows] == ["before", "after, apple", "after, cd"]
    assert len(html(page)) < 5_000_000


def test_an_album_whose_songs_are_told_apart(tmp_path, monkeypatch):
    for number in range(3):
        soundfile.write(tmp_path / f"{number}.wav", music(1.0, number), RATE, subtype="PCM_16")
    (tmp_path / "3.wav").write_bytes(b"no audio")
    monkeypatch.setattr("fxlab.services.master.page.MOST_HEARD", 2)
    result = run(Request([tmp_path], output=f"{tmp_path}/out/", album=True, codecs=False, workers=1))
    page = page_of(result)
    songs = part(page, "Songs", Table)
    assert len(songs.rows) == 4 and "failed" in songs.rows[3][1] and "1 song more" in songs.note
    assert [one.title for one in page.parts if isinstance(one, Listening)] == [
        "0.wav: before and after",
        "1.wav: before and after",
    ]
    assert len(part(page, "Verification", Table).rows) == 12
    assert "1 song failed" in page.summary and any(name == "album" for name, _ in page.facts)


@pytest.mark.parametrize("audio", [np.zeros((RATE, 2)), music(0.2), music(1.0)[:, :1]], ids=["silence", "a click", "mono"])
def test_songs_of_which_little_can_be_said(tmp_path, audio):
    soundfile.write(tmp_path / "song.wav", audio, RATE, subtype="PCM_16")
    page = page_of(run(Request([tmp_path / "song.wav"], codecs=False)))
    assert {version.audio.shape for version in part(page, "Before and after", Listening).versions} == {audio.T.shape}
    assert all(one.lines for one in page.parts if isinstance(one, Curves)) and len(html(page)) > 10_000


def test_a_page_that_cant_be_written_costs_nothing(song, tmp_path, monkeypatch):
    def full(*arguments):
        raise OutputError("Can't write it: no space left.", "")

    monkeypatch.setattr(pages, "write", full)
    result = run(Request([song], html=tmp_path / "page.html", codecs=False))
    assert result.html is None and isinstance(result.html_error, OutputError) and result.exit_code == 0
    assert (tmp_path / "song.master.wav").is_file() and result.to_json()["html"] is None


@pytest.mark.parametrize("name", ["-", "page.pdf", "song.wav", "song.master.wav", "chain.html", "there.html"])
def test_places_where_no_page_can_go(song, name, monkeypatch):
    monkeypatch.chdir(song.parent)
    song.with_name("there.html").touch()
    with pytest.raises(UsageError):
        run(Request([song], html=song.with_name(name), save_chain=song.with_name("chain.html"), codecs=False))
    assert not song.with_name("song.master.wav").exists()
