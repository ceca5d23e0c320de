"""From a name or a file to something that plays: effects, shipped models, exports, checkpoints and other people's models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from fxlab.effects.params import Parameter, Value, resolve
from fxlab.effects.processor import Processor
from fxlab.effects.registry import effects
from fxlab.engines.registry import NETWORK_ENGINES, engines, engines_for, network_processor
from fxlab.engines.settable import Settable
from fxlab.errors import CheckError, InputError, UsageError, nearest
from fxlab.models.controls import controls_of, effect_at
from fxlab.models.model import Card, Model, config_of, kind_of
from fxlab.shipped import SHIPPED

INSTRUMENT = "ddsp"
"""Kind of a model that is an instrument, which plays what it hears."""
_KINDS = {
    ".onnx": "`fxlab export`",
    ".safetensors": "`fxlab train`",
    ".nam": "Neural Amp Modeler",
    ".json": "RTNeural",
    ".aidax": "AIDA-X",
}
"""Suffix of a model file, and where such a file comes from."""
MODEL_SUFFIXES = tuple(_KINDS)
_OWN = (".onnx", ".safetensors")


@dataclass(frozen=True)
class Opened:
    """A playable effect or model.

    Args:
        name: The effect's name, or the model file's stem.
        engine: What runs it.
        processor: Not yet prepared.
        parameters: All values of a DSP effect's parameters, or of a model's knobs.
        card: A model's card, None for a DSP effect.
        path: A model's file.
    """

    name: str
    engine: str
    processor: Processor
    parameters: dict[str, Value]
    card: Card | None = None
    path: Path | None = None

    @property
    def copied(self) -> list[dict[str, Any]]:
        """The effects that a network stands for, as its knobs are set; empty where its card names none, and for an effect."""
        return effect_at(self.card or {}, self.parameters)


def parameters_of(name: str) -> tuple[Parameter, ...]:
    """What can be set: an effect's parameters, or a model's knobs; raises `UsageError` or `InputError` for neither."""
    if name in effects():
        return effects()[name].parameters
    if model_path(name).suffix.lower() not in _OWN:
        return ()  # other programs' formats have no knobs
    return tuple(control.param for control in controls_of(card_of(name)))


def card_of(name: str) -> Card:
    """The card of a shipped model or a model file, which isn't opened for it; raises `UsageError` or `InputError`."""
    path = model_path(name)
    if path.suffix.lower() == ".onnx":
        from fxlab.engines.onnx_engine import read_onnx

        return _playable(read_onnx(path)[1])
    return read_model(path)[0].card


def resolved(name: str, given: Mapping[str, object]) -> dict[str, Value]:
    """Every parameter's or knob's value, `given` validated over the defaults; raises `UsageError` or `InputError`."""
    if name in effects() or not given:
        return resolve(parameters_of(name), given, name)
    knobs = parameters_of(name)
    if not knobs:
        hint = "It plays the setting that it was trained on; `fxlab effects list` tells what has parameters."
        if _kind(model_path(name)) == "ace":
            hint = f"`fxlab export {name} --format profile` makes a profile of it, in which they can."
        raise UsageError(f"The model '{name}' has no knobs: {', '.join(given)} can't be set.", hint)
    return resolve(knobs, given, f"The model '{name}'")


def engines_of(name: str) -> tuple[str, ...]:
    """The engines that can run `name`, the default first; raises `UsageError` or `InputError` for what can't be played."""
    if name in effects():
        return tuple(effects()[name].engines)
    path = model_path(name)
    if _kind(path) == INSTRUMENT:
        return ("numba",)
    return engines_for(config_of(card_of(str(path))) if path.suffix.lower() in _OWN else read_model(path)[0].config)


def check_network(name: str) -> None:
    """Raises `UsageError` for an instrument, which copies no effect."""
    if _kind(model_path(name)) == INSTRUMENT:
        raise UsageError(f"{name} is an instrument, and copies no effect.", "The suites effects and live measure its speed.")


def _kind(path: Path) -> str | None:
    return kind_of(card_of(str(path))) if path.suffix.lower() in _OWN else None


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
        known = ", ".join(f"{suffix} (from {origin})" for suffix, origin in _KINDS.items())
        raise InputError(f"{path} is not a model file.", f"fxlab plays {known}.")
    if name in effects().refused:
        effects().named(name)  # raises what is wrong with it
    raise UsageError(f"There is no effect or model '{name}'.", nearest(name, [*effects(), *SHIPPED]))


def open_processor(name: str, parameters: Mapping[str, object] | None = None, engine: str = "auto", threads: int = 1) -> Opened:
    """Opens an effect by name, a shipped model by name, or a model file.

    Args:
        name: Effect, shipped model, or path of a model file.
        parameters: Values of a DSP effect's parameters, or of a model's knobs.
        engine: One of `engines_of(name)`; "auto" is the fastest of them that is proven to play what it must.
        threads: Threads that ONNX Runtime may use.

    Raises:
        UsageError: An unknown name, engine or parameter.
        InputError: A file that is missing, damaged or not a model.
    """
    known = engines_of(name)
    if engine in engines():
        engines()[engine]  # a package's that can't be used says why
    if engine not in ("auto", *known):
        raise UsageError(f"'{name}' can't be run by the engine '{engine}'.", f"It runs on: {', '.join(known)}.")
    if name in effects():
        values = resolved(name, parameters or {})
        chosen = known[0] if engine == "auto" else engine
        return Opened(name, chosen, effects()[name].processor(chosen, **values), values)
    path = model_path(name)
    values = resolved(name, parameters) if parameters else {}
    chosen, processor = _open_model(path, engine, threads)
    processor.set(**values)
    return Opened(name if name in SHIPPED else path.stem, chosen, processor, {**processor.values}, processor.card, path)


