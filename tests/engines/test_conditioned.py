"""Networks with knobs: every engine plays what torch makes of the knobs' places frame by frame, however they turn."""

import dataclasses
import functools
import json

import numpy as np
import pytest
import soundfile
import torch

from fxlab.audio.testsignals import synthesize
from fxlab.effects.processor import apply
from fxlab.engines.golden import TOLERANCE, golden_input, pack, play, prove, random_blocks, unpack
from fxlab.engines.knobs import RAMP_S
from fxlab.engines.loader import open_processor, processor_of
from fxlab.engines.onnx_engine import save_onnx
from fxlab.engines.registry import NETWORK_ENGINES
from fxlab.errors import InputError, UsageError
from fxlab.models import checkpoint
from fxlab.models.controls import controls_of
from fxlab.models.model import Model
from fxlab.models.precision import rounded
from fxlab.models.registry import architecture
from fxlab.models.stack_config import LayerConfig, StackConfig
from fxlab.models.tcn_config import SIZES, ArrayConfig, TCNConfig

RATE = 48_000
ENGINES = NETWORK_ENGINES
CONFIGS = {
    "nano": SIZES["nano"],
    "gated": TCNConfig(
        (
            ArrayConfig(5, 3, (1, 4, 2), (3, 2, 6), activation="leaky_relu", gated=True),
            ArrayConfig(3, 1, (1, 7), (6, 15), head_bias=True, head_kernel=16, activation="hard_tanh"),
        ),
        film_hidden=5,
    ),
    "lstm-16": architecture("lstm").config("16"),
    "gru-16": architecture("gru").config("16"),
    "conv-first": StackConfig((LayerConfig("conv1d", 1, 6, "tanh", 5, 90), LayerConfig("dense", 6, 1)), skip=True),
    "conv-dense": StackConfig((LayerConfig("conv1d", 1, 8, "tanh", 30, 1), LayerConfig("dense", 8, 1))),
    "dense-gru": StackConfig(
        (LayerConfig("dense", 1, 5, "tanh"), LayerConfig("gru", 5, 9), LayerConfig("dense", 9, 1)), skip=True
    ),
    "one-layer": StackConfig((LayerConfig("conv1d", 1, 1, "tanh", 7, 3),)),
}


@pytest.fixture(scope="module")
def signal():
    return synthesize(1.0, RATE, seed=3)


def turns(model, frames, count, seed):
    """Frames at which knobs are set, and to what: now one, now several, some while they still move."""
    rng, knobs = np.random.default_rng(seed), controls_of(model.card)
    places = np.sort(rng.integers(0, frames, count))
    return [(int(at), {k.name: k.at(rng.uniform(-1, 1)) for k in knobs if rng.random() < 0.6}) for at in places]


def turned(processor, audio, settings, max_block, seed):
    """Mono audio through a processor in random blocks, cut where knobs are set."""
    processor.prepare(RATE, 1, max_block)
    parts, edges = [], [0, *(at for at, _ in settings), len(audio)]
    for (start, end), values in zip(zip(edges, edges[1:], strict=False), [{}, *(v for _, v in settings)], strict=True):
        processor.set(**values)
        for size in random_blocks(end - start, max_block, seed):
            block = audio[None, start : start + size].copy()
            processor.process(block, block)
            parts.append(block[0])
            start += size
    return np.concatenate(parts)


def by_torch(model, audio, settings):
    """The same by the torch network in one go, in float64, the knobs' lines drawn on their own; from settled silence."""
    knobs, ramp = controls_of(model.card), round(RAMP_S * RATE)
    tail, frames = model.config.receptive_field - 1, len(audio)
    lines = np.zeros((len(knobs), frames))
    for line, knob in zip(lines, knobs, strict=True):
        line[:] = knob.normalised(knob.param.default)
        for at, values in settings:
            if knob.name in values:
                start, to = line[at - 1] if at else knob.normalised(values[knob.name]), knob.normalised(values[knob.name])
                line[at:] = np.interp(np.arange(1, frames - at + 1), [0, ramp], [start, to])
    lines = np.concatenate((np.repeat(lines[:, :1], tail, axis=1), lines), axis=1)
    network = checkpoint.network_of(model).double()
    states = [torch.zeros(1, *shape, dtype=torch.float64) for shape in network.state_shapes().values()]
    dry = np.concatenate((np.zeros(tail), audio.astype(np.float64)))
    with torch.inference_mode():
        wet = network.stream(torch.from_numpy(dry)[None, None], *states, controls=torch.from_numpy(lines)[None])[0]
    return wet[0, 0, tail:].numpy()


