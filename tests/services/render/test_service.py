from __future__ import annotations

import dataclasses
import json
import math
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fxlab.audio.files import probe, read
from fxlab.audio.loudness import integrated_lufs
from fxlab.audio.resampling import resample
from fxlab.effects.processor import apply
from fxlab.effects.registry import effect
from fxlab.engines.loader import open_processor
from fxlab.errors import InputError, OutputError, UsageError
from fxlab.formats.plain_json import text_of
from fxlab.services.render import file as render_file
from fxlab.services.render import plot as render_plot
from fxlab.services.render import tables as render_tables
from fxlab.services.render.file import FileReport
from fxlab.services.render.service import Request, Result, run
from fxlab.settings import EffectSettings

RATE = 48_000
FLAT = [EffectSettings("eq")]


def noise(frames: int, channels: int = 2) -> np.ndarray:
    return np.random.default_rng(frames).uniform(-0.5, 0.5, (frames, channels)).astype(np.float32)


@pytest.fixture
def take(tmp_path) -> Path:
    path = tmp_path / "take.wav"
    soundfile.write(path, noise(30_000), RATE, subtype="FLOAT")
    return path


def rendered(path: Path, effects: list[EffectSettings], **options) -> tuple[np.ndarray, FileReport]:
    output = path.with_name("out.wav")
    result = run(Request([path], effects, output, force=True, **options))
    return read(output)[0], result.files[0]


@pytest.mark.parametrize("block", [1000, 16_384])
def test_a_flat_eq_is_bit_exact(take, block):
    audio, report = rendered(take, FLAT, block=block)
    assert np.array_equal(audio, read(take)[0])
    assert report.subtype == "FLOAT" and report.before == report.after and report.latency_ms == 0


def test_it_sounds_as_the_effect_itself(take):
    settings = {"drive_db": 18.0, "oversample": "1"}
    audio, report = rendered(take, [EffectSettings("saturator", "numpy", settings)])
    reference = effect("saturator").processor("numpy", **settings)
    assert np.abs(audio - apply(reference, read(take)[0], RATE)).max() < 1e-6
    assert report.after.peak_db == pytest.approx(20 * math.log10(np.abs(audio).max()))
    assert report.after.lufs == pytest.approx(integrated_lufs(audio, RATE), abs=1e-6)


def test_an_oversampled_effect_is_aligned(take):
    # Almost no drive, no filter in the way: what comes out is what went in, and exactly where it was.
    settings: dict = {"drive_db": 0.0, "oversample": "4", "cutoff_hz": 20_000.0, "bias": 0.0}
    audio, report = rendered(take, [EffectSettings("saturator", "auto", settings)])
    dry = read(take)[0]
    assert report.latency_ms > 0 and audio.shape == dry.shape
    lags = range(-20, 21)
    likeness = [np.sum(audio[0, 100:-100] * dry[0, 100 + lag : dry.shape[1] - 100 + lag]) for lag in lags]
    assert lags[int(np.argmax(likeness))] == 0


def test_mix(take):
    dry = read(take)[0]
    wet, _ = rendered(take, [EffectSettings("saturator")])
    half, _ = rendered(take, [EffectSettings("saturator")], mix=0.5)
    none, _ = rendered(take, [EffectSettings("saturator")], mix=0.0)
    assert np.abs(half - (dry + wet) / 2).max() < 1e-6 and np.array_equal(none, dry)


def test_tails(take):
    low_cut = [EffectSettings("eq", "auto", {"highpass_hz": 30.0})]
    kept, report = rendered(take, low_cut)
    assert kept.shape[1] == 30_000 and report.tail_s == 0
    rung, report = rendered(take, low_cut, tail="auto")
    assert rung.shape[1] > 30_000
    assert report.tail_s == (rung.shape[1] - 30_000) / RATE and report.seconds == rung.shape[1] / RATE
    longer, _ = rendered(take, low_cut, tail="2s")
    assert longer.shape[1] == 30_000 + 2 * RATE
    assert np.array_equal(longer[:, : rung.shape[1]], rung) and np.array_equal(rung[:, :30_000], kept)
    assert np.abs(longer[:, rung.shape[1] :]).max() < 2e-6


