"""The page of a growth: what grew beside the whole, in step, its fill curve, its figures."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from fxlab.audio.files import read
from fxlab.errors import UsageError
from fxlab.models import checkpoint_file
from fxlab.pages.page import html
from fxlab.pages.parts import Curves, Listening, Picture, Table
from fxlab.services.grow import page as grow_page
from fxlab.services.grow import service
from fxlab.services.grow.service import Request, run


@pytest.fixture
def grown(tmp_path, instrument_file, monkeypatch):
    """`grown(**options)`: the result and its page."""
    made = []
    monkeypatch.setattr(grow_page, "png", lambda figure: b"\x89PNG")
    monkeypatch.setattr(service, "page_of", lambda *given: made.append(grow_page.page_of(*given)) or made[-1])

    def play(**options):
        inputs = options.pop("inputs", [instrument_file()])
        result = run(Request(inputs, tmp_path / "out.wav", html=tmp_path / "page.html", bit_depth="float", **options))
        assert result.html == tmp_path / "page.html" and result.html.stat().st_size > 1000 and result.html_error is None
        return result, made[-1]

    return play


def part(page, title, kind):
    (found,) = (one for one in page.parts if one.title == title)
    assert isinstance(found, kind)
    return found


def test_what_grew_is_heard_beside_the_whole(tmp_path, grown):
    _, page = grown(age="0:0,0.5:1", damage="1:4@0.6s", stems=True)
    heard = {version.name: version.audio for version in part(page, "Grown and whole", Listening).versions}
    assert list(heard) == ["grown", "whole, without growth"]
    assert np.array_equal(heard["grown"], read(tmp_path / "out.wav")[0])
    young, old, cut = slice(0, 4000), slice(24_000, 26_000), slice(30_000, 34_000)
    difference = heard["grown"] - heard["whole, without growth"]
    power = lambda audio, at: float(np.square(audio[:, at]).mean())  # noqa: E731
    whole = heard["whole, without growth"]
    apart = [power(difference, at) / power(whole, at) for at in (young, old, cut)]
    assert apart[1] < 0.01 < 0.05 < min(apart[0], apart[2])
    lines = {line.name: line for line in part(page, "Age, and how much has grown", Curves).lines}
    assert lines["age"].y[0] == 0 and lines["age"].y[-1] == 1 and lines["cells that have grown"].y[-1] > 0.5
    assert "cut at 604 ms" in part(page, "Age, and how much has grown", Curves).note
    assert [version.name for version in part(page, "Stems", Listening).versions] == ["harmonics", "noise"]
    assert part(page, "Growth", Picture).alt and "CC0" in dict(page.facts)["licence"]


def test_seeds_are_heard_side_by_side(grown):
    result, page = grown(seeds=3, seconds=0.5)
    heard = part(page, "Grown and whole", Listening)
    assert [version.name for version in heard.versions] == ["seed 0", "seed 1", "seed 2", "whole, without growth"]
    assert len({version.audio.shape for version in heard.versions}) == 1
    assert len(part(page, "Renderings", Table).rows) == 3 and part(page, "Growth from every seed", Picture)
    assert len(part(page, "Age, and how much has grown", Curves).lines) == 4


def test_what_is_played_in_its_timbre_is_heard_beside_the_recording(tmp_path, grown):
    time_s = np.arange(24_000) / 24_000
    voice = (0.3 * np.sin(2 * np.pi * 220 * time_s)).astype(np.float32)
    soundfile.write(tmp_path / "voice.wav", voice, 24_000, subtype="FLOAT")
    table = tmp_path / "f0.csv"
    table.write_text("time_s,f0_hz\n" + "".join(f"{t:.3f},220\n" for t in np.arange(0, 1.02, 0.01)))
    _, page = grown(resynth=tmp_path / "voice.wav", f0=table)
    recording, played = part(page, "To compare", Listening).versions
    assert (recording.name, played.name) == ("recording, voice.wav", "played")
    assert recording.audio.shape == played.audio.shape and np.array_equal(recording.audio[0, :20_000], voice[:20_000])
    assert not any(one.title.startswith("Age") for one in page.parts)


def test_long_ones_are_heard_where_they_change(grown, monkeypatch):
    monkeypatch.setattr(grow_page, "_LONGEST_S", 0.5)
    _, page = grown(seconds=3.0, age="0:0,1.8:0,2.2:1,3:1")
    heard = part(page, "Grown and whole", Listening)
    assert {version.audio.shape[1] for version in heard.versions} == {22_050}
    assert 1.5 < float(heard.note.split("from ")[1].split()[0]) < 2.3
    assert len(html(page)) < 5_000_000


def test_what_a_card_leaves_unsaid_is_left_out_or_counted(tmp_path, instrument_file, grown):
    model, extra, record = checkpoint_file.read(instrument_file())
    said = {name: value for name, value in model.card.items() if name not in ("parameters_count", "licence", "attribution")}
    checkpoint_file.write(tmp_path / "mute.safetensors", model.weights, said, extra, record)
    _, page = grown(inputs=[tmp_path / "mute.safetensors"], seconds=0.3)
    facts = dict(page.facts)
    assert f"{model.config.parameters_count:,} parameters" in facts["network"] and "licence" not in facts


@pytest.mark.parametrize("name", ["-", "page.txt", "out.wav", "inst.html"])
def test_places_where_no_page_can_go(tmp_path, instrument_file, name):
    (tmp_path / "inst.html").touch()
    with pytest.raises(UsageError):
        run(Request([instrument_file()], tmp_path / "out.wav", html=tmp_path / name))
    assert not (tmp_path / "out.wav").exists()
