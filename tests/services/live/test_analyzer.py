"""The analyzer against distortions whose harmonics are known in closed form, and against what has none."""

import math

import numpy as np
import pytest

from fxlab.audio.strings import pluck
from fxlab.effects.processor import Processor
from fxlab.engines.loader import open_processor
from fxlab.metrics import spectrum
from fxlab.services.live.analyzer import DRY, FLOOR_DB, Analyzer

RATE = 48_000


class Curve(Processor):
    """A memoryless waveshaper, late by some samples."""

    def __init__(self, shape, late=0):
        super().__init__()
        self._shape, self._late = shape, late

    def _allocate(self):
        self.latency = self._late
        self._state["past"] = np.zeros((self.channels, self._late), np.float32)

    def _run(self, block, out):
        past = self._state["past"]
        row = np.concatenate([past, self._shape(block).astype(np.float32)], axis=1)
        out[:] = row[:, : block.shape[1]]
        past[:] = row[:, block.shape[1] :]


def sine(hz, amplitude=1.0, rate=RATE, seconds=0.4):
    return (amplitude * np.sin(2 * np.pi * hz / rate * np.arange(round(seconds * rate)) + 0.3))[None].astype(np.float32)


def analysed(audio, rate=RATE, feed=2400, **voices):
    analyzer = Analyzer(rate, voices, channels=audio.shape[0])
    for start in range(0, audio.shape[1], feed):
        analyzer.feed(audio[:, start : start + feed])
    return analyzer.spectra()


