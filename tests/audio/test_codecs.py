from __future__ import annotations

import math
import os
import subprocess

import numpy as np
import pytest
import soundfile

from fxlab.audio import codecs
from fxlab.audio.codecs import CODECS, Decoded, decoded_peaks, has_ffmpeg
from fxlab.audio.true_peak import true_peak_db
from fxlab.errors import InputError, MissingError, UsageError

RATE = 44_100
needs_ffmpeg = pytest.mark.skipif(not has_ffmpeg(), reason="no ffmpeg here to encode with")


def clipped(level: float, seconds: float = 0.5, channels: int = 2, rate: int = RATE) -> np.ndarray:
    """Noise that is cut off flat at `level`, as a loud master is; float64 (frames, channels)."""
    noise = np.random.default_rng(1).normal(0, 1, (int(seconds * rate), channels))
    return level * np.clip(noise, -1, 1)


@pytest.fixture
def wav(tmp_path):
    def write(audio: np.ndarray, rate: int = RATE, subtype: str = "PCM_24", name: str = "a song.wav"):
        soundfile.write(tmp_path / name, audio, rate, subtype=subtype)
        return tmp_path / name

    return write


@needs_ffmpeg
def test_a_hot_file_leaves_full_scale_and_a_quiet_one_does_not(wav):
    hot, quiet = decoded_peaks(wav(clipped(0.999))), decoded_peaks(wav(clipped(0.1)))
    assert list(hot) == list(quiet) == list(CODECS)
    for name in CODECS:
        if hot[name] is None:
            continue
        assert hot[name].overs > 10 and hot[name].true_peak_db > 0.5, name
        assert quiet[name].overs == 0 and -20 < quiet[name].true_peak_db < -10, name


@needs_ffmpeg
def test_the_decoded_signal_is_the_file_s(wav):
    # A tone survives coding, and so does its true peak: full pipes, right rate, right order of channels.
    tone = 0.5 * np.sin(2 * np.pi * 997 / RATE * np.arange(3 * RATE))[:, None] * [1.0, 0.1]
    ramp = np.minimum(1, np.arange(len(tone)) / 4410)[:, None]
    tone = tone * ramp * ramp[::-1]
    for name, found in decoded_peaks(wav(tone)).items():
        assert found is None or found.true_peak_db == pytest.approx(true_peak_db(tone.T, RATE), abs=0.15), name
        assert found is None or found.overs == 0


@needs_ffmpeg
def test_every_excursion_counts_once_and_in_each_channel(wav, monkeypatch):
    # Coding is left out here: what the decoder hands over is ours.
    excursions = np.zeros((200_000, 2), np.float32)
    excursions[10:20, 0] = 1.5
    excursions[30, 0], excursions[32, 0] = -1.5, 1.5
    excursions[65_530:65_550, 1] = -2.0  # across the border of two blocks
    excursions[100, 1] = 1.0  # full scale itself isn't over

    class Handed:
        def __init__(self, *_):
            self.data = excursions.tobytes()

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def read(self, count):
            head, self.data = self.data[:count], self.data[count:]
            return head

    monkeypatch.setattr(codecs, "_round_trip", Handed)
    found = decoded_peaks(wav(clipped(0.1)), ["aac"])["aac"]
    assert found.overs == 4 and found.true_peak_db >= 20 * math.log10(2)


@needs_ffmpeg
@pytest.mark.parametrize(
    ("rate", "channels", "names"), [(8_000, 1, ["aac", "mp3"]), (96_000, 2, ["mp3"]), (48_000, 6, ["aac", "mp3", "opus"])]
)
def test_rates_and_channels(wav, rate, channels, names):
    for name, found in decoded_peaks(wav(clipped(0.25, 0.3, channels, rate), rate, "FLOAT"), names).items():
        if channels > CODECS[name].most_channels:
            assert found is None
        assert found is None or -14 < found.true_peak_db < 0, name


@pytest.mark.parametrize(
    ("rate", "coded"), [(44_100, 44_100), (22_050, 44_100), (8_000, 48_000), (192_000, 48_000), (12_345, 48_000)]
)
def test_rates_keep_to_their_family(rate, coded):
    assert CODECS["aac"].rate_hz(rate) == CODECS["mp3"].rate_hz(rate) == coded
    assert CODECS["opus"].rate_hz(rate) == 48_000


@needs_ffmpeg
def test_a_section(wav):
    audio = np.zeros((3 * RATE, 2))
    audio[2 * RATE :] = clipped(0.999, 1.0)
    path = wav(audio)
    assert decoded_peaks(path, ["aac"], (0.0, 1.5))["aac"].true_peak_db < -90  # silence: dither of the coder, if anything
    assert decoded_peaks(path, ["aac"], (2.2, 0.5))["aac"].overs > 10


@needs_ffmpeg
def test_a_name_that_looks_like_an_option_or_an_address(wav, monkeypatch):
    path = wav(clipped(0.1, 0.2), name="-v http:%03d.wav")
    monkeypatch.chdir(path.parent)
    assert decoded_peaks(path.name, ["aac"])["aac"].overs == 0


@needs_ffmpeg
def test_what_this_ffmpeg_can_not_encode_is_none(wav, monkeypatch):
    monkeypatch.setattr(codecs, "encoders_of", lambda ffmpeg: frozenset({"aac"}))
    found = decoded_peaks(wav(clipped(0.1, 0.2)), ["opus", "aac"])
    assert list(found) == ["opus", "aac"] and found["opus"] is None and isinstance(found["aac"], Decoded)


def test_without_ffmpeg(wav, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert not has_ffmpeg()
    with pytest.raises(MissingError, match="ffmpeg"):
        decoded_peaks(wav(clipped(0.1, 0.1)))


def test_an_unknown_codec(wav):
    with pytest.raises(UsageError) as raised:
        decoded_peaks(wav(clipped(0.1, 0.1)), ["acc"])
    assert "aac" in raised.value.hint


@needs_ffmpeg
def test_a_missing_file(tmp_path):
    with pytest.raises(InputError, match=r"gone\.wav"):
        decoded_peaks(tmp_path / "gone.wav")


@pytest.mark.skipif(os.name != "posix", reason="the false ffmpeg is a shell script")
@pytest.mark.parametrize("then", ["exit 1", "exit 0", "echo no such thing >&2; exit 1"])
def test_an_ffmpeg_that_fails_is_told_of_and_nothing_is_left_running(wav, tmp_path, monkeypatch, then):
    false = tmp_path / "ffmpeg"
    false.write_text(f'#!/bin/sh\nif [ "$2" = -encoders ]; then echo " A..... aac AAC"; exit 0; fi\n{then}\n')
    false.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    started = []
    popen = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda *a, **k: started.append(popen(*a, **k)) or started[-1])
    with pytest.raises(InputError, match="no such thing" if "echo" in then else "aac"):
        decoded_peaks(wav(clipped(0.1, 0.1)), ["aac"])
    assert len(started) == 3 and all(process.poll() is not None for process in started)
