"""The file of an exported instrument: its graph, what the graph takes and gives in words, its card, and the proof of it all."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort

from fxlab.engines.golden import TOLERANCE, random_blocks
from fxlab.engines.onnx_engine import read_onnx
from fxlab.engines.onnx_guard import same_graph
from fxlab.errors import CheckError, InputError
from fxlab.models.model import Card, Model, config_of, kind_of
from fxlab.timbre.config import InstrumentConfig
from fxlab.timbre.frames import Features, hertz_of
from fxlab.timbre.instrument import checked_card
from fxlab.timbre.noise import taps_of
from fxlab.timbre.noise_kernel import white
from fxlab.timbre.onnx_instrument import AUDIO, inputs_of, instrument_graph, states_of
from fxlab.timbre.voice import Voice

_GOLDEN_SAMPLES = 8192
_HINT = "Export it again with `fxlab export`."
_WORDS = {
    "f0_hz": ("Hz", "fundamental frequency, above 0; held where there is no pitch"),
    "voiced": ("", "1 where there is a pitch, 0 where there is none"),
    "loudness_db": ("dB", "A-weighted level of full scale, -120 to 0"),
    "gains": ("", "linear gain of each cell, harmonics first; 1 for the grown instrument"),
    "noise": ("", "white noise of standard deviation 1, by any generator"),
    AUDIO: ("", "sound up to the last frame, one hop late"),
}
Inputs = dict[str, np.ndarray]


class Exported:
    """Plays an exported instrument as any program would; successive calls go on where the last one ended.

    Args:
        graph: The file's bytes.
        config: Of its card.

    Raises:
        InputError: ONNX Runtime can't load it, or it isn't what the card says.
    """

    def __init__(self, graph: bytes, config: InstrumentConfig) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        self.config = config
        try:
            self._session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises its own unrelated classes for a bad graph
            raise InputError(f"ONNX Runtime can't load this instrument ({type(error).__name__}).", _HINT) from None
        self._outputs = [output.name for output in self._session.get_outputs()]
        self.reset()
        wanted = inputs_of(config) | {name: array.shape for name, array in self._states.items()}
        if {one.name: tuple(one.shape) for one in self._session.get_inputs()} != wanted:
            raise InputError("The instrument's card describes another graph than its file holds.", _HINT)

    def reset(self) -> None:
        """Back to the beginning."""
        self._states = states_of(self.config)

    def play(self, inputs: Inputs) -> np.ndarray:
        """The next float32 (frames * hop,) of sound; see `onnx_instrument` for the inputs, all but the states."""
        found = dict(zip(self._outputs, self._session.run(None, {**inputs, **self._states}), strict=True))
        self._states = {name: found[f"next_{name}"] for name in self._states}
        return found[AUDIO][0]

    def play_all(self, inputs: Inputs, sizes: list[int]) -> np.ndarray:
        """From the beginning, in calls of so many frames."""
        self.reset()
        ends = np.cumsum(sizes)
        return np.concatenate([self.play(_part(inputs, end - size, end)) for size, end in zip(sizes, ends, strict=True)])


def save(path: Path, model: Model, frames: int) -> float:
    """Writes an instrument and proves it against its own player over so many frames, in random calls; the largest difference.

    Raises:
        CheckError: It differs by more than `TOLERANCE`.
    """
    config = model.config
    inputs, golden = performance(model, frames, 1), performance(model, 2 + _GOLDEN_SAMPLES // config.hop, 2)
    graph = instrument_graph(model)
    metadata = {"card": model.card, "io": described(config), "golden": packed({**golden, AUDIO: reference(model, golden, 2)})}
    for key, value in metadata.items():
        graph.metadata_props.add(key=key, value=json.dumps(value))
    path.write_bytes(graph.SerializeToString())
    exported, _ = load(path)
    error = float(np.max(np.abs(exported.play_all(inputs, random_blocks(frames, 16, 0)) - reference(model, inputs, 1))))
    if not error <= TOLERANCE:
        raise CheckError(f"The exported instrument differs from its own player by {error:.2g}.", "Please report this.")
    return error


def load(path: Path) -> tuple[Exported, Card]:
    """An exported instrument that has played its golden vector, and its card; raises `InputError` where it doesn't."""
    data, card, vector = read_onnx(path)
    if kind_of(card) != InstrumentConfig.kind:
        raise InputError(f"{path} is no exported instrument.", _HINT)
    config = config_of(card)
    checked_card(Model(config, {}, card), str(path))
    inputs, wanted = _golden(vector, config)
    if not same_graph(onnx.load_model_from_string(data), _any_graph(config, card)):
        raise InputError(f"The card of the instrument {path} describes another graph than its file holds.", _HINT)
    exported = Exported(data, config)
    sizes = random_blocks(inputs["f0_hz"].shape[1], 5, 1)
    error = float(np.max(np.abs(exported.play_all(inputs, sizes) - wanted)))
    if not error <= TOLERANCE:
        raise InputError(
            f"{path} does not play its own golden vector: it is off by {error:.2g}.",
            "The file is damaged, or this machine's runtime computes it wrongly; export it again.",
        )
    exported.reset()
    return exported, card