def another(opened: Opened, parameters: Mapping[str, object]) -> Opened:
    """The same effect or model once more on the same engine, not proven again, with other parameters; raises `UsageError`."""
    values = resolved(opened.name if opened.path is None else str(opened.path), parameters)
    if opened.path is None:
        return replace(opened, processor=effects()[opened.name].processor(opened.engine, **values), parameters=values)
    processor = processor_of(read_model(opened.path)[0], opened.engine)
    processor.set(**values)
    return replace(opened, processor=processor, parameters=values)


def read_model(path: Path) -> tuple[Model, dict[str, str] | None]:
    """A model file's network and, where it has one, its golden vector; raises `InputError` for what isn't a model.

    Raises `UsageError` for a mastering model.
    """
    suffix = path.suffix.lower()
    if suffix == ".onnx":
        from fxlab.engines.onnx_engine import read_onnx
        from fxlab.engines.onnx_graph import model_of

        data, card, vector = read_onnx(path)
        return model_of(data, _playable(card), str(path)), vector
    if suffix == ".nam":
        from fxlab.formats.nam import read_nam

        return read_nam(path)
    if suffix in (".json", ".aidax"):
        from fxlab.formats.rtneural import read_rtneural

        return read_rtneural(path)
    from fxlab.models.checkpoint_file import read

    model, _, _ = read(path)
    if kind_of(model.card) == INSTRUMENT:
        from fxlab.timbre.instrument import checked_card
        from fxlab.timbre.processor import as_effect

        checked_card(model, str(path))
        return as_effect(model), None
    _playable(model.card)
    return model, None


def _playable(card: Card) -> Card:
    """Itself; raises `UsageError` for a network that doesn't turn audio into audio."""
    if kind_of(card) == "master":
        raise UsageError("This is a mastering model: it decides how to master a song.", "Play it with `fxlab master --model`.")
    if kind_of(card) == INSTRUMENT:
        raise UsageError(
            "This is an exported instrument, for other programs: it takes pitch and loudness, not audio.",
            "Play the .safetensors file that it was exported from, or `fxlab grow` it.",
        )
    return card


def processor_of(model: Model, engine: str, threads: int = 1) -> Settable:
    """A network on an engine, or an instrument, not yet prepared."""
    if model.config.kind == INSTRUMENT:
        from fxlab.timbre.processor import InstrumentProcessor

        return InstrumentProcessor(model)
    return network_processor(model, engine, threads)


def _open_model(path: Path, engine: str, threads: int) -> tuple[str, Settable]:
    """The engine's name and its processor, which has played the file's golden vector.

    "auto" is the fused engine where that is right: by the golden vector, without one by what ONNX Runtime plays. For
    networks of other packages there is no such engine.
    """
    from fxlab.engines.golden import TOLERANCE, difference, golden_input_of, prove

    if engine == "onnx" and path.suffix.lower() == ".onnx":
        from fxlab.engines.onnx_engine import load_onnx

        return engine, load_onnx(path, threads)[0]
    model, vector = read_model(path)
    if model.config.kind == INSTRUMENT:
        return "numba", processor_of(model, "numba")
    if engine == "auto" and "fused" not in engines_for(model.config):
        return _open_model(path, "onnx", threads)
    if engine != "auto":
        processor = processor_of(model, engine, threads)
        if engine not in NETWORK_ENGINES:
            _prove_foreign(processor, engine, model, vector, path)
        elif vector:
            prove(processor, vector, int(processor.card["sample_rate_hz"]), str(path))
        return engine, processor
    fused = processor_of(model, "fused", threads)
    rate_hz = int(fused.card["sample_rate_hz"])
    if vector:
        try:
            prove(fused, vector, rate_hz, str(path))
            return "fused", fused
        except InputError:
            return _open_model(path, "onnx", threads)  # refuses a file that is itself wrong
    onnx = processor_of(model, "onnx", threads)
    right = difference(fused, onnx, golden_input_of(model.card), rate_hz) <= TOLERANCE
    return ("fused", fused) if right else ("onnx", onnx)


def _prove_foreign(processor: Settable, engine: str, model: Model, vector: dict[str, str] | None, path: Path) -> None:
    """Raises `CheckError` for another package's engine that doesn't play what the file, or else torch, says."""
    from fxlab.engines.golden import TOLERANCE, difference, golden_input_of, prove, tolerance, unpack
    from fxlab.engines.torch_engine import torch_processor

    rate_hz, wrong = int(processor.card["sample_rate_hz"]), ""
    if vector:
        unpack(vector)  # whether the file is damaged, for which no engine is to blame
        try:
            prove(processor, vector, rate_hz, str(path))
        except InputError as error:
            wrong = error.message
    else:
        reference, audio = torch_processor(model), golden_input_of(model.card)
        off = difference(reference, processor, audio, rate_hz)
        if not off <= TOLERANCE and not off <= tolerance(reference, audio, rate_hz):
            wrong = f"{path} sounds another way than in torch: it is off by {off:.2g}."
    if wrong:
        raise CheckError(f"The engine '{engine}' can't be trusted with this model: {wrong}", "Choose another --engine.")
