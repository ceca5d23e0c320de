from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import wavfile

from fxlab.audio import float_wav
from fxlab.audio.float_wav import FloatWav
from fxlab.errors import OutputError


def written(pieces: list[np.ndarray], rate: int) -> io.BytesIO:
    file = io.BytesIO()
    wav = FloatWav(file, rate)
    for piece in pieces:
        wav.write(piece)
    wav.finish()
    file.seek(0)
    return file


@given(st.lists(st.integers(0, 200), max_size=5), st.integers(8000, 192_000))
def test_other_readers_find_every_sample(lengths, rate):
    rng = np.random.default_rng(0)
    pieces = [rng.normal(0, 2, length).astype(np.float32) for length in lengths]
    whole = np.concatenate([np.zeros(0, np.float32), *pieces])
    file = written(pieces, rate)
    audio, found = soundfile.read(file, dtype="float32")
    np.testing.assert_array_equal(audio, whole)
    file.seek(0)
    assert found == rate
    if len(whole):
        np.testing.assert_array_equal(wavfile.read(file)[1], whole)


def test_bytes_depend_on_the_samples_alone():
    sound = np.linspace(-1, 1, 1000, dtype=np.float32)
    assert written([sound], 48_000).getvalue() == written([sound[:3], sound[3:]], 48_000).getvalue()


def test_more_than_a_wav_file_holds_is_refused(monkeypatch):
    monkeypatch.setattr(float_wav, "_FRAMES_MAX", 10)
    wav = FloatWav(io.BytesIO(), 48_000)
    wav.write(np.zeros(10, np.float32))
    with pytest.raises(OutputError, match="4 GB"):
        wav.write(np.zeros(1, np.float32))
