from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fxlab.audio.files import probe, read
from fxlab.audio.loudness import integrated_lufs
from fxlab.errors import CheckError, InputError, UsageError
from fxlab.formats.plain_json import text_of
from fxlab.mastering.delivered import Reduction
from fxlab.mastering.verification import Promise
from fxlab.services.master import file as master_file
from fxlab.services.master.codecs import hardest_s
from fxlab.services.master.service import Request, Result, run
from fxlab.settings import MasterSettings


def music(seconds: float, rate: int = 44_100, channels: int = 2) -> np.ndarray:
    """Something with bass, a chord that swells and beats, (frames, channels)."""
    rng, time_s = np.random.default_rng(7), np.arange(round(seconds * rate)) / rate
    chord = sum(np.sin(2 * np.pi * hz * time_s + n) / n for n, hz in enumerate((55, 220, 277, 330), 1))
    beats = rng.normal(0, 1, (len(time_s), channels)) * np.exp(-12 * (time_s % 0.5))[:, None]
    return (0.1 * (chord * (1.2 + np.sin(np.pi * time_s)))[:, None] + 0.1 * beats).astype(np.float32)


@pytest.fixture
def song(tmp_path) -> Path:
    path = tmp_path / "song.wav"
    soundfile.write(path, music(2.0), 44_100, subtype="PCM_24")
    return path


def mastered(path: Path, **options) -> tuple[np.ndarray, Result]:
    output = path.with_name("out.wav")
    result = run(Request([path], output=output, force=True, codecs=False, **options))
    return read(output)[0], result


@pytest.mark.parametrize(
    ("rate", "channels", "subtype"), [(48_000, 1, "PCM_16"), (96_000, 2, "PCM_24"), (44_100, 6, "FLOAT"), (8_000, 2, "PCM_U8")]
)
def test_rate_channels_and_length_are_kept(tmp_path, rate, channels, subtype):
    path = tmp_path / "song.wav"
    soundfile.write(path, music(2.0, rate, channels), rate, subtype=subtype)
    result = run(Request([path], codecs=False))
    info = probe(tmp_path / "song.master.wav")
    assert (info.sample_rate_hz, info.channels, info.frames, info.subtype) == (rate, channels, 2 * rate, "PCM_24")
    assert result.exit_code == 0
    assert integrated_lufs(*read(tmp_path / "song.master.wav")) == pytest.approx(-14, abs=0.11)


def test_a_clip_too_short_for_a_meter(tmp_path):
    soundfile.write(tmp_path / "click.wav", music(0.2), 44_100, subtype="PCM_16")
    audio, result = mastered(tmp_path / "click.wav")
    assert audio.shape == (2, 8820) and result.exit_code == 0


def test_silence_stays_silence(tmp_path):
    soundfile.write(tmp_path / "nothing.wav", np.zeros((88_200, 2)), 44_100, subtype="PCM_16")
    audio, result = mastered(tmp_path / "nothing.wav")
    assert not audio.any() and result.exit_code == 0
    document = json.loads(text_of(result.to_json()))
    assert document["files"][0]["masters"][0]["after"]["integrated_lufs"] is None


def test_at_nothing_it_is_a_copy(song):
    audio, result = mastered(song, settings=MasterSettings(amount=0.0))
    assert np.array_equal(audio, read(song)[0]) and result.files[0].masters[0].chain.stages() == []


def test_a_share_of_the_way_to_the_target(song):
    before = integrated_lufs(*read(song))
    audio, _ = mastered(song, settings=MasterSettings(loudness=50.0, tone=0.0, dynamics=0.0, width=0.0))
    assert integrated_lufs(audio, 44_100) == pytest.approx((before - 14) / 2, abs=0.11)


def test_two_runs_and_a_replayed_chain_give_the_same_bits(song, tmp_path):
    loud = MasterSettings(lufs=-9.0, ceiling_db=-0.5)
    first, _ = mastered(song, settings=loud, save_chain=tmp_path / "chain.json")
    assert np.array_equal(first, mastered(song, settings=loud)[0])
    replayed, result = mastered(song, chain=tmp_path / "chain.json")
    assert np.array_equal(first, replayed) and result.exit_code == 0
    solved, _ = mastered(song, chain=tmp_path / "chain.json", replay=False)
    assert integrated_lufs(solved, 44_100) == pytest.approx(-14, abs=0.11)


