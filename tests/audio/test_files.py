from __future__ import annotations

import contextlib
import os
import wave
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import soundfile

from fxlab.audio import sndfile
from fxlab.audio.files import Reader, expand, probe, read, read_blocks
from fxlab.errors import InputError

RATE = 44_100


def noise(frames: int, channels: int = 2, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, (frames, channels)).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "options", "step"),
    [
        ("u8.wav", {"subtype": "PCM_U8"}, 2**-7),
        ("16.wav", {"subtype": "PCM_16"}, 2**-15),
        ("24.wav", {"subtype": "PCM_24"}, 2**-23),
        ("32.wav", {"subtype": "PCM_32"}, 2**-23),
        ("float.wav", {"subtype": "FLOAT"}, 1e-9),
        ("double.wav", {"subtype": "DOUBLE"}, 1e-7),
        ("ext.wav", {"subtype": "PCM_24", "format": "WAVEX"}, 2**-23),
        ("big.wav", {"subtype": "PCM_16", "format": "RF64"}, 2**-15),
        ("16.flac", {"subtype": "PCM_16"}, 2**-15),
        ("24.flac", {"subtype": "PCM_24"}, 2**-23),
        ("24.aiff", {"subtype": "PCM_24"}, 2**-23),
    ],
)
def test_lossless_files_are_read_as_they_are(tmp_path, name, options, step):
    audio = noise(10_001)
    soundfile.write(tmp_path / name, audio, RATE, **options)
    found, rate = read(tmp_path / name)
    assert rate == RATE and found.dtype == np.float32 and found.shape == (2, 10_001) and found.flags.c_contiguous
    assert np.abs(found - audio.T).max() <= step


@pytest.mark.parametrize(
    ("name", "subtype", "container", "rate"),
    [("a.ogg", "VORBIS", "OGG", 44_100), ("a.opus", "OPUS", "OGG", 48_000), ("a.mp3", "MPEG_LAYER_III", "MP3", 44_100)],
)
def test_lossy_files_keep_their_length_and_sound(tmp_path, name, subtype, container, rate):
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)
    with soundfile.SoundFile(tmp_path / name, "w", rate, 1, subtype, format=container) as file:
        file.write(tone)
    info = probe(tmp_path / name)
    assert info.lossy and info.frames == rate
    found, _ = read(tmp_path / name)
    assert found.shape == (1, rate)
    assert np.sqrt(np.mean((found[0, 4800:-4800] - tone[4800:-4800]) ** 2)) < 0.02


def test_reading_agrees_with_the_standard_library(tmp_path):
    soundfile.write(tmp_path / "a.wav", noise(999, 3), RATE, subtype="PCM_16")
    with wave.open(str(tmp_path / "a.wav")) as file:
        expected = np.frombuffer(file.readframes(999), np.int16).reshape(999, 3).T / 32768
    assert np.array_equal(read(tmp_path / "a.wav")[0], expected.astype(np.float32))


@pytest.mark.parametrize("channels", [1, 6, 8])
@pytest.mark.parametrize("rate", [8_000, 11_025, 192_000])
def test_rates_and_channel_counts(tmp_path, rate, channels):
    soundfile.write(tmp_path / "a.wav", noise(100, channels), rate, subtype="PCM_24")
    info = probe(tmp_path / "a.wav")
    assert (info.sample_rate_hz, info.channels, info.frames, info.subtype) == (rate, channels, 100, "PCM_24")
    assert info.seconds == 100 / rate


@pytest.mark.parametrize("block", [1, 17, 4096, 100_000])
def test_blocks_are_the_whole(tmp_path, block):
    soundfile.write(tmp_path / "a.flac", noise(5_000), RATE, subtype="PCM_24")
    pieces = list(read_blocks(tmp_path / "a.flac", block))
    assert all(piece.shape[1] == min(block, 5_000) for piece in pieces[:-1])
    assert np.array_equal(np.concatenate(pieces, axis=1), read(tmp_path / "a.flac")[0])


def test_samples_that_are_no_numbers_become_silence_and_are_counted(tmp_path):
    audio = noise(1000, 1)
    audio[[3, 500, 999]] = [[np.nan], [np.inf], [-np.inf]]
    soundfile.write(tmp_path / "a.wav", audio, RATE, subtype="FLOAT")
    with Reader(tmp_path / "a.wav") as reader:
        found = np.concatenate(list(reader.blocks(256)), axis=1)
    assert reader.replaced == 3
    assert np.array_equal(found[0], np.where(np.isfinite(audio[:, 0]), audio[:, 0], 0))


def test_tags_and_channel_map(tmp_path):
    with soundfile.SoundFile(tmp_path / "a.wav", "w", RATE, 6, "PCM_24", format="WAVEX") as file:
        file.title, file.artist = "Tîtle", "Someone"
        file.write(noise(10, 6))
    info = probe(tmp_path / "a.wav")
    assert info.tags == {"title": "Tîtle", "artist": "Someone"}
    assert info.channel_map is not None and info.channel_map[3] == 11  # the LFE


def corrupt(tmp_path, name: str, content: bytes):
    (tmp_path / name).write_bytes(content)
    return tmp_path / name


