"""The equaliser against SciPy's filters, made from the analogue prototypes by SciPy's own bilinear transform."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import signal

from fxlab.effects.eq import EFFECT, PEAKS
from fxlab.effects.eq.bands import response_db
from fxlab.effects.processor import apply

RATE = 48_000
BUSY = {
    "highpass_hz": 60.0,
    "low_shelf_hz": 150.0,
    "low_shelf_db": 4.5,
    "peak1_hz": 300.0,
    "peak1_db": -7.0,
    "peak1_q": 2.5,
    "peak2_db": 3.0,
    "peak3_hz": 5_200.0,
    "peak3_db": 11.0,
    "peak3_q": 6.0,
    "high_shelf_hz": 9_000.0,
    "high_shelf_db": -5.0,
    "lowpass_hz": 15_000.0,
}


def digital(numerator, denominator, hz, rate):
    """An analogue prototype with its corner at 1 rad/s, moved to `hz` by the prewarped bilinear transform; one SOS row."""
    return signal.tf2sos(*signal.bilinear(numerator, denominator, fs=0.5 / np.tan(np.pi * hz / rate)))


def by_scipy(settings, rate=RATE):
    """Second-order sections of the whole equaliser from its published prototypes (RBJ, "Audio EQ Cookbook")."""
    set_ = EFFECT.resolve(settings)
    hz = {name: min(value, 0.49 * rate) for name, value in set_.items() if name.endswith("_hz")}
    rows, q = [], np.sqrt(0.5)
    if set_["highpass_hz"] > 10:
        rows.append(signal.butter(2, hz["highpass_hz"], "highpass", fs=rate, output="sos"))
    a = 10 ** (set_["low_shelf_db"] / 40)
    r = np.sqrt(a) / q
    rows.append(digital([a, a * r, a * a], [a, r, 1], hz["low_shelf_hz"], rate))
    for peak in (f"peak{number}" for number in range(1, PEAKS + 1)):
        a, peak_q = 10 ** (set_[f"{peak}_db"] / 40), set_[f"{peak}_q"]
        rows.append(digital([1, a / peak_q, 1], [1, 1 / (a * peak_q), 1], hz[f"{peak}_hz"], rate))
    a = 10 ** (set_["high_shelf_db"] / 40)
    r = np.sqrt(a) / q
    rows.append(digital([a * a, a * r, a], [1, r, a], hz["high_shelf_hz"], rate))
    if set_["lowpass_hz"] < 20_000:
        rows.append(signal.butter(2, hz["lowpass_hz"], "lowpass", fs=rate, output="sos"))
    return np.concatenate(rows)


def noise(frames=4000, channels=2, seed=4):
    return (0.3 * np.random.default_rng(seed).standard_normal((channels, frames))).astype(np.float32)


def drawn(seed):
    rng = np.random.default_rng(seed)
    found = {}
    for parameter in EFFECT.parameters:
        place = rng.uniform()
        log = parameter.scale == "log"
        found[parameter.name] = (
            parameter.low * (parameter.high / parameter.low) ** place
            if log
            else parameter.low + place * (parameter.high - parameter.low)
        )
    return found


@pytest.mark.parametrize("engine", ["numba", "numpy"])
def test_flat_by_default(engine):
    x = noise()
    assert np.abs(apply(EFFECT.processor(engine), x, RATE) - x).max() <= 1e-6
    assert np.abs(response_db({}, np.geomspace(20, 20_000, 50), RATE)).max() <= 1e-6


@pytest.mark.parametrize("rate", [8_000, 44_100, 192_000])
@pytest.mark.parametrize("settings", [BUSY, drawn(0), drawn(1), drawn(2)], ids=["busy", "0", "1", "2"])
def test_equals_scipy(settings, rate):
    x = noise()
    expected = signal.sosfilt(by_scipy(settings, rate), x.astype(np.float64))
    got = apply(EFFECT.processor(**settings), x, rate, 177)
    assert np.abs(got - expected).max() <= 1e-6 * max(1.0, np.abs(expected).max())


@pytest.mark.parametrize(
    "band",
    [
        {"highpass_hz": 300.0},
        {"lowpass_hz": 2_000.0},
        {"low_shelf_db": 9.0},
        {"high_shelf_db": -12.0},
        {"peak1_db": 24.0, "peak1_q": 20.0},
        {"peak2_db": -24.0},
        {"peak3_db": 6.0, "peak3_q": 0.1},
        {"peak10_db": -9.0, "peak10_q": 3.0},
    ],
    ids=lambda band: next(iter(band)),
)
def test_every_band_alone_equals_scipy(band):
    x = noise()
    expected = signal.sosfilt(by_scipy(band), x.astype(np.float64))
    assert np.abs(apply(EFFECT.processor(**band), x, RATE) - expected).max() <= 2e-6


def test_response_is_that_of_scipy_and_of_a_measured_impulse():
    hz = np.geomspace(20, 20_000, 200)
    _, expected = signal.sosfreqz(by_scipy(BUSY), worN=hz, fs=RATE)
    assert np.abs(response_db(BUSY, hz, RATE) - 20 * np.log10(np.abs(expected))).max() <= 1e-6
    frames = 1 << 15
    impulse = np.zeros(frames, np.float32)
    impulse[0] = 1.0
    measured = np.fft.rfft(apply(EFFECT.processor(**BUSY), impulse, RATE).astype(np.float64))
    bins = np.unique(np.round(hz * frames / RATE).astype(int))
    assert np.abs(response_db(BUSY, bins * RATE / frames, RATE) - 20 * np.log10(np.abs(measured[bins]))).max() <= 1e-3


def test_gains_are_met_where_they_are_named():
    hz = np.array([5.0, 250.0, 23_999.0])
    assert response_db({"peak1_db": 7.0}, hz, RATE) == pytest.approx([0, 7, 0], abs=0.05)
    assert response_db({"low_shelf_db": 7.0, "low_shelf_hz": 250}, hz, RATE) == pytest.approx([7, 3.5, 0], abs=0.01)
    assert response_db({"high_shelf_db": -7.0, "high_shelf_hz": 250}, hz, RATE) == pytest.approx([0, -3.5, -7], abs=0.01)
    assert response_db({"highpass_hz": 250.0}, hz, RATE)[1] == pytest.approx(-3.0103, abs=1e-3)
    assert response_db({"lowpass_hz": 250.0}, hz, RATE)[1] == pytest.approx(-3.0103, abs=1e-3)


def test_frequencies_stop_below_half_the_rate():
    x = noise()
    high = apply(EFFECT.processor(high_shelf_db=6.0, high_shelf_hz=15_000), x, 8_000)
    clamped = apply(EFFECT.processor(high_shelf_db=6.0, high_shelf_hz=0.49 * 8_000), x, 8_000)
    assert np.array_equal(high, clamped)
    assert np.isfinite(high).all()


@pytest.mark.parametrize("settings", [{}, BUSY, drawn(3)], ids=["flat", "busy", "drawn"])
def test_three_forms_are_one(settings):
    x = noise()
    compiled = apply(EFFECT.processor(**settings), x, RATE, 17)
    full = max(1.0, np.abs(compiled).max())
    assert np.abs(apply(EFFECT.processor("numpy", **settings), x, RATE, 999) - compiled).max() <= 1e-6 * full
    got = EFFECT.torch_module(RATE, **settings)(torch.from_numpy(x)).detach().numpy()
    assert np.abs(got - compiled).max() <= 1e-6 * full


def test_tail_covers_what_rings_on():
    processor = EFFECT.processor(peak1_db=24.0, peak1_q=20.0, peak1_hz=100.0)
    burst = np.zeros(RATE * 6, np.float32)
    burst[:9600] = np.sin(2 * np.pi * 100 / RATE * np.arange(9600))
    out = apply(processor, burst, RATE)
    assert processor.latency == 0
    assert np.abs(out[9600 + processor.tail :]).max() <= 1e-6
    assert np.abs(out[9600 + processor.tail // 4 :]).max() > 1e-6


@pytest.mark.parametrize("engine", ["numba", "numpy"])
def test_state_can_be_restored_and_is_never_poisoned(engine):
    x = noise(frames=1200)
    bad = x.copy()
    bad[0, 300:303] = [np.nan, np.inf, -np.inf]
    clean = np.where(np.isfinite(bad), bad, np.float32(0))
    poisoned, sound = (apply(EFFECT.processor(engine, **BUSY), one, RATE) for one in (bad, clean))
    assert np.array_equal(poisoned, sound)
    processor, whole = EFFECT.processor(engine, **BUSY), apply(EFFECT.processor(engine, **BUSY), x, RATE, 1200)
    processor.prepare(RATE, 2, 600)
    out = np.empty((2, 600), np.float32)
    processor.process(np.ascontiguousarray(x[:, :600]), out)
    saved = processor.state()
    for _ in range(2):
        processor.restore(saved)
        processor.process(np.ascontiguousarray(x[:, 600:]), out)
        assert np.abs(out - whole[:, 600:]).max() <= 1e-6


def test_gradients():
    torch.manual_seed(0)
    module = EFFECT.torch_module(RATE, **BUSY).double()
    x = torch.randn(2, 40, dtype=torch.float64, requires_grad=True)
    learned = [parameter for parameter in module.parameters() if parameter.requires_grad]
    assert len(learned) == len(EFFECT.parameters)
    assert torch.autograd.gradcheck(lambda x, *_: module(x), (x, *learned), atol=1e-6, rtol=1e-3)


def test_a_flat_equaliser_learns_another_ones_gains():
    x = torch.from_numpy(noise(frames=2048, channels=1))
    wanted = EFFECT.torch_module(RATE, peak2_db=4.0, high_shelf_db=-3.0)(x).detach()
    module = EFFECT.torch_module(RATE)
    optimiser = torch.optim.Adam([module.peak2_db, module.high_shelf_db], lr=0.2)
    for _ in range(150):
        optimiser.zero_grad()
        (module(x) - wanted).square().mean().backward()
        optimiser.step()
    assert module.peak2_db.item() == pytest.approx(4.0, abs=0.1)
    assert module.high_shelf_db.item() == pytest.approx(-3.0, abs=0.1)
