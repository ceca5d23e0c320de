"""An instrument as an effect: it follows pitch and loudness as the analysis of a whole recording does, in any blocks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fxlab.audio.resampling import resample
from fxlab.effects.processor import apply
from fxlab.engines.loader import another, check_network, engines_of, open_processor, parameters_of
from fxlab.errors import InputError, UsageError
from fxlab.models.checkpoint_file import write
from fxlab.services.effects import describe
from fxlab.services.live.side import Format, Side
from fxlab.settings import EffectSettings
from fxlab.timbre.processor import InstrumentProcessor, growth_by_age

from .sounds import RATE_HZ, cents, note, vibrato
from .tiny_instrument import TINY, instrument

pytest.importorskip("swift_f0")
SOUND = np.concatenate([np.zeros(3000, np.float32), note(220.0, 0.4), np.zeros(2000, np.float32)])
GROWN = replace(TINY, automaton="grown")


@pytest.fixture(scope="module")
def processor():
    return InstrumentProcessor(instrument())


@pytest.fixture(scope="module")
def played(processor):
    return apply(processor, SOUND, RATE_HZ)


@pytest.fixture
def path(tmp_path):
    model = instrument(GROWN)
    write(tmp_path / "inst.safetensors", model.weights, model.card)
    return tmp_path / "inst.safetensors"


def _feed(processor, audio, sizes):
    """(channels, n) in blocks of these sizes over and over, each processed in place."""
    audio = np.array(audio, np.float32)
    start, number = 0, 0
    while start < audio.shape[1]:
        block = np.ascontiguousarray(audio[:, start : start + sizes[number % len(sizes)]])
        processor.process(block, block)
        audio[:, start : start + block.shape[1]] = block
        start, number = start + block.shape[1], number + 1
    return audio


class Watched(InstrumentProcessor):
    """Remembers what it heard."""

    def __init__(self, model):
        super().__init__(model)
        self.heard = []

    def _sound(self, *frame):
        self.heard.append(frame[:3])
        return super()._sound(*frame)


@pytest.mark.parametrize("sizes", [[128], [1, 700, 33, 2048]])
def test_blocks_dont_matter(processor, played, sizes):
    processor.prepare(RATE_HZ, 2, 2048)
    wet = _feed(processor, np.stack([1.5 * SOUND, 0.5 * SOUND]), sizes)
    np.testing.assert_array_equal(wet[0], wet[1])  # the channels' mean is heard
    np.testing.assert_array_equal(wet[0], played)
    processor.reset()
    np.testing.assert_array_equal(_feed(processor, [SOUND], [777])[0], played)


@pytest.mark.parametrize("moment", [6060, 6316])
def test_goes_on_from_a_state(processor, played, moment):
    processor.prepare(RATE_HZ, 1, 64)
    before = _feed(processor, [SOUND[:moment]], [64])
    state, rest = processor.state(), [SOUND[moment:]]
    first = _feed(processor, rest, [50])
    processor.restore(state)
    np.testing.assert_array_equal(_feed(processor, rest, [64]), first)
    np.testing.assert_array_equal(np.concatenate([before, first], axis=1)[0], played)


def test_is_prepared_anew_in_the_middle_of_a_frame(processor, played):
    for moment in range(4096, 4608, 128):
        processor.prepare(RATE_HZ, 1, 128)
        _feed(processor, [SOUND[:moment]], [128])
    np.testing.assert_array_equal(apply(processor, SOUND, RATE_HZ), played)


def test_what_is_no_number_is_silence(processor):
    broken, silent = SOUND.copy(), SOUND.copy()
    broken[5000:5100], broken[6000], silent[5000:5100], silent[6000] = np.nan, np.inf, 0, 0
    np.testing.assert_array_equal(apply(processor, broken, RATE_HZ), apply(processor, silent, RATE_HZ))


@pytest.mark.parametrize("rate_hz", [44_101, 192_000])
def test_plays_what_it_hears_at_any_rate_and_is_silent_after_its_tail(rate_hz):
    processor = InstrumentProcessor(instrument(replace(TINY, reverb=200)))
    sound = resample(SOUND, RATE_HZ, rate_hz)
    processor.prepare(rate_hz, 1, 4096)
    wet = _feed(processor, [np.pad(sound, (0, processor.tail + 3000))], [4096])[0]
    assert not wet[len(sound) + processor.tail :].any()
    wet = wet[processor.latency :][: len(sound)]
    power = resample(wet, rate_hz, 8000) ** 2
    start, end = 3000 * 8000 // RATE_HZ, (len(SOUND) - 2000) * 8000 // RATE_HZ
    inside = power[start + 400 : end - 400].mean()
    assert inside > 100 * power[: start - 500].mean() and inside > 20 * power[end + 500 :].mean()
    part = wet[len(wet) // 2 :][: rate_hz // 5] * np.hanning(rate_hz // 5)
    spectrum = np.abs(np.fft.rfft(part))
    hertz = np.argmax(spectrum) * rate_hz / len(part)
    assert abs(hertz / 220 - round(hertz / 220)) < 0.03 and round(hertz / 220) >= 1


def test_hears_what_the_analysis_of_the_whole_recording_hears():
    from fxlab.timbre.features import extract
    from fxlab.timbre.tracker import SwiftF0

    rest = np.zeros(6000, np.float32)
    audio = np.concatenate([rest, note(vibrato(330.0)), rest, 0.1 * note(196.0, 0.5), rest])
    wanted = extract(audio, RATE_HZ, TINY, SwiftF0(), without_mfcc=True)
    processor = Watched(instrument())
    processor.prepare(48_000, 1, 4096)
    processor.heard.clear()
    _feed(processor, [np.pad(resample(audio, RATE_HZ, 48_000), (0, processor.latency))], [4096])
    f0_hz, voiced, loudness = np.array(processor.heard[: len(wanted)], np.float64).T
    assert (voiced == (wanted.voiced > 0.5)).mean() > 0.95
    both = (voiced > 0.5) & (wanted.voiced > 0.5)
    assert both.sum() > 40 and np.quantile(np.abs(cents(f0_hz[both], wanted.f0_hz[both])), 0.9) < 1
    loud = wanted.loudness_db > -80
    assert np.abs(loudness - wanted.loudness_db)[loud].max() < 0.3


def test_parameters_are_set_while_it_plays():
    processor = InstrumentProcessor(instrument(GROWN))
    processor.prepare(RATE_HZ, 1, 512)
    _feed(processor, [SOUND[:8000]], [512])
    before = processor.state()
    plain = _feed(processor, [SOUND[8000:]], [512])
    processor.restore(before)
    processor.set(pitch=12, age=0.0)
    changed = _feed(processor, [SOUND[8000:]], [512])
    assert np.abs(changed - plain).max() > 0.01
    processor.restore(before)
    assert processor.values == {"pitch": 0.0, "loudness_db": 0.0, "age": 1.0}
    for wrong in ({"pitch": 40}, {"colour": 1}):
        with pytest.raises(UsageError):
            processor.set(**wrong)
    assert "age" not in InstrumentProcessor(instrument()).values


def test_growth_leads_from_the_first_harmonic_to_the_whole_instrument():
    gains = growth_by_age(instrument(GROWN))
    first = np.zeros(GROWN.cells, np.float32)
    first[0] = 1
    np.testing.assert_allclose(gains(0.0), first, atol=1e-6)
    np.testing.assert_allclose(gains(1.0), 1.0, atol=1e-6)
    np.testing.assert_allclose(gains(0.5 - 1e-9), gains(0.5), atol=1e-5)


def test_opens_like_any_model_and_is_set_live(path):
    name = str(path)
    assert engines_of(name) == ("numba",) and [one.name for one in parameters_of(name)] == ["pitch", "loudness_db", "age"]
    opened = open_processor(name, {"pitch": "7"})
    assert (opened.engine, opened.parameters["pitch"], opened.path) == ("numba", 7.0, path)
    assert another(opened, {"age": 0.5}).processor.values == {"pitch": 0.0, "loudness_db": 0.0, "age": 0.5}
    with pytest.raises(UsageError, match="can't be run by the engine 'torch'"):
        open_processor(name, engine="torch")
    with pytest.raises(UsageError, match="copies no effect"):
        check_network(name)
    shown = describe(name)
    assert [control.name for control in shown.controls] == ["pitch", "loudness_db", "age"] and shown.latency > TINY.hop
    side = Side([EffectSettings(name)], Format(RATE_HZ, 1, 128, compiled=False))
    program = side.program
    side.set("pitch", 5)
    assert not side.refresh() and side.program is program
    assert program.chain.processors[0].values["pitch"] == 5.0


def test_a_card_that_says_too_little_is_refused(tmp_path):
    model = instrument()
    del model.card["features"]["loudness"]
    write(tmp_path / "inst.safetensors", model.weights, model.card)
    with pytest.raises(InputError, match="card of the instrument"):
        open_processor(str(tmp_path / "inst.safetensors"))