def sound_bytes(tmp_path, name: str, **options) -> bytes:
    with soundfile.SoundFile(tmp_path / name, "w", 48_000, 1, **options) as file:
        for _ in range(10):
            file.write(noise(8192, 1))
    return (tmp_path / name).read_bytes()


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.wav", {"subtype": "PCM_16"}),
        ("a.wav", {"subtype": "FLOAT", "format": "WAVEX"}),
        ("a.rf64", {"subtype": "PCM_24", "format": "RF64"}),
        ("a.aiff", {"subtype": "PCM_24"}),
        ("a.flac", {"subtype": "PCM_24"}),
        ("a.ogg", {"subtype": "VORBIS"}),
        ("a.opus", {"subtype": "OPUS", "format": "OGG"}),
        ("a.mp3", {"subtype": "MPEG_LAYER_III", "format": "MP3"}),
    ],
)
@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_files_that_are_cut_short_are_refused(tmp_path, name, options, kept):
    content = sound_bytes(tmp_path, name, **options)
    path = corrupt(tmp_path, "cut" + name[1:], content[: int(len(content) * kept)])
    with pytest.raises(InputError, match="cut short|isn't an audio file") as caught:
        read(path)
    assert caught.value.hint and str(path) in caught.value.message


def test_lengths_left_open_by_a_pipe_are_no_damage(tmp_path):
    content = bytearray(sound_bytes(tmp_path, "a.wav", subtype="PCM_16"))
    data = content.find(b"data")
    content[4:8] = content[data + 4 : data + 8] = b"\xff\xff\xff\xff"
    assert read(corrupt(tmp_path, "piped.wav", bytes(content)))[0].shape == (1, 81_920)


def test_everything_else_that_is_no_audio(tmp_path):
    flac = sound_bytes(tmp_path, "whole.flac", subtype="PCM_16")
    soundfile.write(tmp_path / "none.wav", np.zeros((0, 2)), RATE)
    soundfile.write(tmp_path / "slow.wav", noise(10), 4000)
    soundfile.write(tmp_path / "fast.wav", noise(10), 384_000)
    cases = {
        tmp_path / "missing.wav": "There is no file",
        tmp_path / "none.wav" / "below.wav": "There is no file",
        tmp_path: "is a folder",
        corrupt(tmp_path, "empty.wav", b""): "is empty",
        corrupt(tmp_path, "text.wav", b"hello, world\n" * 100): "isn't an audio file",
        corrupt(tmp_path, "raw.raw", bytes(100)): "isn't an audio file",
        corrupt(tmp_path, "noise.mp3", np.random.default_rng(1).bytes(5000)): "isn't an audio file",
        corrupt(tmp_path, "head.flac", flac[:60]): "isn't an audio file",
        tmp_path / "none.wav": "no samples",
        tmp_path / "slow.wav": "4000 Hz",
        tmp_path / "fast.wav": "384000 Hz",
    }
    for path, message in cases.items():
        with pytest.raises(InputError, match=message) as caught:
            probe(path)
        assert caught.value.hint and caught.value.exit_code == 3


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_is_refused_without_waiting_for_it(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(InputError, match="not an ordinary file"):
        probe(tmp_path / "pipe.wav")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="permissions don't bind this user")
def test_a_file_that_may_not_be_read(tmp_path):
    soundfile.write(tmp_path / "a.wav", noise(10), RATE)
    (tmp_path / "a.wav").chmod(0)
    with pytest.raises(InputError, match="can't be read"):
        probe(tmp_path / "a.wav")


@pytest.mark.parametrize("name", ["name [1] 'x' é.wav", "emoji 🎸.flac", ".hidden.wav"])
def test_any_file_name(tmp_path, name):
    soundfile.write(tmp_path / name, noise(10), RATE)
    assert probe(tmp_path / name).frames == 10


def test_expand_finds_files_folders_and_patterns(tmp_path):
    for name in ("b.wav", "a.flac", "sub/c.ogg", "sub/deep/d.MP3", "notes.txt", ".hidden.wav", ".git/e.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    def names(*inputs) -> list[str]:
        return [path.relative_to(tmp_path).as_posix() for path in expand(inputs)]

    assert names(tmp_path) == ["a.flac", "b.wav", "sub/c.ogg", "sub/deep/d.MP3"]
    assert names(tmp_path / "b.wav", tmp_path) == ["b.wav", "a.flac", "sub/c.ogg", "sub/deep/d.MP3"]
    assert names(tmp_path / "*.wav") == ["b.wav"]
    assert names(tmp_path / "**" / "*.ogg") == ["sub/c.ogg"]
    assert names(tmp_path / "s*") == ["sub/c.ogg", "sub/deep/d.MP3"]
    assert names(tmp_path / "notes.txt") == ["notes.txt"]
    (tmp_path / "odd [1].wav").touch()
    assert names(tmp_path / "odd [1].wav") == ["odd [1].wav"]


@pytest.mark.parametrize("inputs", [[], ["*.wav"], ["nowhere.wav"], ["."]])
def test_expand_finding_nothing(tmp_path, monkeypatch, inputs):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        expand(inputs)
    assert caught.value.hint


def damaged_mp3(path, start: int, count: int):
    with soundfile.SoundFile(path, "w", RATE, 1, "MPEG_LAYER_III", format="MP3") as file:
        file.write(noise(RATE, 1)[:, 0])
    content = bytearray(path.read_bytes())
    content[start : start + count] = np.random.default_rng(1).bytes(count)
    path.write_bytes(content)
    return path


def test_mp3_files_in_pieces_leave_stderr_to_fxlab(tmp_path, capfd):
    with contextlib.suppress(InputError):
        read(damaged_mp3(tmp_path / "hurt.mp3", 9000, 1500))
    (tmp_path / "noise.mp3").write_bytes(np.random.default_rng(2).bytes(20_000))
    with pytest.raises(InputError, match="no sound in it"):
        probe(tmp_path / "noise.mp3")
    assert capfd.readouterr().err == ""
    os.write(2, b"still here")
    assert capfd.readouterr().err == "still here"


def test_muting_works_from_many_threads_at_once(capfd):
    def work(_):
        for _ in range(200):
            with sndfile.muted():
                os.write(2, b"noise")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    os.write(2, b"after")
    assert capfd.readouterr().err == "after"