@pytest.mark.parametrize(("rate", "channels", "subtype"), [(8_000, 1, "PCM_U8"), (44_100, 6, "PCM_24"), (192_000, 8, "PCM_16")])
def test_rate_and_channels_are_kept(tmp_path, rate, channels, subtype):
    soundfile.write(tmp_path / "in.wav", noise(5000, channels), rate, subtype=subtype)
    run(Request([tmp_path / "in.wav"], [EffectSettings("saturator")]))
    info = probe(tmp_path / "in.saturator.wav")
    assert (info.sample_rate_hz, info.channels, info.frames) == (rate, channels, 5000)
    assert info.subtype == ("PCM_24" if subtype == "PCM_24" else "PCM_16")


@pytest.mark.parametrize(
    ("name", "subtype"), [("in.mp3", "MPEG_LAYER_III"), ("in.opus", "OPUS"), ("in.aiff", "PCM_16"), ("in.ogg", "VORBIS")]
)
def test_every_container_comes_in_and_tags_are_copied(tmp_path, name, subtype):
    container = "OGG" if subtype == "OPUS" else None
    with soundfile.SoundFile(tmp_path / name, "w", RATE, 2, subtype, format=container) as file:
        file.title, file.artist, file.comment = "A title", "An artist", "A comment"
        file.write(noise(20_000))
    report = run(Request([tmp_path / name], FLAT)).files[0]
    info = probe(tmp_path / "in.eq.wav")
    assert info.tags == probe(tmp_path / name).tags and info.tags["title"] == "A title"
    assert info.frames == 20_000 and report.dropped_tags == []
    for output in ("in.flac", "out.ogg"):
        run(Request([tmp_path / name], FLAT, tmp_path / output))
        assert probe(tmp_path / output).tags["artist"] == "An artist"


def test_hostile_but_readable(tmp_path):
    cases = {
        "one sample": np.full((1, 1), 0.5),
        "silence": np.zeros((5000, 2)),
        "dc": np.full((5000, 1), 0.9),
        "huge": np.full((5000, 1), 1e30),
        "not numbers": np.where(np.arange(5000) % 7, 0.1, np.nan)[:, None],
        "infinite": np.full((5000, 2), np.inf),
    }
    for name, audio in cases.items():
        soundfile.write(tmp_path / f"{name}.wav", audio, RATE, subtype="FLOAT")
    result = run(Request([tmp_path], [EffectSettings("saturator"), EffectSettings("eq", set={"peak1_db": 24})], tmp_path / "out"))
    assert result.exit_code == 0
    for report in result.files:
        found, _ = read(report.output)
        assert found.shape[1] == len(cases[report.input.stem]) and np.isfinite(found).all()
    by_name = {report.input.stem: report for report in result.files}
    assert by_name["silence"].after.peak_db == -math.inf == by_name["silence"].after.lufs
    assert by_name["not numbers"].replaced_in == 715 and by_name["infinite"].replaced_in == 10_000


def test_clipping_is_counted_for_integers_only(tmp_path):
    soundfile.write(tmp_path / "in.wav", noise(5000), RATE, subtype="PCM_16")
    loud = [EffectSettings("eq", set={"low_shelf_db": 24, "high_shelf_db": 24})]
    report = run(Request([tmp_path / "in.wav"], loud)).files[0]
    assert report.clipped > 0 and report.after.peak_db > 0
    report = run(Request([tmp_path / "in.wav"], loud, tmp_path / "float.wav", bit_depth="float")).files[0]
    assert report.clipped == 0 and np.abs(read(report.output)[0]).max() > 1


