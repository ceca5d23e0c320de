"""The page of a rendering: what is heard is what was read and written, in step, and a page costs nothing else."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fxlab.audio.files import read
from fxlab.errors import OutputError, UsageError
from fxlab.pages.page import html
from fxlab.pages.parts import Curves, Listening, Table
from fxlab.services import pages
from fxlab.services.render import heard as render_heard
from fxlab.services.render import service as render
from fxlab.services.render.file import FileReport, Settings
from fxlab.services.render.heard import heard
from fxlab.services.render.page import page_of
from fxlab.services.render.service import Request, run
from fxlab.settings import EffectSettings

RATE = 8_000
CHAIN = [EffectSettings("compressor"), EffectSettings("saturator", set={"oversample": 2})]


def written(path: Path, seconds: float, loud_s: float = 0.0, channels: int = 2) -> Path:
    """Quiet noise with two loud seconds in it."""
    audio = 0.01 * np.random.default_rng(0).normal(size=(round(seconds * RATE), channels)).astype(np.float32)
    audio[round(loud_s * RATE) : round((loud_s + 2) * RATE)] *= 30
    soundfile.write(path, audio, RATE, subtype="FLOAT")
    return path


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rendered")
    take = written(folder / "take.wav", 12, loud_s=8)
    request = Request([take], CHAIN, folder / "wet.wav", html=folder / "page.html", command="fxlab render take.wav <b>")
    return run(request), folder


def test_the_loudest_passage_is_heard_as_it_was_read_and_written(rendered):
    result, folder = rendered
    found = heard(result.files[0], Settings(CHAIN), "it", 1.5)
    assert 7.6 <= found.start_s <= 8.6 and found.seconds == 1.5 and list(found.versions) == ["dry", "it"]
    for name, file in (("dry", "take.wav"), ("it", "wet.wav")):
        start = round(found.start_s * RATE)
        assert np.array_equal(found.versions[name], read(folder / file)[0][:, start : start + 12_000])
        assert len(found.levels[name].short_term_s) == 91


def test_dsp_begins_early_enough_to_stand_where_it_would(rendered, monkeypatch):
    monkeypatch.setattr(render_heard, "dsp_twin", lambda effects: list(effects))
    found = heard(rendered[0].files[0], Settings(CHAIN), "it", 1.0)
    dry, dsp, network = found.versions.values()
    assert list(found.versions)[1:] == ["compressor + saturator (DSP)", "it (network)"]
    assert np.abs(dsp - network).max() < 1e-4 * np.abs(network).max() < np.abs(dry - network).max()


def test_memory_does_not_grow_with_the_file(tmp_path):
    peaks = []
    for minutes in (1, 8):
        path = written(tmp_path / f"{minutes}.wav", 60 * minutes, channels=1)
        report = FileReport(path, path, seconds=60.0 * minutes, sample_rate_hz=RATE, channels=1)
        tracemalloc.start()
        heard(report, Settings(CHAIN), "it", 4.0)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # Eight minutes of it are 15 MB; a minute of loudness takes 5 kB, some times over.
    assert peaks[1] < peaks[0] + 1_000_000


def test_a_page_of_one_file(rendered):
    result, folder = rendered
    assert result.html == folder / "page.html" and result.html_error is None and result.to_json()["html"] == str(result.html)
    text = result.html.read_text("utf-8")
    assert "fxlab render take.wav &lt;b&gt;" in text and "<b>" not in text and "compressor + saturator" in text
    page = page_of(result.files, Settings(CHAIN), render.open_chain(CHAIN))
    player, spectra, loudness, files = page.parts
    assert isinstance(player, Listening) and [one.name for one in player.versions] == ["dry", "compressor + saturator"]
    assert len({one.audio.shape for one in player.versions}) == 1 and player.sample_rate_hz == RATE
    assert isinstance(spectra, Curves) and isinstance(loudness, Curves) and isinstance(files, Table)
    assert files.rows[0][0].endswith("wet.wav") and "latency" in files.note
    assert dict(page.facts)["effect 2"].startswith("saturator (")


def test_several_files_are_heard_up_to_a_number_and_failures_are_told(tmp_path, monkeypatch):
    monkeypatch.setattr("fxlab.services.render.page.MOST_HEARD", 2)
    for number in range(3):
        written(tmp_path / f"{number}.wav", 0.3)
    (tmp_path / "bad.wav").write_bytes(b"")
    chain = [EffectSettings("eq")]
    result = run(Request([tmp_path], chain, tmp_path / "out/", workers=1, html=tmp_path / "page.html"))
    page = page_of(result.files, Settings(chain), render.open_chain(chain))
    assert [part.title for part in page.parts if isinstance(part, Listening)] == ["Listen: 0.wav", "Listen: 1.wav"]
    files = page.parts[-1]
    assert len(files.rows) == 3 and "the other 1 only have a row here" in files.note and "bad.wav is empty" in files.note
    assert "3 files rendered, 1 failed" in page.summary and html(page)


@pytest.mark.parametrize("frames", [1, 100, 3000])
def test_pages_of_very_short_and_silent_files(tmp_path, frames):
    soundfile.write(tmp_path / "in.wav", np.zeros((frames, 1)), RATE)
    result = run(Request([tmp_path / "in.wav"], [EffectSettings("saturator")], html=tmp_path / "page.html"))
    assert result.html_error is None and "in.wav through saturator" in result.html.read_text("utf-8")


def test_a_network_is_heard_beside_its_dsp(tmp_path):
    path = written(tmp_path / "take.wav", 1.0, channels=1)
    chain = [EffectSettings("tcn-nano")]
    result = run(Request([path], chain))
    player = page_of(result.files, Settings(chain), render.open_chain(chain)).parts[0]
    assert [one.name for one in player.versions] == ["dry", "saturator (DSP)", "tcn-nano (network)"]
    assert "ESR" in player.note


@pytest.mark.parametrize("name", ["-", "page.txt", "there.html", "take.wav", "wet.html", "picture.html"])
def test_a_page_that_cant_be_is_refused_before_any_work(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "take.wav", 0.1)
    (tmp_path / "there.html").touch()
    names = {"wet.html": "output", "picture.html": "plot"}
    options = {names[name]: Path(name)} if name in names else {}
    with pytest.raises(UsageError):
        run(Request(["take.wav"], CHAIN, html=Path(name), **options))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["take.wav", "there.html"]


def test_a_page_that_cant_be_written_costs_no_rendering(tmp_path, monkeypatch):
    def full(*_):
        raise OutputError("Can't write page.html: the disk is full.")

    monkeypatch.setattr(pages, "write", full)
    path = written(tmp_path / "take.wav", 0.5)
    result = run(Request([path], [EffectSettings("eq")], html=tmp_path / "page.html"))
    assert result.html is None and isinstance(result.html_error, OutputError) and result.to_json()["html"] is None
    assert result.exit_code == 0 and (tmp_path / "take.eq.wav").exists()