def _any_graph(config: InstrumentConfig, card: Card) -> onnx.ModelProto:
    """The graph of such an instrument with some weights or other."""
    weights = {name: np.zeros(shape, np.float32) for name, shape in config.weight_shapes().items()}
    return instrument_graph(Model(config, weights, card))


def _golden(vector: dict[str, Any], config: InstrumentConfig) -> tuple[Inputs, np.ndarray]:
    """What is to be played and how it sounds, in the shapes of the graph; raises `InputError` for anything else."""
    arrays = unpacked(vector)
    try:
        wanted = arrays.pop(AUDIO)
        sizes = {"F": len(wanted) // config.hop, "samples": len(wanted)}
        shapes = {name: [sizes.get(size, size) for size in shape] for name, shape in inputs_of(config).items()}
        if arrays.keys() != shapes.keys() or not sizes["F"]:
            raise ValueError
        return {name: arrays[name].reshape(shape) for name, shape in shapes.items()}, wanted
    except (KeyError, TypeError, ValueError):
        raise InputError("The instrument's golden vector doesn't fit its graph.", _HINT) from None


def described(config: InstrumentConfig) -> dict[str, Any]:
    """What a graph takes and gives: names, shapes, types, units, and how a caller goes about it."""

    def one(name: str, shape: tuple[int | str, ...]) -> dict[str, Any]:
        unit, text = _WORDS[name]
        return {"name": name, "shape": list(shape), "type": "float32", "unit": unit, "about": text}

    states = [
        {"name": n, "shape": list(a.shape), "type": a.dtype.name, "next": f"next_{n}"} for n, a in states_of(config).items()
    ]
    return {
        "sample_rate_hz": config.sample_rate_hz,
        "hop": config.hop,
        "frame_rate_hz": config.frame_rate_hz,
        "latency": config.hop,
        "about": "A call takes F frames and gives samples = F * hop; states begin as zeros, and each next_ is the next call's.",
        "inputs": [one(name, shape) for name, shape in inputs_of(config).items()],
        "states": states,
        "outputs": [one(AUDIO, (1, "samples"))],
    }


def performance(model: Model, frames: int, seed: int) -> Inputs:
    """A performance that goes everywhere: glides and leaps from deep to high, loud to silent, pitched or not, half grown."""
    config, rng = model.config, np.random.default_rng(seed)
    midi = np.clip(60 + np.cumsum(rng.normal(0, 1.5, frames)) + 24 * (rng.random(frames) < 0.05), 20, 110)
    values = {
        "f0_hz": hertz_of(midi),
        "voiced": rng.random(frames) < 0.8,
        "loudness_db": rng.uniform(-60, -10, frames) - 60 * (rng.random(frames) < 0.1),
        "gains": rng.random((frames, config.cells)),
        "noise": noise_of(config, frames, seed),
    }
    return {name: np.asarray(array, np.float32)[None] for name, array in values.items()}


def noise_of(config: InstrumentConfig, frames: int, seed: int) -> np.ndarray:
    """What `noise` must be for the graph to play the noise of a `Voice` with that seed."""
    reach = taps_of(config, config.sample_rate_hz) - 1
    noise = np.empty(frames * config.hop, np.float32)
    white(seed, reach - config.hop, noise)
    return noise


def reference(model: Model, inputs: Inputs, seed: int) -> np.ndarray:
    """What `Voice` plays of a `performance` of that seed, as late as the graph."""
    config = model.config
    f0_hz, voiced, loudness, gains = (inputs[name][0] for name in ("f0_hz", "voiced", "loudness_db", "gains"))
    parts = Voice(model, config.sample_rate_hz, seed).play(Features(f0_hz, voiced, loudness, config.frame_rate_hz), gains)
    return np.concatenate([np.zeros(config.hop, np.float32), sum(parts)])


def _part(inputs: Inputs, start: int, end: int) -> Inputs:
    hop = inputs["noise"].shape[1] // inputs["f0_hz"].shape[1]
    cut = {name: array[:, start:end] for name, array in inputs.items() if name != "noise"}
    return cut | {"noise": inputs["noise"][:, start * hop : end * hop]}


def packed(arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Arrays as text, with their hash."""
    raw = {name: np.ascontiguousarray(array, "<f4").tobytes() for name, array in arrays.items()}
    whole = hashlib.sha256(b"".join(raw[name] for name in sorted(raw))).hexdigest()
    return {"arrays": {name: base64.b64encode(data).decode() for name, data in raw.items()}, "sha256": whole}


def unpacked(vector: dict[str, Any]) -> dict[str, np.ndarray]:
    """The arrays of `packed`, flat; raises `InputError` when they are not whole."""
    try:
        raw = {str(name): base64.b64decode(text, validate=True) for name, text in vector["arrays"].items()}
        if hashlib.sha256(b"".join(raw[name] for name in sorted(raw))).hexdigest() != vector["sha256"]:
            raise ValueError
        return {name: np.frombuffer(data, "<f4") for name, data in raw.items()}
    except (AttributeError, KeyError, TypeError, ValueError):
        raise InputError("The instrument's golden vector is damaged.", _HINT) from None
