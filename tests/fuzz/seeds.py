"""Small valid files of every kind that fxlab reads, made by its own writers."""

from __future__ import annotations

import dataclasses
import functools
import io
import json
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from fxlab.audio.files import Writer
from fxlab.audio.float_wav import FloatWav
from fxlab.effects.params import Param
from fxlab.engines.golden import golden_input, pack, play
from fxlab.engines.loader import processor_of
from fxlab.engines.onnx_engine import save_onnx
from fxlab.formats.nam import nam_json
from fxlab.formats.rtneural import rtneural_json
from fxlab.mastering.chain import Chain, Peak
from fxlab.mastering.config import MasterConfig
from fxlab.models import checkpoint_file
from fxlab.models.ace_config import AceConfig
from fxlab.models.controls import Control
from fxlab.models.model import CARD_FORMAT, Config, Model, describe
from fxlab.models.stack_config import LayerConfig, StackConfig
from fxlab.models.tcn_config import ArrayConfig, TCNConfig
from fxlab.timbre.config import InstrumentConfig

RATE_HZ = 8000
TCN = TCNConfig((ArrayConfig(2, 1, (1, 2), (2,), head_bias=True),))
GATED = TCNConfig((ArrayConfig(2, 2, (1, 4), (3,)), ArrayConfig(2, 1, (1,), (2,), head_bias=True, gated=True)))
LSTM = StackConfig((LayerConfig("lstm", 1, 2), LayerConfig("dense", 2, 1)), warm_up=64)
GRU = StackConfig((LayerConfig("gru", 1, 2), LayerConfig("dense", 2, 1)), warm_up=64)
FIR = StackConfig((LayerConfig("conv1d", 1, 1, kernel_size=4),))
NETWORKS = (TCN, GATED, LSTM, GRU, FIR)
INSTRUMENT = InstrumentConfig(
    sample_rate_hz=RATE_HZ,
    hop=64,
    harmonics=4,
    bands=3,
    mfcc=0,
    hidden=3,
    layers=1,
    dense=3,
    automaton="grown",
    channels=4,
    cell_hidden=4,
)
MASTER = MasterConfig(
    **{"stem": (2,), "stem_kernel": 3, "blocks": (2,), "dilations": (1,), "latent": 2, "hidden": 2, "residual": (2, 2)},
    **{"residual_kernel": 3, "abstain": True},
)


def noise(frames: int = 64, channels: int = 1) -> np.ndarray:
    """float32 (channels, frames)."""
    return np.random.default_rng(frames).uniform(-0.5, 0.5, (channels, frames)).astype(np.float32)


def audio(container: str, subtype: str, channels: int = 1, frames: int = 64) -> bytes:
    """A file in a container that fxlab reads, though it may not write it."""
    file = io.BytesIO()
    soundfile.write(file, noise(frames, channels).T, RATE_HZ, subtype, format=container)
    return file.getvalue()


