"""Inputs with noise and targets without: the ratio that was asked for, reproducible, and shaped as it says."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal
import soundfile

from fxlab.errors import InputError, UsageError
from fxlab.metrics.speech_level import ActiveLevel
from fxlab.progress import silent
from fxlab.services.dataset.noise import noise_of
from fxlab.services.dataset.sources import scan
from fxlab.setting import check
from fxlab.settings import DatasetSettings, EffectSettings
from fxlab.training.manifest import Manifest

RATE = 16_000


def active_power(audio):
    level = ActiveLevel(RATE)
    level.add(audio)
    return level.power


@pytest.fixture
def low(tmp_path):
    """A take of noise below 500 Hz, with a pause, and a recording of noise that is shorter."""
    rng = np.random.default_rng(3)
    sound = scipy.signal.sosfilt(scipy.signal.butter(4, 500, fs=RATE, output="sos"), rng.standard_normal(3 * RATE))
    sound[RATE : 2 * RATE] = 0
    soundfile.write(tmp_path / "low.wav", 0.1 * sound, RATE, subtype="FLOAT")
    soundfile.write(tmp_path / "hum.wav", np.sin(np.arange(8000) * 0.05), 2 * RATE, subtype="FLOAT")
    return tmp_path / "low.wav"


@pytest.mark.parametrize("noise", ["speech-shaped", "white", "pink", "hum.wav"])
def test_ratio_is_that_of_active_speech_to_noise(low, tmp_path, make, noise):
    noise = str(tmp_path / noise) if "." in noise else noise
    result = make(low, tmp_path / "ds", chain=(), snr_db=[-5, 10], noise=noise, levels_db=[0.0, -12.0])
    manifest = Manifest.load(tmp_path / "ds")
    manifest.verify()
    assert result.snr_db == [-5, 10] and result.noise == noise and len(manifest.rows) == 4
    for row in manifest.rows:
        noisy, clean = manifest.read(row)
        added = noisy.astype(np.float64) - clean
        ratio = 10 * np.log10(active_power(clean) / np.mean(added**2))
        assert ratio == pytest.approx(row["snr_db"], abs=0.01) and row["latency"] == 0 and row["effect"] == []
        assert added[RATE : 2 * RATE].std() == pytest.approx(added.std(), rel=0.3), "in the pause as well"


def test_shaped_noise_has_the_spectrum_of_what_is_trained_on(low):
    other = scan(low.with_name("hum.wav"), "hum.wav", -80.0).takes[0]
    takes = [(scan(low, "low.wav", -80.0).takes[0], "train"), (other, "test")]
    rng = np.random.default_rng(0)

    def spectrum(kind):
        noise = noise_of(DatasetSettings(snr_db=[0.0], noise=kind), takes, RATE, silent)
        made = noise.blocks(rng, RATE)
        audio = np.concatenate([next(made) for _ in range(20)])
        assert np.mean(audio**2) == pytest.approx(1, rel=0.1)
        return scipy.signal.welch(audio, RATE, nperseg=1024)

    _, expected = scipy.signal.welch(soundfile.read(low)[0], RATE, nperseg=1024)
    hz, found = spectrum("speech-shaped")
    there = (hz > 50) & (hz < 1200)
    difference = 10 * np.log10(found / found.sum() / expected * expected.sum())
    assert np.abs(difference[there]).mean() < 1.5
    _, white = spectrum("white")
    assert np.ptp(10 * np.log10(white[5:-5])) < 4
    _, pink = spectrum("pink")
    slope = np.polyfit(np.log10(hz[5:-5]), 10 * np.log10(pink[5:-5]), 1)[0]
    assert slope == pytest.approx(-10, abs=0.5)


def test_the_same_again_is_the_same_and_another_seed_another(dry, tmp_path, make, contents):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        make(dry, tmp_path / name, chain=(), snr_db=[0], seed=seed, validation=0.0, test=0.0)
    a, b, c = (contents(tmp_path / name) for name in "abc")
    assert a == b and not set(a) & set(c) - {"manifest.jsonl"}
    again = make(dry, tmp_path / "a", chain=(), snr_db=[0], validation=0.0, test=0.0)
    assert again.rendered == 0 and contents(tmp_path / "a") == a
    with pytest.raises(UsageError, match="snr_db was"):
        make(dry, tmp_path / "a", chain=(), snr_db=[5], validation=0.0, test=0.0)


def test_targets_are_the_effect_of_the_clean_take(dry, tmp_path, make):
    chain = [EffectSettings("saturator", set={"oversample": 4})]
    make(dry / "take0.wav", tmp_path / "noisy", chain=chain, snr_db=[0])
    make(dry / "take0.wav", tmp_path / "clean", chain=chain)
    noisy, clean = (Manifest.load(tmp_path / name) for name in ("noisy", "clean"))
    np.testing.assert_array_equal(noisy.read(noisy.rows[0])[1], clean.read(clean.rows[0])[1])
    assert noisy.rows[0]["latency"] == clean.rows[0]["latency"] > 0 and "snr_db" not in clean.rows[0]
    assert noisy.rows[0]["id"] != clean.rows[0]["id"]


def test_mistakes_are_named(dry, tmp_path, make):
    with pytest.raises(InputError, match=r"noise .*nothing\.wav can't be used"):
        make(dry, tmp_path / "ds", chain=(), snr_db=[0], noise=str(tmp_path / "nothing.wav"))
    for wrong in (["loud"], [200], [True]):
        with pytest.raises(UsageError, match="no ratio"):
            check(DatasetSettings(), "snr_db", wrong)