@pytest.mark.parametrize("rate", [8000, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("hz", [82.41, 440.0, 997.3, 3100.0])
def test_a_sine_reads_its_level_everywhere(hz, rate):
    for amplitude in (1.0, 0.01):
        found = analysed(sine(hz, amplitude, rate), rate)
        level = 20 * math.log10(amplitude)
        assert found.f0_hz == pytest.approx(hz, rel=2e-4)
        assert found.harmonics_db[DRY][0] == pytest.approx(level, abs=0.02)
        assert found.levels_db[DRY].max() == pytest.approx(level, abs=0.1)
        band = found.frequencies_hz[np.argmax(found.levels_db[DRY])]
        assert 2 ** (-1 / 12) <= band / hz <= 2 ** (1 / 12) or hz < 200  # a lobe is wider than the lowest bands
        above = found.harmonics_db[DRY][1:]
        assert np.all(np.isnan(above) | (above < level - 80))


@pytest.mark.parametrize("hz", [61.7, 110.0, 246.94, 1318.5])
def test_harmonics_of_polynomials(hz):
    """Chebyshev: of x = cos, sum a_k T_k(x) has the harmonics a_k."""
    amplitudes = np.array([0.5, 0.25, 0.1, 0.03, 0.01, 3e-3, 1e-3, 3e-4])
    shape = np.polynomial.chebyshev.Chebyshev(np.concatenate([[0.0], amplitudes]))
    found = analysed(sine(hz), dsp=Curve(shape))
    assert found.harmonics_db["dsp"][:8] == pytest.approx(20 * np.log10(amplitudes), abs=0.1)
    thd = 10 * math.log10(np.sum(amplitudes[1:] ** 2) / amplitudes[0] ** 2)
    assert found.thd_db["dsp"] == pytest.approx(thd, abs=0.1)


def test_harmonics_agree_with_the_coherent_measure():
    """The bench's figure needs a test tone; both read the same of a saturator on it."""
    tone = spectrum.coherent_sine(220, RATE, amplitude=0.5, period=24_000)
    voice = open_processor("saturator").processor
    found = analysed(tone.audio[None], dsp=voice)
    voice.prepare(RATE, 1, len(tone.audio))
    wet = np.empty((1, len(tone.audio)), np.float32)
    voice.process(np.ascontiguousarray(tone.audio[None]), wet)
    expected = 20 * np.log10(spectrum.harmonics(wet[0], tone)[1:11])
    assert found.harmonics_db["dsp"] == pytest.approx(expected, abs=0.1)
    assert found.thd_db["dsp"] == pytest.approx(spectrum.thd_db(wet[0], tone), abs=0.1)


def test_voices_are_aligned_with_dry():
    """A burst's level in the window depends on where it stands: the same for a voice that is late."""
    audio = np.zeros((1, RATE // 2), np.float32)
    audio[:, -6000:-3000] = sine(440)[:, :3000]
    found = analysed(audio, now=Curve(lambda x: x), later=Curve(lambda x: x, late=2000))
    assert np.array_equal(found.levels_db["now"], found.levels_db["later"])
    assert np.array_equal(found.levels_db["now"], found.levels_db[DRY])


def test_feeding_may_be_split_anyhow():
    audio = sine(196, 0.3)
    whole, split = (analysed(audio, feed=feed, dsp=open_processor("saturator").processor) for feed in (audio.shape[1], 777))
    assert split.f0_hz == pytest.approx(whole.f0_hz, rel=1e-9)
    assert split.levels_db["dsp"] == pytest.approx(whole.levels_db["dsp"], abs=0.01)


def test_the_loudest_channel_is_shown():
    audio = np.concatenate([0.01 * sine(300), sine(220)])
    found = analysed(audio, dsp=Curve(np.tanh))
    assert found.f0_hz == pytest.approx(220, rel=1e-4) and found.harmonics_db[DRY][0] == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("colour", [0, 1, 2])
def test_noise_plays_no_note(colour):
    for seed in range(20):
        rng = np.random.default_rng(seed)
        bins = np.fft.rfft(rng.standard_normal(32_768))
        bins[1:] /= np.arange(1, len(bins)) ** (colour / 2)
        noise = np.fft.irfft(bins)
        noise = (0.2 * noise / np.std(noise))[None].astype(np.float32)
        found = analysed(noise[:, :20_000], dsp=Curve(np.tanh))
        assert found.f0_hz is None and np.all(np.isnan(found.harmonics_db["dsp"])) and math.isnan(found.thd_db["dsp"])


def test_a_chord_in_tune_is_no_note():
    chord = sum(sine(65.4 * k, 0.2) for k in (4, 5, 6))
    assert analysed(chord).f0_hz is None


def test_silence_and_what_is_not_a_number():
    for audio in (np.zeros((1, 9000), np.float32), np.full((1, 9000), np.nan, np.float32), np.zeros((1, 0), np.float32)):
        found = analysed(audio, dsp=Curve(lambda x: x))
        assert found.f0_hz is None and np.all(found.levels_db[DRY] == FLOOR_DB)


@pytest.mark.parametrize("hz", [41.2, 82.41, 110.0, 329.63, 659.26])
def test_plucked_strings_are_recognised(hz):
    note = pluck(np.random.default_rng(1), RATE // 2, RATE, hz, 4.0, 1e-5, 4000)
    audio = (0.3 * note / np.abs(note).max())[None].astype(np.float32)
    found = analysed(audio, dsp=open_processor("saturator").processor)
    assert found.f0_hz == pytest.approx(hz, rel=0.01)


def test_voices_can_be_changed_while_it_runs():
    stays = Curve(lambda x: 0.1 * x, late=300)
    analyzer = Analyzer(RATE, {"dsp": Curve(lambda x: x), "stays": stays})
    analyzer.feed(sine(440))
    analyzer.change({"dsp": Curve(lambda x: 0.5 * x), "stays": stays, "network": Curve(lambda x: x, late=100)})
    found = analyzer.spectra()
    assert found.f0_hz == pytest.approx(440, rel=1e-4), "nothing flickers"
    assert found.harmonics_db["dsp"][0] == pytest.approx(0, abs=0.02)
    assert found.harmonics_db["stays"][0] == pytest.approx(-20, abs=0.02)
    analyzer.feed(sine(440))
    found = analyzer.spectra()
    assert found.harmonics_db["dsp"][0] == pytest.approx(-6.02, abs=0.02)
    assert list(found.levels_db) == [DRY, "dsp", "stays", "network"]
