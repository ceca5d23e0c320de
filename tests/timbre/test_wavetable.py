"""Wavetables: each cycle has the spectrum that it was made of, and synthesizers find the cycle's length in the file."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from fxlab.errors import InputError, UsageError
from fxlab.timbre.wavetable import CYCLE, PEAK, wavetable, write_wavetable


def spectra(stages=3, harmonics=8, seed=0):
    return np.random.default_rng(seed).uniform(0, 1, (stages, harmonics)) * np.linspace(0.1, 1, stages)[:, None]


def chunks_of(data):
    """As the RIFF standard has them: name, length, data, and a byte of padding after odd ones."""
    assert data[:4] == b"RIFF" and data[8:12] == b"WAVE" and struct.unpack("<I", data[4:8])[0] == len(data) - 8
    found, place = {}, 12
    while place < len(data):
        name, length = data[place : place + 4], struct.unpack("<I", data[place + 4 : place + 8])[0]
        found[name] = data[place + 8 : place + 8 + length]
        place += 8 + length + length % 2
    assert place == len(data)
    return found


@given(stages=st.integers(1, 5), harmonics=st.integers(1, 64), seed=st.integers(0, 99))
def test_cycles_have_the_harmonics_they_were_made_of(stages, harmonics, seed):
    wanted = spectra(stages, harmonics, seed)
    cycles = wavetable(wanted)
    assert cycles.shape == (stages, CYCLE) and cycles.dtype == np.float32
    assert np.abs(cycles).max() == pytest.approx(PEAK, rel=1e-6)
    found = np.fft.rfft(cycles.astype(np.float64)) / (CYCLE / 2)
    gain = np.abs(found[0, 1]) / wanted[0, 0]
    assert np.allclose(np.abs(found[:, 1 : harmonics + 1]), gain * wanted, atol=1e-6)  # one gain for all
    assert np.abs(found[:, [0, *range(harmonics + 1, CYCLE // 2 + 1)]]).max() < 1e-6
    between = np.fft.rfft(0.5 * (cycles[0] + cycles[-1]).astype(np.float64)) / (CYCLE / 2)
    assert np.allclose(np.abs(between[1 : harmonics + 1]), gain * (wanted[0] + wanted[-1]) / 2, atol=1e-6)  # nothing cancels
    assert np.abs(cycles[:, 0]).max() < 1e-6  # from one cycle to the next there is no leap


def test_the_file_says_that_it_is_a_wavetable(tmp_path):
    cycles = wavetable(spectra())
    write_wavetable(tmp_path / "a.wav", cycles)
    chunks = chunks_of((tmp_path / "a.wav").read_bytes())
    assert list(chunks) == [b"fmt ", b"fact", b"clm ", b"data"]
    assert chunks[b"clm "].startswith(b"<!>2048 10000000 wavetable")
    audio, rate = soundfile.read(tmp_path / "a.wav", dtype="float32")
    info = soundfile.info(tmp_path / "a.wav")
    assert (rate, info.channels, info.subtype) == (44_100, 1, "FLOAT")
    assert np.array_equal(audio, cycles.ravel())


def test_files_are_not_overwritten_unasked(tmp_path):
    path = tmp_path / "a.wav"
    write_wavetable(path, wavetable(spectra(1)))
    with pytest.raises(UsageError, match="exists"):
        write_wavetable(path, wavetable(spectra(2)))
    write_wavetable(path, wavetable(spectra(2)), force=True)
    assert soundfile.info(path).frames == 2 * CYCLE and list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_a_wavetable():
    for stages in (0, 257):
        with pytest.raises(UsageError, match="cycles"):
            wavetable(np.ones((stages, 4)))
    for silent in (np.zeros((3, 4)), np.full((3, 4), np.nan)):
        with pytest.raises(InputError, match="nothing"):
            wavetable(silent)
