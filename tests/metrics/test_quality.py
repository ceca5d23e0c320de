"""Quality metrics against auraloss, scipy and cases that can be worked out by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fxlab.metrics.quality import STFT_SIZES, dc_error, esr, esr_over_time, mr_stft, pre_emphasised_esr, verdict


@pytest.fixture
def pair():
    rng = np.random.default_rng(3)
    target = np.sin(2 * np.pi * 0.01 * np.arange(20_000)) * np.linspace(0, 1, 20_000) + 0.01 * rng.standard_normal(20_000)
    return target.astype(np.float32), (np.tanh(1.3 * target) + 0.003).astype(np.float32)


def test_perfect_match_is_zero(pair):
    target, _ = pair
    for metric in (esr, pre_emphasised_esr, dc_error, mr_stft):
        assert metric(target, target) == 0


@given(st.floats(0.001, 10), st.floats(-3, 3))
def test_esr_of_a_gain_error_is_its_square(level, gain):
    target = level * np.cos(np.arange(500) * 0.3)
    assert esr(target, gain * target) == pytest.approx((1 - gain) ** 2, rel=1e-9, abs=1e-12)
    assert pre_emphasised_esr(target, gain * target) == pytest.approx((1 - gain) ** 2, rel=1e-9, abs=1e-12)


def test_pre_emphasis_weighs_treble():
    n = np.arange(48_000)
    target = np.sin(2 * np.pi * 100 / 48_000 * n) + np.sin(2 * np.pi * 10_000 / 48_000 * n)
    dull = np.sin(2 * np.pi * 100 / 48_000 * n)
    assert esr(target, dull) == pytest.approx(0.5, rel=1e-3)
    # |1 - 0.85 z^-1|^2 at both frequencies decides the share
    low, high = (abs(1 - 0.85 * np.exp(-2j * np.pi * f / 48_000)) ** 2 for f in (100, 10_000))
    assert pre_emphasised_esr(target, dull) == pytest.approx(high / (low + high), rel=1e-3)


def test_pre_emphasis_is_scipys_filter(pair):
    signal = pytest.importorskip("scipy.signal")
    target, output = (x.astype(np.float64) for x in pair)
    filtered = [signal.lfilter([1, -0.95], [1], x) for x in (target, output)]
    assert pre_emphasised_esr(target, output, 0.95) == pytest.approx(esr(*filtered), rel=1e-12)


def test_dc_error_of_an_offset():
    target = np.sqrt(2) * np.sin(2 * np.pi * np.arange(1000) / 100)
    assert dc_error(target, target + 0.1) == pytest.approx(0.01, rel=1e-9)


def test_silence_is_explicit():
    silence, sound = np.zeros(5000), np.full(5000, 0.1)
    for metric in (esr, pre_emphasised_esr, dc_error):
        assert metric(silence, silence) == 0
        assert metric(silence, sound) == math.inf
    assert mr_stft(silence, silence) == 0
    assert math.isfinite(mr_stft(silence, sound))


def test_nan_is_never_a_good_score():
    target = np.ones(100)
    assert math.isnan(esr(target, np.full(100, np.nan)))
    assert verdict(math.nan) == verdict(math.inf) == verdict(1.0) == "failed"


def test_shapes_must_agree():
    for bad in (np.zeros(4), np.zeros((1, 5)), np.zeros(0)):
        with pytest.raises(ValueError, match="one shape"):
            esr(np.zeros(5) if bad.size else bad, bad)


def test_mr_stft_is_aurasloss_formula(pair):
    """Against auraloss where installed."""
    auraloss = pytest.importorskip("auraloss")
    torch = pytest.importorskip("torch")
    loss = auraloss.freq.MultiResolutionSTFTLoss(
        fft_sizes=list(STFT_SIZES), hop_sizes=[size // 4 for size in STFT_SIZES], win_lengths=list(STFT_SIZES)
    )
    target, output = (torch.from_numpy(x)[None, None] for x in pair)
    assert mr_stft(*pair) == pytest.approx(float(loss(output, target)), rel=1e-4)


def test_mr_stft_is_scipys_stft(pair):
    signal = pytest.importorskip("scipy.signal")
    target, output = (x.astype(np.float64) for x in pair)
    distances = []
    for size in STFT_SIZES:
        padded = [np.pad(x, size // 2, mode="reflect") for x in (target, output)]
        settings = {"window": "hann", "nperseg": size, "noverlap": size - size // 4, "boundary": None, "padded": False}
        magnitude = [np.maximum(np.abs(signal.stft(x, **settings)[2]) * size / 2, 1e-4) for x in padded]
        convergence = np.linalg.norm(magnitude[0] - magnitude[1]) / np.linalg.norm(magnitude[0])
        distances.append(convergence + np.mean(np.abs(np.log(magnitude[0] / magnitude[1]))))
    assert mr_stft(target, output) == pytest.approx(np.mean(distances), rel=1e-9)


def test_mr_stft_takes_short_audio_and_several_channels(pair):
    target, output = pair
    assert mr_stft(target[:3], output[:3]) > 0
    assert mr_stft(np.stack([target, target]), np.stack([output, output])) == pytest.approx(mr_stft(target, output), rel=1e-9)


def test_esr_over_time_finds_where_it_is_wrong():
    target = np.sin(np.arange(1050) * 0.5)
    output = target.copy()
    output[300:400] = 0
    target[500:600] = output[500:600] = 0
    curve = esr_over_time(target, output, rate=100, window_s=1.0)
    assert curve.shape == (11,)
    assert curve[3] == pytest.approx(1)
    assert math.isnan(curve[5])
    assert np.delete(curve, [3, 5]) == pytest.approx(0)
    stereo = esr_over_time(np.stack([target, target]), np.stack([output, target]), rate=100, window_s=1.0)
    assert stereo[3] == pytest.approx(0.5)


def test_verdict_thresholds():
    figures = (0.0, 0.00099, 0.001, 0.0099, 0.034, 0.09, 0.29, 0.3)
    assert [verdict(x) for x in figures] == ["transparent"] * 2 + ["great"] * 2 + ["good", "fair", "rough", "failed"]
