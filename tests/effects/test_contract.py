"""The processor contract, for every effect that is registered."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from fxlab.effects import contract
from fxlab.effects.params import Choice, FileParam
from fxlab.effects.processor import apply
from fxlab.effects.registry import effects
from fxlab.errors import UsageError

RATE = 48_000
SEED = 20
DRAWS = 4
NAMES = sorted(effects())
QUANTISING = {"bitcrusher"}  # a last bit may decide between two levels, so engines agree on all samples but a few
LINKED = {"ace", "compressor", "imager", "limiter"}  # what it does to a channel depends on all of them
STEREO = {"imager"}  # its module takes (..., channels, frames), the others' rows aren't channels
# Plain loops over samples, and with what settings they soon fall silent.
SLOW = {
    ("ace", "numpy"): {"dp_decay_s": 0.01, "dp_attack_ms": 3.0, "ex_smoothing_ms": 3.0, "tce_decay_ms": 3.0},
    ("limiter", "numpy"): {"release_ms": 10.0},
}
SHORT = {1: 400, 17: 1700}  # frames that are enough in blocks so small
# Not drawn: the audio is short, and channels that aren't linked don't get the same gain.
HELD = {"ace": {"latency_ms": 4, "dp_decay_s": 0.05}, "compressor": {"link": True}, "limiter": {"link": 1}}
FILES = tempfile.TemporaryDirectory()


@functools.cache
def sound_file(frames):
    """For parameters that are files: a click and decaying noise after it."""
    noise = np.random.default_rng(frames).standard_normal(frames) * np.exp(-np.arange(frames) / 600)
    soundfile.write(path := Path(FILES.name, f"{frames}.wav"), 0.1 * noise + (np.arange(frames) == 0), RATE, "FLOAT")
    return str(path)


def draw(name, index):
    """Settings number `index` of an effect: the defaults, then random ones, the same in every run."""
    rng = np.random.default_rng([SEED, index, *name.encode()])
    settings = {}
    for parameter in effects()[name].parameters if index else ():
        if isinstance(parameter, Choice):
            settings[parameter.name] = parameter.options[rng.integers(len(parameter.options))]
        elif isinstance(parameter, FileParam):
            settings[parameter.name] = sound_file(1 + int(rng.integers(4000)))
        elif parameter.scale == "log":
            settings[parameter.name] = float(np.exp(rng.uniform(np.log(parameter.low), np.log(parameter.high))))
        else:
            settings[parameter.name] = float(rng.uniform(parameter.low, parameter.high))
    return settings | (HELD.get(name, {}) if index else {})


def sound(name):
    """What an effect is to play: less where its plain form takes long."""
    return signal(1600) if (name, "numpy") in SLOW else signal()


signal = functools.cache(contract.noise)


def maker(name, engine, settings):
    return lambda: effects()[name].processor(engine, **settings)


def play(name, engine, settings, x, sizes, rate=RATE):
    """`x` through a fresh processor in blocks of the given sizes, repeated until it's all through."""
    return contract.play(maker(name, engine, settings), x, sizes, rate)


def others(name):
    """Engines besides the default."""
    return list(effects()[name].engines)[1:]


def limit(y):
    return contract.TOLERANCE * max(1.0, float(np.abs(y).max()))


every_module = pytest.mark.parametrize("name", [name for name in NAMES if effects()[name].module])
every_effect = pytest.mark.parametrize("name", NAMES)
CASES = [(name, engine) for name in NAMES for engine in effects()[name].engines]
every_engine = pytest.mark.parametrize("name, engine", CASES)
every_draw = pytest.mark.parametrize("index", range(DRAWS))
every_case = pytest.mark.parametrize(
    "name, engine, index",
    [(*case, index) for case in CASES for index in range(2 if case in SLOW else DRAWS)],
)


@every_case
def test_any_split_into_blocks_gives_the_same_output(name, engine, index):
    x, settings = sound(name), draw(name, index)
    random_sizes = np.random.default_rng(index).integers(1, 700, 50).tolist()
    make = maker(name, engine, settings)
    contract.check_blocks(make, x, [[64], [512], random_sizes])
    for size, frames in SHORT.items():
        contract.check_blocks(make, x[:, :frames], [[size]])


@every_effect
@pytest.mark.parametrize("rate", [8_000, 44_100, 192_000])
@pytest.mark.parametrize("index", range(2))
def test_every_rate(name, rate, index):
    x, settings = sound(name) if rate < RATE else signal(), draw(name, index)
    whole = play(name, "auto", settings, x, [x.shape[1]], rate)
    assert np.isfinite(whole).all() and np.abs(whole).max() > 0
    assert np.abs(play(name, "auto", settings, x, [61, 512], rate) - whole).max() <= limit(whole)
    for engine in others(name):
        agree(name, play(name, engine, settings, x, [999], rate), whole)


def agree(name, one, other):
    difference = np.abs(one - other) > limit(other)
    assert np.mean(difference) <= (0.01 if name in QUANTISING else 0.0), float(np.abs(one - other).max())


@every_effect
@every_draw
def test_engines_agree(name, index):
    x, settings = sound(name), draw(name, index)
    for engine in others(name):
        agree(name, play(name, engine, settings, x, [512]), play(name, "auto", settings, x, [512]))


@every_module
@every_draw
def test_the_torch_form_agrees(name, index):
    x, settings = sound(name), draw(name, index)
    compiled = play(name, "auto", settings, x, [512])
    module = effects()[name].torch_module(RATE, **settings)
    with torch.no_grad():
        wet = module(torch.tensor(x))
    assert wet.dtype == torch.float32 and wet.shape == x.shape
    if name in LINKED - STEREO:
        compiled = np.concatenate([play(name, "auto", settings, row[None], [512]) for row in x])
    agree(name, wet.numpy(), compiled)