@pytest.fixture(scope="module")
def turning(conditioned):
    """`turning(name)`: a network, audio, settings that are well heard in it, and what torch makes of them."""

    @functools.cache
    def one(name):
        model, audio = conditioned(CONFIGS[name]), golden_input(4000, seed=4)
        settings = turns(model, len(audio), 7, seed=1)
        expected = by_torch(model, audio, settings)
        assert np.abs(expected - by_torch(model, audio, [])).max() > 1e-2
        return model, audio, settings, expected

    return one


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("engine", ENGINES)
def test_engines_play_what_torch_makes_of_the_knobs_lines(name, engine, turning):
    model, audio, settings, expected = turning(name)
    # torch takes milliseconds for a block of any size, and the silence before the first is played in such blocks, too.
    smallest = 90 if name == "nano" and engine.startswith("torch") else 17
    for seed, (largest, frames) in enumerate(((smallest, 2000), (700, len(audio)))):
        played = turned(processor_of(model, engine), audio[:frames], [s for s in settings if s[0] < frames], largest, seed)
        np.testing.assert_allclose(played, expected[:frames], rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["nano", "gru-16"])
def test_engines_agree_on_real_audio(name, conditioned, shared_audio):
    take, _ = soundfile.read(shared_audio / "di" / "jazz_trot_guitar.flac", frames=RATE // 2, start=5 * RATE, dtype="float32")
    assert np.abs(take).max() > 0.1
    model = conditioned(CONFIGS[name])
    settings = turns(model, len(take), 9, seed=2)
    expected = by_torch(model, take, settings)
    for engine in ENGINES:
        played = turned(processor_of(model, engine), take, settings, 512, 0)
        np.testing.assert_allclose(played, expected, rtol=0, atol=1e-5, err_msg=engine)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ["gated", "gru-16", "conv-first"])
def test_no_split_shows_where_a_knob_turns(name, engine, conditioned, signal):
    config = CONFIGS[name]
    config = dataclasses.replace(config, warm_up=300) if config.kind == "stack" else config
    processor, audio = processor_of(conditioned(config), engine), signal[:1800]
    settings = [(100, {"drive_db": 30.0}), (600, {"cutoff_hz": 600.0}), (700, {"drive_db": 1.0})]
    whole = turned(processor, audio, settings, 1800, 0)
    for block, frames in ((1, 1000), (17, 1800), (64, 1800)):
        processor.set(drive_db=12.0, cutoff_hz=4000.0)
        np.testing.assert_allclose(turned(processor, audio[:frames], settings, block, 1), whole[:frames], rtol=0, atol=1e-5)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_knob_set_before_the_first_block_was_always_there(engine, conditioned, signal):
    model, audio = conditioned(CONFIGS["lstm-16"]), signal[:1000]
    before, after, again, late = (processor_of(model, engine) for _ in range(4))
    before.set(drive_db=30)
    wanted = apply(before, audio, RATE, 100)

    def rest(processor):
        wet = audio[None].copy()
        for start in range(0, 1000, 100):
            part = np.ascontiguousarray(wet[:, start : start + 100])
            processor.process(part, part)
            wet[:, start : start + 100] = part
        return wet[0]

    after.prepare(RATE, 1, 100)
    after.set(drive_db=30)
    again.prepare(RATE, 1, 100)
    rest(again)
    again.reset()
    again.set(drive_db=30)
    late.prepare(RATE, 1, 100)
    rest(late)
    late.set(drive_db=30)
    late.reset()
    for processor in (after, again, late):
        np.testing.assert_array_equal(rest(processor), wanted)
        assert processor.values["drive_db"] == 30.0


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ["nano", "gru-16", "conv-first"])
def test_a_state_in_the_middle_of_a_move_is_a_value(name, engine, conditioned, signal):
    processor, block = processor_of(conditioned(CONFIGS[name]), engine), np.ascontiguousarray(signal[None, :100])
    processor.prepare(RATE, 1, 100)
    first, other, again = (np.empty_like(block) for _ in range(3))
    processor.process(block, first)
    processor.set(drive_db=33.0)
    processor.process(block, first)
    taken = processor.state()
    processor.process(block, other)
    processor.set(drive_db=2.0, bias=0.4)
    for _ in range(12):
        processor.process(block, again)
    processor.restore(taken)
    assert processor.values["drive_db"] == 33.0 and processor.values["bias"] == 0.0
    processor.process(block, again)
    assert np.array_equal(other, again) and not np.array_equal(first, other)