def test_a_model_of_another_rate_runs_at_its_own(tmp_path):
    torch = pytest.importorskip("torch")
    from fxlab.models import checkpoint
    from fxlab.models.model import describe
    from fxlab.models.tcn import TCN
    from fxlab.models.tcn_config import SIZES

    torch.manual_seed(1)
    network = TCN(SIZES["nano"]).eval()
    card = {
        "format": checkpoint.CARD_FORMAT,
        "model": describe(network.config),
        "sample_rate_hz": RATE,
        "latency": 0,
        "receptive_field": network.receptive_field,
        "effect": [{"name": "saturator", "parameters": {}}],
    }
    model = tmp_path / "model.safetensors"
    checkpoint.save(model, network, card)
    soundfile.write(tmp_path / "in.wav", noise(20_000), 44_100, subtype="FLOAT")
    report = run(Request([tmp_path / "in.wav"], [EffectSettings(str(model))], plot=tmp_path / "in.png")).files[0]
    assert report.output.name == "in.model.wav" and report.resampled_to_hz == [RATE] and (tmp_path / "in.png").is_file()
    audio, rate = read(report.output)
    inside = apply(open_processor(str(model)).processor, resample(read(tmp_path / "in.wav")[0], 44_100, RATE), RATE)
    assert rate == 44_100 and audio.shape == (2, 20_000)
    assert np.abs(audio - resample(inside, RATE, 44_100)[:, :20_000]).max() < 1e-5
    (tmp_path / "broken.onnx").write_bytes(model.read_bytes()[:500])
    with pytest.raises(InputError):
        run(Request([tmp_path / "in.wav"], [EffectSettings(str(tmp_path / "broken.onnx"))]))


@pytest.fixture
def batch(tmp_path) -> Path:
    folder = tmp_path / "takes"
    (folder / "more").mkdir(parents=True)
    for index in range(3):
        soundfile.write(folder / "more" / f"{index}.wav", noise(4000 + index), RATE)
    (folder / "bad.wav").write_text("no audio")
    whole = (folder / "more" / "0.wav").read_bytes()
    (folder / "cut.wav").write_bytes(whole[:4000])
    return folder


@pytest.mark.parametrize("workers", [1, 2])
def test_other_files_go_on_when_some_fail(batch, workers):
    steps = []
    out = batch.parent / "out"
    request = Request([batch, "missing.wav"], [EffectSettings("bitcrusher")], out, workers=workers)
    result = run(request, lambda task, done, total, **fields: steps.append((done, total)))
    assert result.exit_code == 3 and len(result.failed) == 3
    assert [report.input.name for report in result.failed] == ["bad.wav", "cut.wav", "missing.wav"]
    assert all(isinstance(report.error, InputError) and report.error.hint for report in result.failed)
    assert sorted(path.relative_to(out).as_posix() for path in out.rglob("*.*")) == ["more/0.wav", "more/1.wav", "more/2.wav"]
    assert [probe(out / "more" / f"{index}.wav").frames for index in range(3)] == [4000, 4001, 4002]
    assert steps[-1] == (6, 6) and steps == sorted(steps)
    document = json.loads(text_of(result.to_json()))
    assert document["failed"] == 3 and document["files"][0]["error"]["kind"] == "InputError"


def test_the_number_of_workers_changes_nothing(batch):
    (batch / "bad.wav").unlink()
    (batch / "cut.wav").unlink()
    for workers in (1, 2):
        run(Request([batch], [EffectSettings("bitcrusher")], batch.parent / str(workers), workers=workers))
    for path in (batch.parent / "1").rglob("*.wav"):
        other = batch.parent / "2" / path.relative_to(batch.parent / "1")
        assert path.read_bytes() == other.read_bytes()


def test_a_single_bad_file_raises_its_own_error(batch):
    with pytest.raises(InputError, match="isn't an audio file"):
        run(Request([batch / "bad.wav"], FLAT))
    with pytest.raises(OutputError):
        run(Request([batch / "more" / "0.wav"], FLAT, batch / "bad.wav" / "out.wav"))
    assert sorted(path.name for path in batch.iterdir()) == ["bad.wav", "cut.wav", "more"]


def test_exit_codes():
    good, bad, full = (FileReport(Path("a"), Path("b"), error=error) for error in (None, InputError("x"), OutputError("y")))
    assert [Result(files).exit_code for files in ([good], [good, bad], [good, full], [bad, full])] == [0, 3, 6, 3]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mix": 1.5}, "mix"),
        ({"tail": "long"}, "length of time"),
        ({"effects": [EffectSettings("saturatr")]}, "saturatr"),
        ({"effects": [EffectSettings("saturator", set={"drive": 3})]}, "no parameter"),
        ({"effects": [EffectSettings("saturator", "onnx")]}, "onnx"),
        ({"output": "take.wav"}, "is an input"),
        ({"plot": Path("picture.txt")}, "picture"),
        ({"plot": Path("take.eq.wav")}, "picture"),
    ],
)
def test_impossible_requests_are_refused_before_any_work(take, monkeypatch, options, message):
    monkeypatch.chdir(take.parent)
    with pytest.raises(UsageError, match=message):
        run(Request(**({"inputs": ["take.wav"], "effects": FLAT} | options)))
    assert [path.name for path in take.parent.iterdir()] == ["take.wav"]


