"""MFCC through torchaudio, whether or not its compiled extension loads."""

from __future__ import annotations

import importlib
import importlib.util
import sys

import numpy as np
import pytest
from scipy import fft, signal

from fxlab.errors import MissingError
from fxlab.timbre import torchaudio_mfcc
from fxlab.timbre.torchaudio_mfcc import mfcc

RATE_HZ, HOP, SIZE = 22_050, 512, 2048


@pytest.fixture(scope="module")
def library():
    if importlib.util.find_spec("torchaudio") is None:
        pytest.skip("torchaudio is not installed")
    return torchaudio_mfcc.torchaudio()


def test_is_what_torchaudio_makes_of_it(library, monkeypatch):
    import torch

    monkeypatch.setattr(torchaudio_mfcc, "_BLOCK", 5)
    audio = np.random.default_rng(0).standard_normal(6000).astype(np.float32)
    settings = {"n_fft": SIZE, "hop_length": HOP, "n_mels": 64, "pad_mode": "constant"}
    direct = library.transforms.MFCC(RATE_HZ, 30, log_mels=True, melkwargs=settings)(torch.from_numpy(audio)).T.numpy()
    found = mfcc(audio, RATE_HZ, HOP, 30, SIZE)
    assert found.shape == (1 + 6000 // HOP, 30) and found.dtype == np.float32
    np.testing.assert_allclose(found, direct, atol=1e-4)


def test_scipy_says_the_same(library):
    audio = np.random.default_rng(1).standard_normal(6000)
    padded, window = np.pad(audio, SIZE // 2), signal.windows.hann(SIZE, sym=False)
    power = np.abs([fft.rfft(window * padded[start : start + SIZE]) for start in range(0, 6001, HOP)]) ** 2
    # O'Shaughnessy's mel scale, triangles of height 1.
    mel = np.linspace(0, 2595 * np.log10(1 + RATE_HZ / 2 / 700), 66)
    hertz, bins = 700 * (10 ** (mel / 2595) - 1), np.fft.rfftfreq(SIZE, 1 / RATE_HZ)
    bands = np.maximum(
        np.minimum((bins - hertz[:-2, None]) / np.diff(hertz)[:-1, None], (hertz[2:, None] - bins) / np.diff(hertz)[1:, None]),
        0,
    )
    wanted = fft.dct(np.log(power @ bands.T + 1e-6), norm="ortho")[:, :30]
    np.testing.assert_allclose(mfcc(audio, RATE_HZ, HOP, 30, SIZE), wanted, atol=2e-3)


def test_a_broken_extension_is_marked_as_absent(monkeypatch):
    """The first import fails as the CUDA wheel's does; the second finds the stand-in."""
    stood_in = []

    def importing(name):
        if torchaudio_mfcc._EXTENSION in sys.modules and hasattr(sys.modules[torchaudio_mfcc._EXTENSION], "stands_in"):
            stood_in.append(name)
            return name
        raise OSError("Could not load this library")

    absent = torchaudio_mfcc._absent()
    absent.stands_in = True
    assert not absent._IS_TORCHAUDIO_EXT_AVAILABLE and not absent._IS_ALIGN_AVAILABLE
    with pytest.raises(MissingError):
        absent.fail_if_no_align(print)("x")
    monkeypatch.setitem(sys.modules, torchaudio_mfcc._EXTENSION, None)
    monkeypatch.setattr(torchaudio_mfcc, "_absent", lambda: absent)
    monkeypatch.setattr(importlib, "import_module", importing)
    assert torchaudio_mfcc.torchaudio() == "torchaudio" and stood_in == ["torchaudio"]


def test_without_torchaudio_the_way_out_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchaudio", None)
    with pytest.raises(MissingError, match="torchaudio is not installed"):
        torchaudio_mfcc.torchaudio()
