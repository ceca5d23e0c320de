"""From a name or a file to something that plays: effects, shipped models, exports and checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from fxlab.effects.params import Value
from fxlab.effects.processor import Processor
from fxlab.effects.registry import effects
from fxlab.errors import InputError, UsageError, nearest

SHIPPED = {"tcn": "tcn.onnx", "tcn-nano": "tcn-nano.onnx"}
MODEL_SUFFIXES = (".onnx", ".safetensors")
NETWORK_ENGINES = ("onnx", "torch", "torchscript")


@dataclass(frozen=True)
class Opened:
    """A playable effect or model.

    Args:
        name: The effect's name, or the model file's stem.
        engine: What runs it.
        processor: Not yet prepared.
        parameters: All values of a DSP effect's parameters, empty for a model.
        card: A model's card, None for a DSP effect.
        path: A model's file.
    """

    name: str
    engine: str
    processor: Processor
    parameters: dict[str, Value]
    card: dict | None = None
    path: Path | None = None


def engines_of(name: str) -> tuple[str, ...]:
    """The engines that can run `name`, the default first; raises `UsageError` or `InputError` for what can't be played."""
    if name in effects():
        return tuple(effects()[name].engines)
    return NETWORK_ENGINES if model_path(name).suffix.lower() == ".onnx" else ("torch", "torchscript", "onnx")


def model_path(name: str) -> Path:
    """The file of a shipped model or of a path; raises `UsageError` when it is neither."""
    if name in SHIPPED:
        return Path(str(files("fxlab") / "assets" / SHIPPED[name]))
    path = Path(name)
    if path.suffix.lower() in MODEL_SUFFIXES:
        if not path.is_file():
            raise InputError(f"There is no model file {path}.", "Check the path; `fxlab export` and `fxlab train` write models.")
        return path
    if path.exists():
        raise InputError(
            f"{path} is not a model file.", "fxlab plays .onnx (from `fxlab export`) and .safetensors (from `fxlab train`)."
        )
    raise UsageError(f"There is no effect or model '{name}'.", nearest(name, [*effects(), *SHIPPED]))


def open_processor(name: str, parameters: Mapping[str, object] | None = None, engine: str = "auto", threads: int = 1) -> Opened:
    """Opens an effect by name, a shipped model by name, or a model file.

    Args:
        name: Effect, shipped model, or path of an `.onnx` or `.safetensors` file.
        parameters: Values of a DSP effect's parameters.
        engine: One of `engines_of(name)`; "auto" is the first of them.
        threads: Threads that ONNX Runtime may use.

    Raises:
        UsageError: An unknown name, engine or parameter.
        InputError: A file that is missing, damaged or not a model.
    """
    known = engines_of(name)
    chosen = known[0] if engine == "auto" else engine
    if chosen not in known:
        raise UsageError(f"'{name}' can't be run by the engine '{engine}'.", f"It runs on: {', '.join(known)}.")
    if name in effects():
        values = effects()[name].resolve(parameters or {})
        return Opened(name, chosen, effects()[name].processor(chosen, **values), values)
    if parameters:
        raise UsageError(
            f"The model '{name}' has no parameters: {', '.join(parameters)} can't be set.",
            "It plays the setting it was trained on; the DSP effect has the knobs.",
        )
    path = model_path(name)
    processor, card = _open_model(path, chosen, threads)
    return Opened(name if name in SHIPPED else path.stem, chosen, processor, {}, card, path)


def _open_model(path: Path, engine: str, threads: int) -> tuple[Processor, dict]:
    from fxlab.engines.golden import prove
    from fxlab.engines.onnx_engine import OnnxProcessor, load_onnx, read_onnx
    from fxlab.engines.onnx_graph import network_of, tcn_graph
    from fxlab.engines.torch_engine import TorchProcessor, torchscript_processor
    from fxlab.models import checkpoint

    exported = path.suffix.lower() == ".onnx"
    if exported and engine == "onnx":
        return load_onnx(path, threads)
    if exported:
        data, card, vector = read_onnx(path)
        network = network_of(data, card)
    else:
        network, card, _, _ = checkpoint.load(path)
    if engine == "onnx":
        return OnnxProcessor(tcn_graph(network).SerializeToString(), card, threads), card
    processor = (torchscript_processor if engine == "torchscript" else TorchProcessor)(network, card)
    if exported:
        # The network was rebuilt from the card, which the graph's own proof doesn't cover.
        prove(processor, vector, processor.native_rate_hz, str(path))
    return processor, card
