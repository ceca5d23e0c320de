"""`--html` of `master` and `grow` as their users call it: the page beside the result, and what becomes of it when it can't be."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

RATE = 44_100


@pytest.fixture
def song(tmp_path):
    rng, time_s = np.random.default_rng(7), np.arange(2 * RATE) / RATE
    audio = 0.1 * np.sin(2 * np.pi * 220 * time_s)[:, None] + 0.05 * rng.normal(0, 1, (len(time_s), 2))
    soundfile.write(tmp_path / "song.wav", audio, RATE, subtype="PCM_16")
    return tmp_path / "song.wav"


def test_a_master_with_a_page(fxlab, song):
    arguments = ["master", "song.wav", "--no-codecs", "--html", "song <b>.html"]
    done = fxlab(*arguments)
    assert done.returncode == 0 and "Page: song <b>.html" in done.stderr, done.stderr
    page = song.with_name("song <b>.html").read_text("utf-8")
    assert "fxlab master song.wav --no-codecs --html &#x27;song &lt;b&gt;.html&#x27;" in page
    assert page.count("data:audio/flac") == 2 and "Loudness over time" in page
    song.with_name("song.master.wav").unlink()
    again = fxlab(*arguments)
    assert again.returncode == 2 and "exists already" in again.stderr and not song.with_name("song.master.wav").exists()


def test_an_instrument_that_grows_with_a_page(fxlab, tmp_path):
    done = fxlab("grow", "--seconds", "1s", "-o", "out.wav", "--html", "page.html", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["html"] == "page.html"
    page = (tmp_path / "page.html").read_text("utf-8")
    assert "whole, without growth" in page and "data:image/png" in page and "Universitat Pompeu Fabra" in page


@pytest.mark.parametrize(("verb", "code"), [("master", 6), ("grow", 6)])
def test_a_page_that_cant_be_written_comes_after_the_result(fxlab_here, song, monkeypatch, verb, code, instrument_file):
    from fxlab.errors import OutputError
    from fxlab.services import pages

    def full(page, path, force):
        raise OutputError(f"Can't write {path}: No space left on device.", "Make room.")

    monkeypatch.setattr(pages, "write", full)
    given = ["song.wav", "--no-codecs"] if verb == "master" else [instrument_file(), "--seconds", "0.3"]
    done = fxlab_here(verb, *given, "-o", "out.wav", "--html", "page.html", "--json")
    document = json.loads(done.stdout)
    assert done.returncode == document["exit_code"] == code and "No space left" in document["error"]["message"]
    assert document["html"] is None and song.with_name("out.wav").is_file() and not song.with_name("page.html").exists()
    assert document["files"] if verb == "master" else document["takes"]
