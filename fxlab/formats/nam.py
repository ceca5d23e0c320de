"""Neural Amp Modeler's `.nam` files: one JSON object with a version, an architecture, its weights, and what the maker says.

(neural-amp-modeler, `docs/source/model-file.rst`, and NeuralAmpModelerCore, `NAM/get_dsp.cpp` and `NAM/container.cpp`.)
fxlab adds its card and a golden vector under the key "fxlab", which other programs pass over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fxlab.audio import MAX_RATE_HZ, MIN_RATE_HZ
from fxlab.errors import InputError, UsageError
from fxlab.formats.card import Vector, foreign_card, own_card, refuse_knobs
from fxlab.formats.fields import Unfit
from fxlab.formats.json_file import read_json
from fxlab.formats.nam_stack import read_linear, read_lstm, stack_json
from fxlab.formats.nam_wavenet import plain_slopes, read_wavenet, wavenet_json
from fxlab.models.model import Card, Config, Model, Weights
from fxlab.models.stack_config import StackConfig
from fxlab.models.tcn_config import TCNConfig

_HINT = "fxlab plays WaveNet, LSTM and Linear models of Neural Amp Modeler with one input and one output."
_OLDEST, _NEWEST = (0, 5), (0, 7)
_RATE_HZ = 48_000
_CONTAINER = "SlimmableContainer"
_LONGEST = 16_384


def read_nam(path: Path, slim: float = 1.0) -> tuple[Model, Vector | None]:
    """The network in a file and, where fxlab wrote it, its golden vector.

    Everything is checked before a weight is converted.

    Args:
        path: The file.
        slim: Of a file that holds a network in several sizes, which to take: 1 the largest, 0 the smallest.

    Raises:
        InputError: Not a `.nam` file, damaged, or a network that fxlab can't play exactly.
    """
    data = read_json(path, _HINT)
    try:
        return _model(data, slim)
    except Unfit as wrong:
        raise InputError(f"{path} can't be played: {wrong}.", _HINT) from None


def nam_json(model: Model, golden: Vector | None = None) -> str:
    """The file's text.

    Raises:
        UsageError: The format can't hold such a network.
        InputError: The card holds NaN or infinity.
    """
    refuse_knobs(model, "A .nam file")
    if not isinstance(model.config, (TCNConfig, StackConfig)):
        raise UsageError(f"A .nam file can't hold a network of type '{model.config.kind}'.", "Export ONNX or TorchScript.")
    write = wavenet_json if isinstance(model.config, TCNConfig) else stack_json
    network = write(model.config, model.weights)
    card = {key: value for key, value in model.card.items() if key != "nam"}
    beside = {"sample_rate": model.card["sample_rate_hz"], "fxlab": {"card": card, "golden": golden}}
    try:
        return json.dumps(
            {"version": network["version"], "metadata": _metadata_of(model.card)} | network | beside, allow_nan=False
        )
    except ValueError:
        raise InputError("The model's card holds figures that are not finite numbers.", "Train it again.") from None


def _model(data: Mapping[str, Any], slim: float) -> tuple[Model, Vector | None]:
    _require_known(data.get("version"))
    about: Card = {"version": data["version"], "architecture": data.get("architecture")}
    inner = data
    if data.get("architecture") == _CONTAINER:
        inner, about["submodel"] = _submodel(data.get("config"), slim)
        _require_known(inner.get("version"))
    rates = [_rate_hz(part["sample_rate"]) for part in (inner, data) if part.get("sample_rate") is not None]
    if len(set(rates)) > 1:
        raise Unfit(f"it is of {rates[-1]} Hz, and the network in it of {rates[0]} Hz")
    rate_hz = rates[0] if rates else _RATE_HZ
    config, weights = _network(inner, rate_hz)
    about["metadata"] = _kept(data.get("metadata") or inner.get("metadata"))
    card, golden = foreign_card(config, rate_hz, "nam", {}), None
    if data.get("fxlab") is not None:
        config, card, golden = own_card(data["fxlab"], config, card, _same)
    return Model(config, weights, card | {"nam": about}), golden


def _network(data: Mapping[str, Any], rate_hz: int) -> tuple[Config, Weights]:
    architecture, config, values = data.get("architecture"), data.get("config"), data.get("weights")
    if not isinstance(config, dict):
        raise Unfit("its config is missing")
    if architecture == "WaveNet":
        return read_wavenet(config, values)
    if architecture == "LSTM":
        return read_lstm(config, values, rate_hz)
    if architecture == "Linear":
        return read_linear(config, values)
    raise Unfit(f"its architecture is {architecture!r:.40}, which fxlab hasn't got")


def _submodel(config: object, slim: float) -> tuple[Mapping[str, Any], str]:
    """The network that the C++ reference plays at that size, and which of them it is."""
    entries = config.get("submodels") if isinstance(config, dict) else None
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        raise Unfit("it is a container without networks")
    ends = [entry.get("max_value") for entry in entries]
    if not all(type(end) in (int, float) for end in ends) or sorted(set(ends)) != ends or not ends[-1] >= 1.0:
        raise Unfit("the networks in it are not in order of their size")
    chosen = next((i for i, end in enumerate(ends) if slim < end), len(ends) - 1)
    if not isinstance(entries[chosen].get("model"), dict):
        raise Unfit("it is a container without networks")
    return entries[chosen]["model"], f"{chosen + 1} of {len(ends)}"


def _require_known(version: object) -> None:
    """Lets pass the versions that the C++ reference takes; it ignores the last number too."""
    found = re.fullmatch(r"(\d{1,4})\.(\d{1,4})\.(\d{1,4})", version) if isinstance(version, str) else None
    if not found:
        raise Unfit(f"its version is {version!r:.40}")
    number = int(found[1]), int(found[2])
    if number > _NEWEST:
        raise Unfit(f"its version {version} is newer than {_NEWEST[0]}.{_NEWEST[1]}, the newest that this fxlab knows")
    if number < _OLDEST:
        raise Unfit(f"its version {version} is older than {_OLDEST[0]}.{_OLDEST[1]}, the oldest that plug-ins read")


def _rate_hz(rate: object) -> int:
    if type(rate) not in (int, float) or not MIN_RATE_HZ <= rate <= MAX_RATE_HZ or rate != int(rate):
        raise Unfit(f"its sample rate is {rate!r:.40}")
    return int(rate)


def _same(described: Config, config: Config) -> bool:
    """Whether a card describes the network of its file, which knows neither a size's name nor a warm-up."""
    if isinstance(described, TCNConfig) and isinstance(config, TCNConfig):
        return (plain_slopes(described).arrays, described.controls) == (config.arrays, 0)
    if isinstance(described, StackConfig) and isinstance(config, StackConfig):
        return (described.layers, described.skip) == (config.layers, config.skip)
    return False


def _kept(metadata: object) -> dict[str, Any]:
    """What the maker says, as it is; without entries that are longer than any is, or that can't be written down again."""
    kept = {}
    for key, value in metadata.items() if isinstance(metadata, dict) else ():
        try:
            fits = len(json.dumps({key: value}, ensure_ascii=False, allow_nan=False).encode()) <= _LONGEST
        except ValueError:  # infinity, half a character
            fits = False
        if fits:
            kept[key] = value
    return kept


def _metadata_of(card: Card) -> dict[str, Any]:
    """What the source said of itself where it was a `.nam` file, else what the card says, in the words of the format.

    No loudness: that is the level of the network's answer to a recording that belongs to Neural Amp Modeler.
    """
    said = card.get("nam", {}).get("metadata")
    if said:
        return said
    effects = " + ".join(stage["name"] for stage in card.get("effect") or ())
    about = {"name": effects or card["model"]["size"], "modeled_by": "fxlab", "gear_make": "fxlab"}
    about |= {"gear_model": effects, "gear_type": "pedal"} if effects else {}
    esr = card.get("metrics", {}).get("validation_esr")
    return about | ({"training": {"validation_esr": esr}} if esr is not None else {})