def test_every_target_has_a_file_of_its_own(song):
    result = run(Request([song], targets=["apple", "cd"], output=song.parent / "out", format="flac", codecs=False))
    outputs = [master.output for master in result.files[0].masters]
    assert [path.name for path in outputs] == ["song.apple.flac", "song.cd.flac"]
    assert [probe(path).subtype for path in outputs] == ["PCM_24", "PCM_16"]
    run(Request([song], targets=["apple", "cd"], output=song.parent / "mine.flac", codecs=False))
    assert (song.parent / "mine.apple.flac").exists() and (song.parent / "mine.cd.flac").exists()


def test_a_batch_goes_on_after_a_bad_file(song, tmp_path):
    (tmp_path / "bad.wav").write_bytes(b"nothing of the sort")
    result = run(Request([tmp_path / "bad.wav", song], output=tmp_path / "out", codecs=False, workers=1))
    assert [report.error is None for report in result.files] == [False, True] and result.exit_code == 3
    document = json.loads(text_of(result.to_json()))
    assert document["failed"] == 1 and document["files"][0]["error"]["kind"] == "InputError"
    with pytest.raises(InputError, match="isn't an audio file"):
        run(Request([tmp_path / "bad.wav"], output=tmp_path / "out", codecs=False))


def test_a_broken_promise_keeps_the_file_and_is_exit_code_5(song, monkeypatch):
    made = master_file.deliver

    def careless(*arguments):
        master = made(*arguments)
        return dataclasses.replace(master, promises=(*master.promises, Promise("colour", "blue", "green", False)))

    monkeypatch.setattr(master_file, "deliver", careless)
    audio, result = mastered(song)
    assert audio.size and result.exit_code == CheckError.exit_code == 5 and result.to_json()["broken"] == 1


def test_an_album_keeps_its_distances(tmp_path):
    for name, gain in (("a loud one", 1.0), ("b quiet one", 0.5), ("c nothing", 0.0)):
        soundfile.write(tmp_path / f"{name}.wav", gain * music(2.0), 44_100, subtype="FLOAT")
    (tmp_path / "d bad one.wav").write_bytes(b"")
    said: list[tuple[str, float]] = []
    request = Request([tmp_path], targets=["spotify", "apple"], album=True, codecs=False, workers=1)
    result = run(request, lambda task, done, total, **fields: said.append((task, done)))
    assert result.exit_code == 3 and len(result.failed) == 1 and [task for task, _ in said] == sorted(task for task, _ in said)
    loud, quiet = result.files[:2]
    assert [round(one.after.integrated_lufs, 1) for one in loud.masters] == pytest.approx([-14, -16], abs=0.1)
    for first, second in zip(loud.masters, quiet.masters, strict=True):
        assert first.after.integrated_lufs - second.after.integrated_lufs == pytest.approx(20 * math.log10(2), abs=0.15)
    own = [integrated_lufs(gain * music(2.0).T, 44_100) for gain in (1.0, 0.5)]
    assert own[1] < result.album_lufs < own[0]


def test_progress_only_rises(song):
    said: list[float] = []
    run(Request([song], targets=["apple", "aes"], codecs=False), lambda task, done, total, **fields: said.append(done / total))
    assert said == sorted(said) and said[-1] == 1.0 and len(said) > 4


def test_inputs_are_never_overwritten(song, tmp_path):
    with pytest.raises(UsageError, match="is an input"):
        run(Request([song], output=song, force=True))
    soundfile.write(tmp_path / "other.wav", music(1.0), 44_100)
    with pytest.raises(UsageError, match="would be overwritten"):
        run(Request([song], output=tmp_path / "other.wav", references=[tmp_path / "other.wav"], force=True))


def test_where_lossy_codecs_are_tried():
    times = np.arange(0, 100, 0.1)
    assert hardest_s(Reduction(times, np.where(np.abs(times - 70) < 4, 3.0, 0.0))) == pytest.approx(70, abs=5)
    assert hardest_s(Reduction(times, np.zeros(1000))) == pytest.approx(50, abs=1)
    assert hardest_s(Reduction(times[:1], np.ones(1))) == 0.0 and not math.isnan(hardest_s(Reduction(times[:0], times[:0])))
