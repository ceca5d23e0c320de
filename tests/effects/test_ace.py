"""ACE: the compiled form against the plain one, its transparency, what it does to sound, and what it endures."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from fxlab.audio import biquad
from fxlab.effects.ace import EFFECT
from fxlab.effects.ace.kernel import Ace
from fxlab.effects.ace.reference import AceReference
from fxlab.effects.params import Choice
from fxlab.effects.processor import apply

RATE = 48_000
NEUTRAL = {"li_strength": 0.0, "ex_strength": 0.0, "dp_decay_s": 0.0, "sce_share": 1.0}
NUMBERS = [parameter for parameter in EFFECT.parameters if not isinstance(parameter, Choice)]
CHOICES = {parameter.name: parameter.options for parameter in EFFECT.parameters if isinstance(parameter, Choice)}


@functools.cache
def sound(rate=RATE, channels=1, seconds=0.08):
    """Two decaying notes with an onset each and some noise, different in every channel; peaks near full scale."""
    rng = np.random.default_rng(channels)
    t = np.arange(int(seconds * rate)) / rate
    late = np.maximum(t - 0.4 * seconds, 0.0)
    rows = []
    for channel in range(channels):
        first = np.exp(-40 * t) * sum(np.sin(2 * np.pi * 220 * (1 + channel) * h * t) / h for h in range(1, 8))
        second = (late > 0) * np.exp(-60 * late) * np.sin(2 * np.pi * min(3000, rate / 5) * late)
        rows.append(0.35 * first + 0.4 * second + 0.003 * rng.standard_normal(len(t)))
    x = np.array(rows, np.float32)
    x.setflags(write=False)
    return x


def both(x, rate=RATE, block=700, **settings):
    """Output and processor of both forms."""
    made = []
    for kind in (Ace, AceReference):
        processor = kind(**settings)
        made.append((apply(processor, x, rate, block), processor))
    return made


def agree(x, rate=RATE, **settings):
    (compiled, one), (plain, other) = both(x, rate, **settings)
    assert np.isfinite(compiled).all() and np.abs(plain).max() > 1e-4
    np.testing.assert_allclose(compiled, plain, rtol=1e-6, atol=1e-6)
    for name, array in other.state().items():
        scale = max(1e-6, np.abs(array).max())
        np.testing.assert_allclose(one.state()[name] / scale, array / scale, rtol=0, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000, 192_000])
def test_compiled_is_the_plain_one(rate):
    seconds = 0.04 if rate < 100_000 else 0.016
    agree(sound(rate, 2, seconds), rate)
    agree(sound(rate, 2, seconds), rate, bands=16, adapt=True, latency_ms=4, tce_carrier="highpassed")
    agree(sound(rate, 1, seconds), rate, bands=32, time_constants="synthdef", latency_ms=8)


def test_compiled_is_the_plain_one_on_music(shared_audio):
    soundfile = pytest.importorskip("soundfile")
    x = soundfile.read(shared_audio / "mixes" / "city_blues.flac", 2400, 900_000, dtype="float32", always_2d=True)[0].T
    agree(np.ascontiguousarray(x), adapt=True)


@pytest.mark.parametrize("name", CHOICES)
def test_every_choice(name):
    for option in CHOICES[name]:
        agree(sound(seconds=0.045 if option in (16, 32) else 0.02), **{name: option})


@pytest.mark.parametrize("parameter", NUMBERS, ids=lambda parameter: parameter.name)
def test_extremes_of_every_parameter(parameter):
    for value in (parameter.low, parameter.high):
        agree(sound(seconds=0.014), bands=16, latency_ms=4, **{parameter.name: value})


def test_gains_of_single_bands():
    gains = np.random.default_rng(0).uniform(-12, 12, 24)
    agree(sound(seconds=0.03), bands=24, bands_db=gains)
    even, groups = apply(Ace(bands=24, bands_db=np.full(24, 5.0)), sound(), RATE), apply(Ace(bands=24), sound(), RATE)
    np.testing.assert_allclose(even, groups, atol=1e-7)  # their mean is taken out


@pytest.mark.parametrize("rate", [8_000, 48_000])
def test_any_split_into_blocks(rate):
    x = sound(rate, 2)
    whole = apply(Ace(adapt=True), x, rate, x.shape[1])
    for block in (1, 7, 16, 61, 128, 512):
        np.testing.assert_array_equal(apply(Ace(adapt=True), x, rate, block), whole)


# Transparency and latency.


@functools.cache
def response(latency_ms=8, rate=RATE, bands=60):
    """Frequencies (200 Hz to 16 kHz or a third of the rate), the complex response there without its latency and high-passes.

    Of the streaming form with all enhancement at rest, to noise that repeats itself, once it has settled.
    """
    size, rng = 2**14 * max(1, rate // RATE), np.random.default_rng(0)
    spectrum = np.exp(2j * np.pi * rng.uniform(size=size // 2 + 1))
    spectrum[0] = spectrum[-1] = 0
    period = np.fft.irfft(spectrum)
    x = np.tile(0.25 * period / np.abs(period).max(), 3).astype(np.float32)
    processor = Ace(**NEUTRAL, latency_ms=latency_ms, bands=bands)
    y = apply(processor, x, rate, 512)
    frequencies = np.fft.rfftfreq(size, 1 / rate)
    heard = (frequencies >= 200) & (frequencies <= min(16_000, rate / 3))
    wet, dry = (np.fft.rfft(one.astype(np.float64))[heard] for one in (np.roll(y[-size:], -processor.latency), x[-size:]))
    return frequencies[heard], wet / dry / biquad.response(processor.design.highpass, frequencies[heard], rate) ** 2


@pytest.mark.parametrize("rate, bands", [(48_000, 60), (44_100, 60), (192_000, 60), (8_000, 60), (48_000, 32), (48_000, 16)])
def test_without_enhancement_it_is_a_pure_delay(rate, bands):
    frequencies, found = response(8, rate, bands)
    level_db = 20 * np.log10(np.abs(found))
    assert np.abs(level_db).max() <= 0.5 and np.ptp(level_db) <= 1.0
    assert np.abs(np.angle(found)).max() <= 0.06  # radians: 3 degrees


@pytest.mark.parametrize("latency_ms, ripple_db", [(4, 1.5), (8, 0.3), (16, 0.2), (32, 0.2)])
def test_ripple_is_as_documented(latency_ms, ripple_db):
    """In `bank.py`: ripple from the lowest to the highest level."""
    level_db = 20 * np.log10(np.abs(response(latency_ms)[1]))
    assert ripple_db - 0.1 < np.ptp(level_db) < ripple_db + 0.05


def test_latency_is_declared_and_short():
    for rate in (8_000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000):
        for latency_ms in CHOICES["latency_ms"]:
            processor = Ace(latency_ms=latency_ms, bands=16)
            processor.prepare(rate, 1, 64)
            late_ms = 1000 * processor.latency / rate
            assert latency_ms < late_ms < min(50.0, latency_ms + 2.0)
            assert latency_ms != 8 or late_ms < 10.0


def test_without_mix_it_is_the_delayed_input():
    x = sound(channels=2)
    processor = Ace(mix=0.0)
    y = apply(processor, x, RATE)
    np.testing.assert_array_equal(y[:, processor.latency :], x[:, : -processor.latency])
    assert not y[:, : processor.latency].any()


# What it does to sound.


def tone(frequency_hz, seconds, level=0.3):
    return (level * np.sin(2 * np.pi * frequency_hz / RATE * np.arange(int(seconds * RATE)))).astype(np.float32)


def level_db(x):
    return 10 * np.log10(np.mean(np.square(x, dtype=np.float64)) + 1e-30)


def test_decays_last_longer():
    t = np.arange(RATE // 2) / RATE
    x = (tone(500, 0.5) * 10 ** (-3 * t / 0.15)).astype(np.float32)  # 60 dB in 150 ms
    levels = {}
    for decay_s in (0.0, 0.3, 1.0):
        y = apply(Ace(**NEUTRAL | {"dp_decay_s": decay_s}), x, RATE)
        levels[decay_s] = [level_db(y[start : start + 2400]) for start in (2400, 7200)]
    falls_db = {decay_s: first - second for decay_s, (first, second) in levels.items()}
    assert falls_db[0.0] == pytest.approx(40, abs=2)  # of 100 ms, as it came
    assert falls_db[0.3] == pytest.approx(20, abs=3)
    assert falls_db[1.0] == pytest.approx(6, abs=2)


def test_spectral_contrast_grows():
    """Of two tones in neighbouring bands the fainter one sinks."""
    x = tone(1000, 0.5) + tone(1250, 0.5, 0.1)
    n, window = np.arange(RATE // 4), np.hanning(RATE // 4)

    def contrast_db(y):
        high, low = (np.abs(np.dot(window * y[-RATE // 4 :], np.exp(2j * np.pi * f / RATE * n))) for f in (1000, 1250))
        return 20 * np.log10(high / low)

    kept, more = (contrast_db(apply(Ace(**settings), x, RATE)) for settings in (NEUTRAL, {"sce_share": 1.0}))
    assert contrast_db(x) == pytest.approx(9.5, abs=0.1) and kept == pytest.approx(9.5, abs=0.3)
    assert more > kept + 6


def test_onsets_pass_and_what_goes_on_is_held_back():
    x = np.concatenate((np.zeros(4800, np.float32), tone(6000, 0.2)))
    processor = Ace(sce_share=0.0)
    y = apply(processor, x, RATE)[processor.latency :]
    onset, later = level_db(y[4800 : 4800 + 96]), level_db(y[4800 + 4800 : 4800 + 4800 + 2400])
    assert onset > level_db(x[-2400:]) - 6 and later < onset - 20


def test_adapt_helps_what_lacks_contrast_and_spares_what_has_it():
    noise = (0.1 * np.random.default_rng(0).standard_normal((1, RATE))).astype(np.float32)
    strengths = []
    for x in (noise, tone(1000, 1.0)[None]):
        processor = Ace(adapt=True, bands=32)
        apply(processor, x, RATE)
        count, sum_, least, most, _ = processor.state()["report"]
        assert count == RATE // processor.bank.interval and 0 <= least <= sum_ / count <= most <= 2
        strengths.append(sum_ / count)
    assert strengths[1] < 0.5 < 1.0 < strengths[0]


# What it endures.


def test_silence_stays_silent():
    for settings in ({}, {"adapt": True, "noise_floor_db": -60.0}):
        assert not apply(Ace(**settings), np.zeros((2, 8000), np.float32), RATE).any()


def hostile(kind, channels, frames):
    x = np.ones((channels, frames), np.float32)
    if kind == "square":
        x *= np.sign(np.sin(np.arange(frames) * 0.05 * np.arange(1, channels + 1)[:, None]) + 1e-9).astype(np.float32)
    elif kind == "not numbers":
        x[:, ::3], x[0, 1::3], x[-1, 2::7] = np.nan, np.inf, -np.inf
    elif kind == "loud":
        x *= (1000 * np.random.default_rng(0).standard_normal(frames)).astype(np.float32)
    return x


@pytest.mark.parametrize("rate, channels", [(8_000, 1), (48_000, 8), (192_000, 1)])
@pytest.mark.parametrize("kind", ["constant", "square", "not numbers", "loud"])
def test_endures_and_recovers(kind, rate, channels):
    """Finite; at most twice the peak of the input (a band's gain ends where its sound is as loud as what it prolongs or is
    lifted to); silence after the tail; then the next sound as if nothing had been."""
    settings = {"bands": 16, "dp_decay_s": 0.02, "adapt": False}
    x = hostile(kind, channels, rate // 20)
    processor = Ace(**settings)
    processor.prepare(rate, channels, 4096)
    gap, next_ = np.zeros((channels, 2 * processor.tail), np.float32), sound(rate, channels, 0.02)
    y = apply(processor, np.concatenate((x, gap, next_), axis=1), rate)
    assert np.isfinite(y).all() and np.abs(y).max() <= 2 * np.abs(x[np.isfinite(x)]).max()
    assert np.abs(y[:, x.shape[1] + processor.tail : -next_.shape[1]]).max() <= (1e-3 if kind == "loud" else 1e-6)
    unharmed = apply(processor, np.concatenate((0 * gap, next_), axis=1), rate)
    np.testing.assert_allclose(y[:, -next_.shape[1] :], unharmed[:, -next_.shape[1] :], atol=1e-9)


def test_states_end_in_zeros():
    processor = Ace(bands=16, dp_decay_s=0.0)
    processor.prepare(8_000, 1, 8000)
    apply(processor, np.concatenate((sound(8_000), np.zeros((1, 400_000), np.float32)), axis=1), 8_000, 8000)
    for name, array in processor.state().items():
        assert not ((array != 0) & (np.abs(array) < 1e-250)).any(), name
    assert not any(processor.state()[name].any() for name in ("bank", "highpass", "tce_highpass", "tce_followers", "sum"))


def test_channels_are_linked():
    """A panned source stays where it is, and a silent channel silent."""
    x = sound()
    y = apply(Ace(), np.concatenate((x, 0.25 * x, 0 * x)), RATE)
    np.testing.assert_allclose(y[1], 0.25 * y[0], rtol=0, atol=1e-25)  # states below 1e-30 end
    assert y[0].any() and not y[2].any()
    # A loud channel weighs on a faint one: the gains are common.
    alone = apply(Ace(), x, RATE)[0]
    assert np.abs(alone - y[0]).max() > 1e-3
