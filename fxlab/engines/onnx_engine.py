"""Networks run by ONNX Runtime, with every buffer bound once."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort

from fxlab.engines.golden import prove
from fxlab.engines.network import NetworkProcessor
from fxlab.engines.onnx_graph import AUDIO_IN, AUDIO_OUT, CONTROLS, NEXT, TAIL, model_of, streaming_graph
from fxlab.engines.onnx_guard import ends_of, require_plain
from fxlab.errors import InputError, MissingError
from fxlab.models.model import Card, Model, is_foreign
from fxlab.models.precision import precision_of

_HINT = "A model is an .onnx file that `fxlab export` wrote."
_MAX_BYTES = 512 << 20
_FLOAT = "tensor(float)"
_TYPES = {_FLOAT: np.float32, "tensor(double)": np.float64}


class OnnxProcessor(NetworkProcessor):
    """Runs a streaming graph (see `onnx_graph`) on the CPU.

    Two sets of states take turns as input and output, so no state is copied; a binding is made the first time a block size
    occurs, while knobs stand and while they move, and kept.
    """

    def __init__(self, model: bytes, card: Card, threads: int = 1) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = threads
        options.log_severity_level = 4
        self.session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        super().__init__(card, *_state_shapes(self.session), _tail(self.session))
        self._types = {i.name: _TYPES[i.type] for i in self.session.get_inputs()}

    def _allocate(self) -> None:
        super()._allocate()
        self._state = {name: array.astype(self._types[name]) for name, array in self._state.items()}
        self._sets = (self._state, {name: np.zeros_like(array) for name, array in self._state.items()})
        self._turn = 0
        self._wet = np.zeros_like(self._dry)
        self._controls = np.zeros(self.channels * len(self.controls) * self.max_block, np.float32)
        self._bindings: dict[tuple[int, int, int], ort.IOBinding] = {}

    def _binding(self, n: int, moving: int) -> ort.IOBinding:
        """For blocks of `n` frames, with knobs' places for `moving` frames."""
        key = n, moving, self._turn
        binding = self._bindings.get(key)
        if binding is None:
            binding = self.session.io_binding()
            past, following = self._sets[self._turn], self._sets[1 - self._turn]
            binding.bind_input(AUDIO_IN, "cpu", 0, np.float32, (self.channels, 1, n), self._dry.ctypes.data)
            binding.bind_output(AUDIO_OUT, "cpu", 0, np.float32, (self.channels, 1, n), self._wet.ctypes.data)
            if self.controls:
                shape = self.channels, len(self.controls), moving
                binding.bind_input(CONTROLS, "cpu", 0, np.float32, shape, self._controls.ctypes.data)
            for name in self.state_shapes:
                array, other = past[name], following[name]
                binding.bind_input(name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)
                binding.bind_output(NEXT + name, "cpu", 0, other.dtype, other.shape, other.ctypes.data)
            self._bindings[key] = binding
        return binding

    def _infer(self, dry: np.ndarray, out: np.ndarray, controls: np.ndarray | None) -> None:
        moving = 0
        if controls is not None:
            moving = controls.shape[1]
            np.copyto(self._controls[: self.channels * controls.size].reshape(self.channels, *controls.shape), controls)
        self.session.run_with_iobinding(self._binding(dry.shape[1], moving))
        self._turn = 1 - self._turn
        self._state = self._sets[self._turn]
        np.copyto(out, self._wet[: dry.size].reshape(dry.shape))


def onnx_processor(model: Model, threads: int = 1) -> OnnxProcessor:
    """A processor that runs a network's streaming graph, made in memory."""
    return OnnxProcessor(streaming_graph(model.config, model.weights).SerializeToString(), model.card, threads)