def test_an_interruption_leaves_nothing(take, monkeypatch):
    def interrupt(share: float) -> None:
        if share > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(Request([take], FLAT, block=1000), lambda task, done, total, **fields: interrupt(done))
    assert [path.name for path in take.parent.iterdir()] == ["take.wav"]


def test_memory_does_not_grow_with_the_length(tmp_path):
    sizes = {}
    for minutes in (1, 10):
        path = tmp_path / f"{minutes}.wav"
        piece = (8000 * noise(8000 * 60, 1)).astype(np.int16)
        with soundfile.SoundFile(path, "w", 8000, 1, "PCM_16") as file:
            for _ in range(minutes):
                file.write(piece)
        chain = [EffectSettings("saturator"), EffectSettings("eq")]
        request = Request([path], chain, tmp_path / f"{minutes}.out.wav", mix=0.5, tail="auto")
        if not sizes:
            run(Request([path], chain, tmp_path / "warm.wav", mix=0.5))  # compiling takes memory too
        tracemalloc.start()
        run(request)
        sizes[minutes] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    # Ten minutes of these samples as float32 are 19 MB.
    assert sizes[10] < sizes[1] + 1_000_000


def test_a_picture_is_drawn(take):
    from matplotlib.image import imread

    picture = take.with_name("picture.png")
    result = run(Request([take], [EffectSettings("saturator")], plot=picture))
    assert result.plot == picture
    pixels = imread(picture)
    assert pixels.shape[0] > 1000 and pixels.shape[1] > 1000 and pixels.std() > 0.05
    with pytest.raises(UsageError, match="exists already"):
        run(Request([take], [EffectSettings("saturator")], take.with_name("b.wav"), plot=picture))


def test_silence_is_told(take):
    silent = take.with_name("silent.wav")
    soundfile.write(silent, np.zeros(100), RATE)
    nothing, heard = run(Request([silent, take], [EffectSettings("saturator")])).files
    assert render_tables.warnings(nothing) == [f"{silent} is silent."] and not render_tables.warnings(heard)
    lost = dataclasses.replace(heard, after=nothing.after)
    assert render_tables.warnings(lost) == [f"{heard.output} came out silent."]


@pytest.mark.parametrize(("frames", "level"), [(1, 0.0), (1, 0.5), (300, 0.5), (10_000, 0.0)])
def test_pictures_of_very_short_and_silent_files(tmp_path, frames, level):
    soundfile.write(tmp_path / "in.wav", np.full((frames, 1), level), 8_000)
    run(Request([tmp_path / "in.wav"], [EffectSettings("saturator")], plot=tmp_path / "picture.svg"))
    assert (tmp_path / "picture.svg").read_text("utf-8").lstrip().startswith("<?xml")


def test_a_network_is_drawn_against_the_dsp_of_its_card(take, monkeypatch):
    chain, drawn = [EffectSettings("tcn-knobs", "auto", {"drive_db": 6.0})], {}
    monkeypatch.setattr(
        render_plot, "_figure", lambda title, curves, rate: drawn.update(title=title, curves=curves) or FakeFigure()
    )
    wet = np.zeros(30_000, np.float32)
    render_plot.draw(take.with_name("a.png"), take, wet, render_file.Settings(chain), render_file.open_chain(chain))
    reference = apply(effect("saturator").processor("numpy", drive_db=6.0), read(take)[0][:1], RATE)[0]
    assert list(drawn["curves"]) == ["dry", "dsp", "network", "difference"]
    assert np.abs(drawn["curves"]["dsp"][1] - reference).max() < 1e-5
    assert "ESR 100 %" in drawn["title"] and "saturator" in drawn["title"]


class FakeFigure:
    texts = axes = ()

    def savefig(self, path: Path, **options) -> None:
        path.touch()


def test_a_picture_that_cant_be_written_is_known_before_any_work(take):
    output = take.with_name("out.wav")
    with pytest.raises(OutputError, match="isn't a folder"):
        run(Request([take], FLAT, output, plot=take / "picture.png"))
    assert not output.exists()