@pytest.mark.parametrize("engine", ENGINES)
def test_channels_hear_the_same_knobs(engine, conditioned, signal):
    stereo = np.stack((signal[:1000], signal[2000:3000]))
    for name in ("nano", "gru-16", "conv-first"):
        model = conditioned(CONFIGS[name])
        processor = processor_of(model, engine)
        processor.prepare(RATE, 2, 250)
        wet = np.empty_like(stereo)
        for start in range(0, 1000, 250):
            processor.set(drive_db=start / 50)
            part = np.ascontiguousarray(stereo[:, start : start + 250])
            processor.process(part, part)
            wet[:, start : start + 250] = part
        settings = [(start, {"drive_db": start / 50}) for start in range(0, 1000, 250)]
        for channel in range(2):
            processor.set(drive_db=12.0)
            alone = turned(processor, stereo[channel], settings, 250, 0)
            np.testing.assert_allclose(wet[channel], alone, rtol=0, atol=2e-6)


@pytest.mark.parametrize("engine", ENGINES)
def test_what_cannot_be_set_is_refused(engine, conditioned):
    processor = processor_of(conditioned(CONFIGS["nano"]), engine)
    assert [control.name for control in processor.controls] == ["drive_db", "cutoff_hz", "bias"]
    with pytest.raises(UsageError) as caught:
        processor.set(drive=3)
    assert "drive_db" in caught.value.hint
    with pytest.raises(UsageError) as caught:
        processor.set(drive_db=100)
    assert "0 .. 36 dB" in caught.value.hint
    assert processor.values == {"drive_db": 12.0, "cutoff_hz": 4000.0, "bias": 0.0}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ["nano", "gru-16"])
def test_cards_with_other_knobs_than_the_network_are_refused(name, engine, conditioned):
    model = conditioned(CONFIGS[name])
    for controls in ([], model.card["controls"][:2], [*model.card["controls"], model.card["controls"][0] | {"name": "x"}]):
        with pytest.raises(InputError, match="knobs"):
            processor_of(Model(model.config, model.weights, model.card | {"controls": controls}), engine)
    plain = {key: value for key, value in model.card.items() if key != "controls"}
    with pytest.raises(InputError, match="knobs"):
        processor_of(Model(model.config, model.weights, plain), engine)


def golden_of(model):
    dry = golden_input()
    return pack(dry, play(processor_of(model, "torch"), dry, RATE, [len(dry)]))


@pytest.fixture(scope="module")
def golden(conditioned):
    """`golden(name)`: the vector of that network."""
    return functools.cache(lambda name: golden_of(conditioned(CONFIGS[name])))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ["nano", "gated", "gru-16", "conv-first"])
def test_golden_vectors_hear_every_knob_turn(name, engine, conditioned, golden):
    model, vector = conditioned(CONFIGS[name]), golden(name)
    processor = processor_of(model, engine)
    processor.set(drive_db=3.0)
    prove(processor, vector, RATE, name)
    assert processor.values["drive_db"] == 3.0
    for i in range(3):
        stuck = {key: array.copy() for key, array in model.weights.items()}
        if "film.weight" in stuck:
            stuck["film.weight"][:, i] = 0
        else:
            first = "layers.0.weight_ih" if "layers.0.weight_ih" in stuck else "layers.0.weight"
            stuck[first][:, 1 + i] = 0
        with pytest.raises(InputError, match="golden"):
            prove(processor_of(Model(model.config, stuck, model.card), engine), vector, RATE, name)


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
@pytest.mark.parametrize("name", ["nano", "gru-16", "conv-first"])
def test_exports_of_every_precision_play_on_every_engine(name, precision, conditioned, tmp_path):
    model = rounded(conditioned(CONFIGS[name]), precision)
    path = tmp_path / "model.onnx"
    vector = golden_of(model)
    save_onnx(path, model, vector)
    dry, wet = unpack(vector)
    for engine in ENGINES:
        opened = open_processor(str(path), engine=engine)
        assert opened.processor.values == {"drive_db": 12.0, "cutoff_hz": 4000.0, "bias": 0.0}
        assert np.abs(play(opened.processor, dry, RATE, random_blocks(len(dry), 2048, 1)) - wet).max() <= TOLERANCE


def test_a_graph_with_other_knobs_than_its_card_is_refused(conditioned, tmp_path):
    import onnx

    model, other = conditioned(CONFIGS["nano"]), conditioned(CONFIGS["nano"], knobs=2)
    path = tmp_path / "model.onnx"
    save_onnx(path, model, golden_of(model))
    proto = onnx.load(path)
    entry = next(p for p in proto.metadata_props if p.key == "card")
    entry.value = json.dumps(other.card)
    path.write_bytes(proto.SerializeToString())
    for engine in ENGINES:
        with pytest.raises(InputError):
            open_processor(str(path), engine=engine)