def load_onnx(path: Path, threads: int = 1) -> tuple[OnnxProcessor, Card]:
    """The processor and the card of an exported model, its golden vector replayed.

    What runs is the graph that fxlab writes for the file's weights, never the file's own, which could be any program.

    Raises:
        InputError: Not a file, not an fxlab model, damaged, or not playing its golden vector.
    """
    data, card, vector = read_onnx(path)
    try:
        model = model_of(data, card, str(path))
        graph = streaming_graph(model.config, model.weights, precision_of(card))
        if ends_of(graph) != ends_of(onnx.load_model_from_string(data)):
            raise InputError(f"The card of {path} describes another network than its graph.", _HINT)
        processor = OnnxProcessor(graph.SerializeToString(), card, threads)
    except InputError:
        raise
    except Exception as error:  # onnxruntime raises its own unrelated classes for a bad graph
        raise InputError(f"{path} is not a model that ONNX Runtime can load ({type(error).__name__}).", _HINT) from None
    prove(processor, vector, processor.native_rate_hz, str(path))
    return processor, card


def save_onnx(path: Path, model: Model, golden: dict[str, str]) -> None:
    """Writes a model, its weights in the precision that its card states, with its card and golden vector."""
    graph = streaming_graph(model.config, model.weights, precision_of(model.card))
    for key, value in (("card", model.card), ("golden", golden)):
        graph.metadata_props.add(key=key, value=json.dumps(value))
    path.write_bytes(graph.SerializeToString())


def read_onnx(path: Path) -> tuple[bytes, Card, dict[str, str]]:
    """An exported model's bytes, card and golden vector, unproven; raises `InputError` where that isn't what the file holds.

    A file that holds more than `onnx_guard.require_plain` lets pass is refused.
    """
    if not path.is_file():
        raise InputError(f"{path} is not a file.", _HINT)
    if path.stat().st_size > _MAX_BYTES:
        raise InputError(f"{path} is larger than any model fxlab exports.", _HINT)
    data = path.read_bytes()
    try:
        model = onnx.load_model_from_string(data)
        metadata = {entry.key: entry.value for entry in model.metadata_props}
        card, vector = json.loads(metadata["card"]), json.loads(metadata["golden"])
        if not (isinstance(card, dict) and isinstance(vector, dict)):
            raise ValueError
        require_plain(model, traced=is_foreign(card))
    except MissingError:
        raise
    except (KeyError, ValueError):
        raise InputError(f"{path} is an ONNX file, but not one that fxlab exported.", _HINT) from None
    except Exception as error:  # protobuf's classes for a file that is no ONNX at all
        raise InputError(f"{path} is not a model that ONNX Runtime can load ({type(error).__name__}).", _HINT) from None
    return data, card, vector


def _tail(session: ort.InferenceSession) -> int | None:
    """What the graph says of its tail, None where it says nothing."""
    said = session.get_modelmeta().custom_metadata_map.get(TAIL)
    if said is None or (said.isdecimal() and len(said) < 10):
        return said and int(said)
    raise InputError("The model's tail can't be understood.", _HINT)


def _state_shapes(session: ort.InferenceSession) -> tuple[dict[str, tuple[int, int]], int]:
    """Of a streaming graph: the shapes of the states, and the number of knobs."""
    inputs, outputs = ({one.name: one for one in given} for given in (session.get_inputs(), session.get_outputs()))
    shapes = {name: tuple(one.shape[1:]) for name, one in inputs.items()}
    audio, controls = shapes.pop(AUDIO_IN, None), shapes.pop(CONTROLS, (0, ""))
    sane = all(len(shape) == 2 and all(isinstance(n, int) and 0 <= n <= 1 << 20 for n in shape) for shape in shapes.values())
    sane = sane and audio is not None and len(controls) == 2 and isinstance(controls[0], int)
    sane = sane and outputs.keys() == {AUDIO_OUT, *(NEXT + name for name in shapes)}
    sane = sane and all(inputs[name].type == outputs[NEXT + name].type in _TYPES for name in shapes)
    sane = sane and {one.type for name, one in (inputs | outputs).items() if name in (AUDIO_IN, CONTROLS, AUDIO_OUT)} == {_FLOAT}
    if not sane:
        raise InputError("The model's inputs and outputs are not those of a streaming fxlab model.", _HINT)
    return shapes, controls[0]
