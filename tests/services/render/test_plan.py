from __future__ import annotations

import os
from pathlib import Path

import pytest

from fxlab.audio.files import AudioInfo
from fxlab.errors import InputError, UsageError
from fxlab.services.render.plan import plan, subtype


@pytest.fixture
def takes(tmp_path, monkeypatch) -> Path:
    for name in ("a.wav", "b.mp3", "sub/a.flac"):
        (tmp_path / "takes" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "takes" / name).touch()
    monkeypatch.chdir(tmp_path)
    return Path("takes")


def outputs(*arguments, **options) -> list[str]:
    return [job.output.as_posix() for job in plan(*arguments, **options)]


def test_where_outputs_go(takes):
    assert outputs(["takes/a.wav"], None, "eq") == ["takes/a.eq.wav"]
    assert outputs(["takes/b.mp3"], None, "eq+tcn", "flac") == ["takes/b.eq+tcn.flac"]
    assert outputs(["takes"], None, "eq") == ["takes/a.eq.wav", "takes/b.eq.wav", "takes/sub/a.eq.wav"]
    assert outputs(["takes/a.wav"], "out.flac", "eq") == ["out.flac"]
    assert outputs(["takes/a.wav"], "out", "eq") == ["out/a.wav"]
    assert outputs(["takes/a.wav"], "v1.2/", "eq", "ogg") == ["v1.2/a.ogg"]
    assert outputs(["takes"], Path("out"), "eq") == ["out/a.wav", "out/b.wav", "out/sub/a.wav"]
    (takes.parent / "v1.3").mkdir()
    assert outputs(["takes/a.wav"], "v1.3", "eq") == ["v1.3/a.wav"]


@pytest.mark.parametrize(
    ("inputs", "output", "options", "message"),
    [
        (["takes"], "out.wav", {}, "3 inputs"),
        (["takes/a.wav"], "out.mp3", {}, "doesn't write '.mp3'"),
        (["takes/a.wav"], "out.wav", {"format": "flac"}, "isn't named as a flac file"),
        (["takes/a.wav"], "out.ogg", {"bit_depth": "16"}, "no bit depth"),
        (["takes/a.wav"], "out.flac", {"bit_depth": "float"}, "can't hold float"),
        (["takes/a.wav", "takes/sub/a.flac"], "out", {}, "would both become"),
        (["takes/a.wav"], "takes/a.wav", {"force": True}, "is an input"),
        (["takes/a.wav"], "takes/../takes/a.wav", {"force": True}, "is an input"),
        (["takes/a.wav"], "takes", {"force": True}, "is an input"),
        (["takes/a.wav"], "exists.wav", {}, "exists already"),
    ],
)
def test_what_is_refused_before_any_work(takes, inputs, output, options, message):
    Path("exists.wav").touch()
    before = sorted(Path().rglob("*"))
    with pytest.raises(UsageError, match=message) as caught:
        plan(inputs, output, "eq", **options)
    assert caught.value.hint
    assert sorted(Path().rglob("*")) == before


def test_links_to_an_input_are_not_overwritten(takes):
    os.symlink(takes / "a.wav", "soft.wav")
    os.link(takes / "a.wav", "hard.wav")
    for name in ("soft.wav", "hard.wav"):
        with pytest.raises(UsageError, match="is an input"):
            plan([takes / "a.wav"], name, "eq", force=True)


def test_a_missing_file_is_left_to_its_own_report_but_an_empty_folder_is_not(takes):
    assert len(plan(["nowhere.wav", "takes/a.wav"], "out", "eq")) == 2
    Path("empty").mkdir()
    with pytest.raises(InputError, match="no audio file"):
        plan(["empty"], "out", "eq")


@pytest.mark.parametrize(
    ("found", "output", "bit_depth", "expected"),
    [
        ("PCM_16", "a.wav", "auto", "PCM_16"),
        ("PCM_U8", "a.wav", "auto", "PCM_16"),
        ("ULAW", "a.wav", "auto", "PCM_16"),
        ("PCM_24", "a.wav", "auto", "PCM_24"),
        ("FLOAT", "a.wav", "auto", "FLOAT"),
        ("PCM_32", "a.wav", "auto", "FLOAT"),
        ("FLOAT", "a.flac", "auto", "PCM_24"),
        ("MPEG_LAYER_III", "a.wav", "auto", "PCM_24"),
        ("OPUS", "a.FLAC", "auto", "PCM_24"),
        ("PCM_16", "a.ogg", "auto", "VORBIS"),
        ("PCM_24", "a.wav", "16", "PCM_16"),
        ("PCM_16", "a.wav", "float", "FLOAT"),
        ("FLOAT", "a.flac", "16", "PCM_16"),
    ],
)
def test_the_sample_format(found, output, bit_depth, expected):
    assert subtype(AudioInfo(Path("in"), 48_000, 2, 1, "WAV", found), Path(output), bit_depth) == expected