@every_module
@every_draw
def test_torch_form_takes_any_leading_shape_and_gives_gradients(name, index):
    x = torch.tensor(signal()[:, :256]).reshape(2, 1, 256).requires_grad_()
    module = effects()[name].torch_module(RATE, **draw(name, index))
    y = module(x)
    assert y.shape == x.shape
    (y * torch.linspace(-1, 1, 256)).sum().backward()
    assert torch.isfinite(x.grad).all()
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in module.parameters())
    with torch.no_grad():
        assert torch.equal(module(x[0, 0]), module(x[:1, :1])[0, 0])


@every_case
def test_state_is_a_value(name, engine, index):
    contract.check_state(maker(name, engine, draw(name, index)), sound(name))


@every_case
def test_reset_is_as_prepared(name, engine, index):
    contract.check_reset(maker(name, engine, draw(name, index)), sound(name))


@every_case
def test_what_is_not_a_number_counts_as_silence(name, engine, index):
    contract.check_not_a_number(maker(name, engine, draw(name, index)), sound(name))


@every_case
def test_channels_are_independent_or_get_the_same_gain(name, engine, index):
    x, settings = sound(name), draw(name, index)
    if name in LINKED:
        factors = np.array([[0.25], [-0.5]], np.float32)
        wet = play(name, engine, settings, np.concatenate((x, factors * x[:1])), [512])
        assert np.abs(wet[2:] - factors * wet[:1]).max() <= 1e-6 * np.abs(wet).max()
    else:
        both = play(name, engine, settings, x, [512])
        assert np.abs(play(name, engine, settings, x[:1], [512]) - both[:1]).max() <= limit(both)


@every_effect
@every_draw
def test_in_place(name, index):
    contract.check_in_place(maker(name, "auto", draw(name, index)), sound(name))


@every_case
def test_silence_after_the_tail(name, engine, index):
    settings = draw(name, index) | SLOW.get((name, engine), {})
    contract.check_tail(maker(name, engine, settings), sound(name), 8000 if (name, engine) in SLOW else RATE)


@every_engine
def test_states_decay_to_zeros_not_to_denormals(name, engine):
    processor = effects()[name].processor(engine)
    processor.prepare(8000, 1, 8192)  # what decays does so in seconds, which are the fewer frames the lower the rate
    contract.feed(processor, sound(name)[:1], [4000])
    frames = 84_000
    if (name, engine) in SLOW:  # begins near the end
        processor.restore({key: array * (1e-295 if array.dtype.kind == "f" else 1) for key, array in processor.state().items()})
        frames = 2000
    out = contract.feed(processor, np.zeros((1, frames), np.float32), [8192])
    held = [array for array in processor.state().values() if array.dtype.kind == "f"]
    for array in (out, *held):
        tiny = np.finfo(array.dtype).tiny
        assert not ((array != 0) & (np.abs(array) < tiny))[..., -8192:].any()


@every_effect
def test_declared_latency_is_the_measured_one(name):
    """The lag at which the output matches the dry input best, over all choices, with what colours the sound held back."""
    effect, rng = effects()[name], np.random.default_rng(SEED)
    x = np.convolve(rng.standard_normal(8000), np.hanning(24), mode="same")[None]  # smooth, so that the peak is unambiguous
    x = (0.2 * x / np.abs(x).max()).astype(np.float32)
    for parameter in effect.parameters:
        for option in parameter.options if isinstance(parameter, Choice) else ():
            transparent = {"drive_db": 0.0, "cutoff_hz": 20_000.0, "bits": 24.0}
            transparent |= {"li_strength": 0.0, "ex_strength": 0.0, "dp_decay_s": 0.0, "sce_share": 1.0}
            known = {p.name for p in effect.parameters}
            settings = {key: value for key, value in transparent.items() if key in known} | {parameter.name: option}
            settings |= {p.name: sound_file(1) for p in effect.parameters if isinstance(p, FileParam)}
            processor = effect.processor(**settings)
            wet = apply(processor, x, RATE).astype(np.float64)[0]
            lags = range(processor.latency - 8, processor.latency + 9)
            match = [np.dot(x[0, 200:6000], wet[200 + lag : 6000 + lag]) for lag in lags]
            assert abs(lags[int(np.argmax(match))] - processor.latency) <= 1, settings
            # Between the three best lags the peak is a parabola: the delay beyond the declared one is under a sample.
            before, peak, after = match[7:10]
            assert abs(0.5 * (before - after) / (before - 2 * peak + after)) < 0.75, settings


@every_effect
def test_declared_parameters_are_those_of_the_processors_and_the_module(name):
    effect = effects()[name]
    for engine in effect.engines:
        for parameter in effect.parameters:
            if isinstance(parameter, Choice):
                ends = parameter.options
            elif isinstance(parameter, FileParam):
                ends = (*parameter.built_in, sound_file(100))
            else:
                ends = (parameter.low, parameter.high)
            for value in ends:
                y = play(name, engine, {parameter.name: value}, signal()[:, :300], [128])
                assert np.isfinite(y).all()
    default = effect.resolve({})
    assert np.array_equal(play(name, "auto", {}, signal(), [512]), play(name, "auto", default, signal(), [512]))


@every_effect
def test_wrong_parameters_are_named(name):
    effect = effects()[name]
    with pytest.raises(UsageError, match="no parameter"):
        effect.processor(nonsense=1)
    with pytest.raises(UsageError, match="no engine"):
        effect.processor("abacus")