def written(suffix: str, subtype: str, channels: int = 1, tags: bool = False) -> bytes:
    """A file as `fxlab render` writes it."""
    told = {name: f"{name} of it" for name in ("title", "artist", "date", "comment", "tracknumber")} if tags else {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"it{suffix}"
        with Writer(path, RATE_HZ, channels, subtype, tags=told) as writer:
            writer.write(noise(channels=channels))
        return path.read_bytes()


def float_wav() -> bytes:
    """A file as `fxlab dataset` writes it."""
    file = io.BytesIO()
    writer = FloatWav(file, RATE_HZ)
    writer.write(noise()[0])
    writer.finish()
    return file.getvalue()


@functools.cache
def model(config: Config, knobs: int = 0) -> Model:
    """A network of random weights that copies an effect, at one setting or with knobs."""
    config = config.with_controls(knobs) if knobs else config
    rng = np.random.default_rng(0)
    weights = {name: np.asarray(rng.uniform(-0.5, 0.5, shape), np.float32) for name, shape in config.weight_shapes().items()}
    for name, array in weights.items():
        if name.endswith("running_var"):
            np.abs(array, out=array)
    controls = [Control(Param("drive_db", 12.0, 0.0, 36.0, "dB", "", "db"), 0, "drive_db")][:knobs]
    card = {
        **{"format": CARD_FORMAT, "model": describe(config), "sample_rate_hz": getattr(config, "sample_rate_hz", RATE_HZ)},
        **{"latency": 0, "receptive_field": getattr(config, "receptive_field", 1), "licence": "CC0", "metrics": {"esr": 0.1}},
        "effect": [{"name": "saturator", "engine": "numba", "parameters": {"drive_db": 12.0, "oversample": 4}}],
        **({"controls": [one.to_json() for one in controls]} if controls else {}),
    }
    return Model(config, weights, card)


def golden(of: Model) -> dict[str, str]:
    """A short golden vector."""
    dry, processor = golden_input(32), processor_of(of, "fused")
    return pack(dry, play(processor, dry, processor.native_rate_hz, [32]))


@functools.cache
def instrument() -> Model:
    """An instrument that was never taught to play."""
    made = model(INSTRUMENT)
    features = {
        **{"tracker": "swift-f0 0.3.0", "sample_rate_hz": RATE_HZ, "hop": INSTRUMENT.hop},
        **{"loudness": {"mean": -30.0, "spread": 10.0}, "range_midi": [50.0, 74.0], "loudness_range_db": [-50.0, -15.0]},
    }
    phrase = {"midi": [57.0] * 4, "voiced": [1.0] * 4, "loudness_db": [-22.0, -22.0, -30.0, -90.0]}
    return Model(made.config, made.weights, made.card | {"features": features, "phrase": phrase})


def checkpoint(of: Model, record: dict | None = None) -> bytes:
    """A checkpoint as `fxlab train` writes it."""
    return _file(lambda path: checkpoint_file.write(path, of.weights, of.card, {"0.step": np.ones(1, np.float32)}, record))


def onnx(config: Config, knobs: int = 0) -> bytes:
    """A network as `fxlab export` writes it."""
    return _file(lambda path: save_onnx(path, model(config, knobs), golden(model(config, knobs))))


def nam(config: Config) -> bytes:
    """A `.nam` file as `fxlab export` writes it."""
    return nam_json(model(config), golden(model(config))).encode()


def rtneural(config: Config) -> bytes:
    """RTNeural's JSON as `fxlab export` writes it."""
    return rtneural_json(model(config), golden(model(config))).encode()


def foreign(document: bytes) -> bytes:
    """The same without what fxlab puts beside the network."""
    return json.dumps({key: value for key, value in json.loads(document).items() if key != "fxlab"}).encode()


def exported_instrument() -> bytes:
    """An instrument as `fxlab export` writes it, with a shorter golden vector."""
    from fxlab.timbre import exported
    from fxlab.timbre.onnx_instrument import AUDIO, instrument_graph

    graph, inputs = instrument_graph(instrument()), exported.performance(instrument(), 4, 2)
    vector = exported.packed({**inputs, AUDIO: exported.reference(instrument(), inputs, 2)})
    for key, value in {"card": instrument().card, "golden": vector}.items():
        graph.metadata_props.add(key=key, value=json.dumps(value))
    return graph.SerializeToString()


def chain() -> bytes:
    """A chain as `fxlab master --save-chain` writes it."""
    whole = Chain(
        (Peak(100.0, 2.0, 1.0), Peak(3000.0, -1.5, 0.7)),
        {"low_shelf_db": 1.0},
        {"ratio": 2.0, "threshold_db": -20.0},
        {"width": 1.2},
        {"gain_db": 3.0, "ceiling_db": -1.0},
    )
    return _file(lambda path: whole.save(path, {"song": "a"}))


def ace() -> Model:
    """A trained ACE, as small as can be."""
    return model(AceConfig(RATE_HZ, 16))


def _file(write) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "it"
        write(path)
        return path.read_bytes()


def header() -> dict:
    """Of a dataset."""
    from fxlab.settings import DatasetSettings

    controls = [Control(Param("drive_db", 12.0, 0.0, 36.0, "dB", "", "db"), 0, "drive_db").to_json()]
    settings = dataclasses.asdict(DatasetSettings())
    sources, effects = [{"source": "a.wav", "sha256": "a" * 64}], [model(TCN).card["effect"][0] | {"definition": "b" * 64}]
    return {
        "fxlab_dataset": 1,
        "settings": settings,
        "sample_rate_hz": RATE_HZ,
        "versions": {},
        "controls": controls,
        "sources": sources,
        "effects": effects,
    }


def manifest() -> bytes:
    """Of a dataset whose recordings are those of `pairs`."""
    from fxlab.hashing import file_sha256

    with tempfile.TemporaryDirectory() as folder:
        pairs(Path(folder))
        rows = []
        for number, split in enumerate(("train", "validation", "test")):
            name = f"{number:020x}"
            row = {"id": name, "split": split, "source": "a.wav", "source_sha256": "a" * 64, "start_frame": 0, "frames": 64}
            row |= {
                "level_db": 0.0,
                "effect": model(TCN).card["effect"],
                "parameters": {"drive_db": 3.0},
                "latency": 0,
                "lead": 2,
            }
            for key in ("input", "target"):
                row[key] = f"pairs/{name}.{key}.wav"
                row[f"{key}_sha256"] = file_sha256(Path(folder) / row[key])
            rows.append(row)
    return b"".join(json.dumps(one).encode() + b"\n" for one in (header(), *rows))


def pairs(folder: Path) -> None:
    """The recordings of `manifest`."""
    (folder / "pairs").mkdir()
    for number in range(3):
        for key in ("input", "target"):
            (folder / "pairs" / f"{number:020x}.{key}.wav").write_bytes(float_wav())


def profiles() -> list[bytes]:
    """Some that come with fxlab, and one that has everything."""
    from fxlab.profiles import available

    found = [info.path.read_bytes() for info in available() if info.origin == "packaged"]
    whole = b"""description = "All of it"  # not much
[[effects]]
name = "saturator"
engine = "numba"
[effects.set]
drive_db = 18
"oversample" = 4
[[effects]]
name = "eq"
set = { peak1_hz = 1e3, peak1_db = -2.5 }
[train]
epochs = 3
[bench]
buffers = [64,
  128]
[[dataset.pairs]]
dry = 'a.wav'
wet = '''b.wav'''
knobs = { gain = 50 }
[[dataset.knobs]]
name = "gain"
low = 0
high = 100
default = 50
[dataset]
levels_db = [0.0, -12]
"""
    return [whole.replace(b"[dataset]\nlevels_db = [0.0, -12]\n", b""), *sorted(found, key=len)[:6]]


def latencies() -> bytes:
    """Measured round trips."""
    row = {"input": "it", "output": "it", "sample_rate_hz": 48_000, "buffer": 64, "seconds": 0.01}
    return json.dumps([row, row | {"buffer": 128}]).encode()


def features() -> bytes:
    """What is kept of a recording that an instrument learns from."""
    from fxlab.timbre.cache import store
    from fxlab.timbre.frames import Features

    values = np.ones(8, np.float32)
    return _file(lambda path: store(path, Features(220 * values, values, -20 * values, 43.07)))


def automaton() -> bytes:
    """An interrupted training of an automaton."""
    from safetensors.numpy import save

    about = {"record": json.dumps({"losses": [1.0, 0.5], "norms": [1.0, 1.0]}), "taught": "it", "iterations": "100"}
    return save({"weights.a": np.ones((2, 2), np.float32)}, about)


def pitches() -> list[bytes]:
    """Tables of pitch."""
    rows = "".join(f"{number / 100:.3f},{220 + number:.1f},0.98\n" for number in range(20))
    return [
        ("time_s,f0_hz,confidence\n" + rows).encode(),
        b"# by ear\n\n0.0;220\n0.01;nan\n0.02;0\n0.03\t221.5\n0.04;223;0.5;9\n",
    ]


def midi() -> list[bytes]:
    """Standard MIDI files: notes, a pedal, a bent note, tempi; of one track and of two."""
    import mido

    found = []
    for kind in (0, 1):
        file = mido.MidiFile(type=kind, ticks_per_beat=96)
        for channel in range(kind + 1):
            track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=400_000)])
            for note in (60, 64):
                track.append(mido.Message("control_change", control=64, value=127 * (note == 60), channel=channel))
                track.append(mido.Message("note_on", note=note, velocity=80, time=10, channel=channel))
                track.append(mido.Message("pitchwheel", pitch=2000, time=20, channel=channel))
                track.append(mido.Message("note_off", note=note, time=60, channel=channel))
            track.append(mido.MetaMessage("end_of_track"))
            file.tracks.append(track)
        data = io.BytesIO()
        file.save(file=data)
        found.append(data.getvalue())
    return found
