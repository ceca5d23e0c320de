"""Every place at which fxlab takes in what somebody else may have written: `TARGETS`, by name.

`run(data, folder)` hands an input to the functions that the verbs hand it to; only fxlab's own errors of the right kind may come
out, and nothing but the input may lie in the folder afterwards.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fxlab import profiles
from fxlab.audio.files import Reader, Writer
from fxlab.durations import parse_duration
from fxlab.effects.convolver import impulse
from fxlab.engines.loader import parameters_of, processor_of, read_model
from fxlab.errors import FxlabError, InputError, OutputError, UsageError
from fxlab.mastering.chain import Amounts
from fxlab.mastering.chain import load as load_chain
from fxlab.models.model import Model
from fxlab.settings import EffectSettings, Profile
from fxlab.timbre import lanes
from tests.fuzz import seeds
from tests.fuzz.containers import chunks, protobuf, tensors
from tests.fuzz.mutation import Form, json_lines, json_value, lines, raw, words
from tests.fuzz.watch import Watch

_BLOCK = 64


@dataclass(frozen=True)
class Target:
    """What is fed.

    Args:
        name: As on the command line of the campaign.
        seeds: Gives valid inputs.
        run: Takes an input, and the folder that it may use.
        forms: How inputs are changed.
        kinds: Errors that are right.
        prepare: Puts into the folder what an input needs beside it.
        some: How many inputs the test suite tries.
    """

    name: str
    seeds: Callable[[], Sequence[bytes]]
    run: Callable[[bytes, Path], object]
    forms: tuple[Form, ...]
    kinds: tuple[type[FxlabError], ...] = (InputError,)
    prepare: Callable[[Path], object] = lambda folder: None
    some: int = 2000


def _text(take: Callable[[str], object]) -> Callable[[bytes, Path], object]:
    """What the command line gives of an argument: its bytes that are no text become halves of characters."""
    return lambda data, folder: take(data.decode("utf-8", "surrogateescape"))


def _file(name: str, take: Callable[[Path], object]) -> Callable[[bytes, Path], object]:
    """The input as a file that is gone afterwards."""

    def run(data: bytes, folder: Path) -> object:
        path = folder / name
        path.write_bytes(data)
        try:
            return take(path)
        finally:
            path.unlink()

    return run


def _heard(path: Path) -> None:
    with Reader(path) as reader:
        for block in reader.blocks():
            assert np.isfinite(block).all()


def _copied(path: Path) -> None:
    """Read with all its tags and written again, as `fxlab render` does."""
    copy = path.with_name("copy.wav")
    try:
        with Reader(path) as reader:
            info = reader.info
            with Writer(
                copy, info.sample_rate_hz, info.channels, "PCM_16", tags=info.tags, channel_map=info.channel_map
            ) as writer:
                for block in reader.blocks():
                    writer.write(block)
    finally:
        copy.unlink(missing_ok=True)


def _convolved(path: Path) -> None:
    found = impulse.load(str(path), 0.1)
    normalize = ("none", "peak", "energy")[found.audio.shape[1] % 3]
    assert np.isfinite(impulse.taps(found, 48_000, 0.0, normalize, 1.0)).all()


def _profile(path: Path) -> None:
    reading = profiles.read(path)
    for problem in reading.problems:
        str(problem)
    profiles.load(path)


def _chain(path: Path) -> None:
    found = load_chain(path)
    for amount in (0.0, 0.5, 1.0):
        for stage in found.scaled(Amounts(amount, amount, amount, amount)).stages():
            from fxlab.effects.registry import effect

            effect(stage.name).resolve(stage.set)


def _played(path: Path) -> None:
    """A model as it is opened and prepared, but for the proof of its golden vector, which would refuse what else may be wrong."""
    name = str(path)
    parameters_of(name)
    _plays(read_model(path)[0])


def _plays(model: Model) -> None:
    if getattr(model.config, "receptive_field", 0) * getattr(model.config, "macs_per_sample", 0) > 1 << 28:
        return  # a large network, not a hostile one: what it costs is in its file
    processor = processor_of(model, "fused")
    processor.prepare(processor.native_rate_hz or 48_000, 1, _BLOCK)
    processor.process(seeds.noise(_BLOCK), np.empty((1, _BLOCK), np.float32))


def _by_onnxruntime(path: Path) -> None:
    from fxlab.engines.onnx_engine import load_onnx

    parameters_of(str(path))
    load_onnx(path)


def _exported(path: Path) -> None:
    from fxlab.timbre.exported import load

    load(path)


def _instrument(path: Path) -> None:
    from fxlab.timbre.growth import grow  # noqa: F401 - loads what opening an instrument needs
    from fxlab.timbre.instrument import read_instrument
    from fxlab.timbre.player import Player
    from fxlab.timbre.processor import as_effect, steady_note

    read = read_instrument(path)
    as_effect(read)
    if read.config.parameters_count < 1 << 16:
        Player(read).play(steady_note(read, 2))


def _advised(path: Path) -> None:
    from fxlab.mastering.advice import _loaded

    _loaded(path)


def _features(path: Path) -> None:
    from fxlab.timbre.cache import load

    load(path)


def _automaton(path: Path) -> None:
    from fxlab.services.train.automaton import _restored

    found, planned = _restored(path, "it")
    assert type(planned) is int and (found is None or isinstance(found[1], dict))


def _pitches(path: Path) -> None:
    from fxlab.timbre.table import read_csv

    read_csv(path)


def _notes(path: Path) -> None:
    from fxlab.timbre.midi_file import read_midi

    for note in read_midi(path):
        assert 0 <= note.start_s < note.end_s <= 3600


def _dataset(path: Path) -> None:
    from fxlab.training.manifest import Manifest

    found = Manifest.load(path.parent)
    for split in ("train", "validation", "test"):
        found.pairs(split)
    found.verify()


def _journal(path: Path) -> None:
    from fxlab.services.dataset.state import differences, read_journal

    found = read_journal(path.parent)
    if found is not None:
        differences(found.header, seeds.header())


def _latencies(data: bytes, folder: Path) -> None:
    import os

    from fxlab.services.live.remembered import remembered, round_trip_s

    os.environ["XDG_CACHE_HOME"] = str(folder)
    (folder / "fxlab").mkdir(exist_ok=True)
    _file("fxlab/latency.json", lambda path: round_trip_s(remembered(), "it"))(data, folder)


def _settings(text: str) -> None:
    from fxlab.commands.dataset import _assigned
    from fxlab.commands.options import effects_from

    chain = ["saturator", "compressor"]
    for stage in effects_from(Profile(), chain, [text]):
        assert isinstance(stage, EffectSettings)
    for option, sign in (("--grid", ","), ("--random", ":")):
        _assigned(option, text, sign)


def _age(text: str) -> None:
    for reverse in (False, True):
        assert np.isfinite(lanes.parse_age(text).curve(50, 10.0, reverse=reverse)).all()


def _damage(text: str) -> None:
    lanes.damage_frames(lanes.parse_damage(text), 50, 10.0, 30, 20)


def _gate(text: str) -> None:
    from fxlab.services.bench.gate import check_gates, parse_gate

    cell = {"effect": "tcn", "engine": "onnx", "buffer": 64, "deadline": 1e-3, "blocks": 9, "neural": True, "p99": 1e-4}
    check_gates([parse_gate(text)], [cell])


def _mapped(text: str) -> None:
    from fxlab.services.live.midi import parse_map

    parse_map(text, ("drive_db", "cutoff_hz"))


def _of(*texts: str) -> Callable[[], list[bytes]]:
    return lambda: [text.encode() for text in texts]


def _audio(name: str, suffix: str, made: Callable[[], list[bytes]], *forms: Form) -> Target:
    return Target(f"audio-{name}", made, _file(f"it{suffix}", _heard), (raw, raw, *forms))


_TEXT, _MODEL = (words, words, raw), (json_value, json_value, json_value, words, raw)
_CHECKPOINT = (tensors("card", "card", "record"),) * 4 + (raw,)
_ONNX = (protobuf, protobuf, protobuf, raw)

TARGETS = {
    target.name: target
    for target in (
        _audio(
            "wav",
            ".wav",
            lambda: [seeds.written(".wav", "PCM_16", 2, True), seeds.float_wav(), seeds.audio("WAVEX", "PCM_24", 3)],
            chunks,
        ),
        _audio("rf64", ".wav", lambda: [seeds.audio("RF64", "PCM_16"), seeds.audio("W64", "FLOAT")], chunks),
        _audio(
            "aiff",
            ".aiff",
            lambda: [seeds.audio("AIFF", "PCM_16", 2), seeds.audio("CAF", "PCM_24"), seeds.audio("AU", "FLOAT")],
            chunks,
        ),
        _audio("flac", ".flac", lambda: [seeds.written(".flac", "PCM_16", 2, True), seeds.written(".flac", "PCM_24")]),
        _audio("ogg", ".ogg", lambda: [seeds.written(".ogg", "VORBIS", 1, True)]),
        _audio("opus", ".opus", lambda: [seeds.audio("OGG", "OPUS")]),
        _audio("mp3", ".mp3", lambda: [seeds.audio("MP3", "MPEG_LAYER_III", 2, 2000)]),
        Target(
            "audio-tags",
            lambda: [seeds.written(".wav", "PCM_16", 2, True), seeds.written(".flac", "PCM_16", 1, True)],
            _file("it.wav", _copied),
            (raw, chunks, words),
            (InputError, UsageError, OutputError),
        ),
        Target(
            "impulse", lambda: [seeds.written(".wav", "PCM_16", 2), seeds.float_wav()], _file("it.wav", _convolved), (raw, chunks)
        ),
        Target("profile", seeds.profiles, _file("it.toml", _profile), (words, words, lines, raw), (UsageError,)),
        Target("chain", lambda: [seeds.chain()], _file("it.json", _chain), _MODEL),
        Target(
            "manifest",
            lambda: [seeds.manifest()],
            _file("manifest.jsonl", _dataset),
            (json_lines,) * 3 + (lines, raw),
            prepare=seeds.pairs,
        ),
        Target("journal", lambda: [seeds.manifest()], _file("pairs.partial.jsonl", _journal), (json_lines,) * 3 + (lines, raw)),
        Target("latencies", lambda: [seeds.latencies()], _latencies, _MODEL),
        Target(
            "nam",
            lambda: [
                make(seeds.nam(config))
                for config in (seeds.TCN, seeds.GATED, seeds.LSTM, seeds.FIR)
                for make in (bytes, seeds.foreign)
            ],
            _file("it.nam", _played),
            _MODEL,
        ),
        Target(
            "rtneural",
            lambda: [
                make(seeds.rtneural(config)) for config in (seeds.LSTM, seeds.GRU, seeds.FIR) for make in (bytes, seeds.foreign)
            ],
            _file("it.json", _played),
            _MODEL,
        ),
        Target(
            "checkpoint",
            lambda: (
                [seeds.checkpoint(seeds.model(config, int(config is not seeds.FIR))) for config in seeds.NETWORKS]
                + [seeds.checkpoint(seeds.ace())]
            ),
            _file("it.safetensors", _played),
            _CHECKPOINT,
            (InputError, UsageError),
        ),
        Target("instrument", lambda: [seeds.checkpoint(seeds.instrument())], _file("it.safetensors", _instrument), _CHECKPOINT),
        Target("master", lambda: [seeds.checkpoint(seeds.model(seeds.MASTER))], _file("it.safetensors", _advised), _CHECKPOINT),
        Target("features", lambda: [seeds.features()], _file("it.safetensors", _features), (tensors(), tensors(), raw)),
        Target("automaton", lambda: [seeds.automaton()], _file("it.safetensors", _automaton), (tensors("record"), raw)),
        Target(
            "onnx",
            lambda: [seeds.onnx(config, knobs) for config in (seeds.TCN, seeds.GRU, seeds.LSTM) for knobs in (0, 1)],
            _file("it.onnx", _by_onnxruntime),
            _ONNX,
            (InputError, UsageError),
        ),
        Target("onnx-instrument", lambda: [seeds.exported_instrument()], _file("it.onnx", _exported), _ONNX, some=300),
        Target("pitches", seeds.pitches, _file("it.csv", _pitches), (words, lines, raw)),
        Target("midi", seeds.midi, _file("it.mid", _notes), (raw, raw, chunks)),
        Target(
            "duration",
            _of("1h30min", "2:30", "1:02:03.5", "90s", "1.5", "3min 2s 5ms"),
            _text(parse_duration),
            _TEXT,
            (UsageError,),
        ),
        Target("age", _of("0:0,4:1", "0%:0,50%:1.5,100%:4", "1:30:0.5,2min:1", "0:1"), _text(_age), _TEXT, (UsageError,)),
        Target("damage", _of("10:30@3s", "n5:n20@50%,1@1", "1:8,n1:n8@4s", "2@100%"), _text(_damage), _TEXT, (UsageError,)),
        Target(
            "gate",
            _of("p99<0.5*deadline", "tcn/onnx:esr<0.1%", "engine=onnx,buffer=64:max<1ms", "misses<1%"),
            _text(_gate),
            _TEXT,
            (UsageError,),
        ),
        Target(
            "set",
            _of("drive_db=12", "saturator.drive_db=1e1", "2.ratio=4", "oversample=8", "bias=-0.5"),
            _text(_settings),
            _TEXT,
            (UsageError,),
        ),
        Target("midi-map", _of("74=cutoff_hz, 71=drive_db", "1=bypass"), _text(_mapped), _TEXT, (UsageError,)),
    )
}


@functools.cache
def seeds_of(name: str) -> tuple[bytes, ...]:
    """A target's valid inputs, made once."""
    return tuple(TARGETS[name].seeds())


def watch_of(name: str) -> Watch:
    """What tries inputs on a target."""
    target = TARGETS[name]
    return Watch(target.run, target.kinds, target.prepare, seeds_of(name))
