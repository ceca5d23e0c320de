"""`fxlab export`: any model becomes streaming ONNX or TorchScript, another program's file or a profile, and proves itself."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fxlab import profiles
from fxlab.audio.atomic import replacing
from fxlab.audio.testsignals import synthesize
from fxlab.effects.processor import Processor, apply
from fxlab.effects.registry import effects
from fxlab.engines.golden import TOLERANCE, parity, prove, vector_of
from fxlab.engines.loader import INSTRUMENT, model_path, open_processor, processor_of, read_model, resolved
from fxlab.engines.network import NetworkProcessor
from fxlab.engines.onnx_engine import OnnxProcessor, read_onnx, save_onnx
from fxlab.engines.torch_engine import TorchProcessor, save_torchscript, trace
from fxlab.errors import InputError, UsageError
from fxlab.formats.ace_profile import profile_toml
from fxlab.formats.nam import nam_json, read_nam
from fxlab.formats.rtneural import read_rtneural, rtneural_json
from fxlab.metrics.quality import esr
from fxlab.models import checkpoint
from fxlab.models.frozen import frozen
from fxlab.models.model import Card, Model
from fxlab.models.precision import PRECISIONS, precision_of, rounded
from fxlab.progress import Progress, silent
from fxlab.services import export_instrument
from fxlab.services.train.folder import BEST
from fxlab.shipped import SHIPPED

_PARITY_S = 5.0
PROFILE_TOLERANCE = 1e-4
"""What the six digits of a profile may change."""


@dataclass
class Request:
    """What to export, to what and where.

    Args:
        source: A model file, or a model that ships.
        format: One of `SUFFIX`.
        output: Beside the source without one.
        force: It may overwrite.
        precision: How ONNX files store weights, one of `fxlab.models.precision.PRECISIONS`; "fp32" leaves them as they are.
        set: Knobs at which a model is frozen into one without knobs, by name; what isn't named at its default. Empty leaves them.
    """

    source: Path
    format: str = "onnx"
    output: Path | None = None
    force: bool = False
    precision: str = "fp32"
    set: Mapping[str, object] = field(default_factory=dict)


@dataclass
class Result:
    """The exported file.

    Args:
        precision: How its weights are stored.
        rounding_esr: Error-to-signal ratio that rounding the weights made against the source, over `parity_s` of test signals;
            None where nothing was rounded.
        parity: Largest difference to what its weights, rounded or not, make of the same signals in torch, over random block
            splits; of an instrument, to what its own player makes of the same performance.
        source_bytes, output_bytes: Sizes on disk.
        notes: What the format leaves out.
    """

    source: Path
    output: Path
    format: str
    precision: str
    rounding_esr: float | None
    parity: float
    parity_s: float
    source_bytes: int
    output_bytes: int
    card: dict[str, Any]
    notes: list[str] = field(default_factory=list)

    def to_json(self) -> dict:
        return dataclasses.asdict(self)


def run(request: Request, progress: Progress = silent) -> Result:
    """Exports, reads back what was written, and proves it equal to the source.

    Raises:
        UsageError: An unknown format or precision or one that can't hold the network, a knob that the model hasn't got, or an
            output that exists, is the source itself or is not named as its format.
        InputError: Not a model.
        CheckError: The export doesn't play what the source plays.
        OutputError: The file can't be written.
    """
    if request.format not in SUFFIX:
        raise UsageError(f"There is no export format '{request.format}'.", f"Choose one of: {', '.join(SUFFIX)}.")
    if request.precision not in PRECISIONS:
        raise UsageError(f"There is no precision '{request.precision}'.", f"Choose one of: {', '.join(PRECISIONS)}.")
    if request.precision != "fp32" and request.format != "onnx":
        raise UsageError(f"--precision is for ONNX, not for {request.format}.", "Leave it out, or export ONNX.")
    source = _source(request.source)
    suffix = SUFFIX[request.format]
    ending = suffix if request.precision == "fp32" else f"-{request.precision}{suffix}"
    output = request.output or request.source.with_name(request.source.stem + ending)
    if output.is_dir():
        raise UsageError(f"{output} is a folder.", f"Name a file, such as {output / source.stem}{suffix}.")
    if output.exists() and (not request.force or output.samefile(source)):
        hint = "Overwrite it with --force, or choose another -o; the source is never overwritten."
        raise UsageError(f"{output} exists already.", hint)
    if output.suffix.lower() != suffix:
        kinds = ", ".join(f"{name} is {ending}" for name, ending in SUFFIX.items())
        raise UsageError(f"{output} is no name for {request.format}: {kinds}.", "Change -o or --format.")
    model, vector = read_model(source)
    if model.config.kind == INSTRUMENT:
        return _instrument(request, source, output, model, progress)
    _check_holds(request.format, model)
    progress("Exporting", 0, 2)
    reference = processor_of(model, "torch")
    rate = reference.native_rate_hz
    if vector:
        prove(reference, vector, rate, str(source))
    audio = synthesize(_PARITY_S, rate, seed=1)
    if request.set:
        model = frozen(model, resolved(str(request.source), request.set))
        reference = processor_of(model, "torch")
    if request.precision not in ("fp32", precision_of(model.card)):
        full, model = reference, rounded(model, request.precision)
        reference = processor_of(model, "torch")
        model.card["rounding_esr"] = esr(apply(full, audio, rate), apply(reference, audio, rate))
    least = PROFILE_TOLERANCE if request.format == "profile" else TOLERANCE
    golden = vector_of(reference, model.card, least)
    with replacing(output) as temporary:
        exported = _WRITERS[request.format](temporary, model, golden)
        progress("Exporting", 1, 2)
        difference = parity(reference, exported, audio, rate, least=least)
        prove(exported, golden, rate, str(output))
    progress("Exporting", 2, 2)
    return Result(
        source=source,
        output=output,
        format=request.format,
        precision=precision_of(model.card),
        rounding_esr=model.card.get("rounding_esr"),
        parity=difference,
        parity_s=_PARITY_S,
        source_bytes=source.stat().st_size,
        output_bytes=output.stat().st_size,
        card=model.card,
        notes=[*_frozen(request), *_notes(request.format, model.card if request.format == "profile" else exported.card)],
    )


def _instrument(request: Request, source: Path, output: Path, model: Model, progress: Progress) -> Result:
    export_instrument.check(model, request.format, request.precision, bool(request.set))
    difference, seconds = export_instrument.export(output, model, progress)
    return Result(
        source=source,
        output=output,
        format=request.format,
        precision=request.precision,
        rounding_esr=None,
        parity=difference,
        parity_s=seconds,
        source_bytes=source.stat().st_size,
        output_bytes=output.stat().st_size,
        card=model.card,
        notes=export_instrument.notes(model.config),
    )


def _check_holds(format: str, model: Model) -> None:
    """Raises `UsageError` for an ACE in a format for networks, before anything is computed; for a profile its text tells."""
    if format == "profile":
        profile_toml(model)
    elif model.config.kind == "ace" and format != "onnx":
        able = "onnx" if model.config.single else "onnx and profile"
        raise UsageError(f"{format} can't hold an ACE, which is no network of layers.", f"Its formats are {able}.")


def _source(given: Path) -> Path:
    if given.is_file():
        return given
    if str(given) in SHIPPED:
        return model_path(str(given))
    if given.is_dir() and (given / BEST).is_file():
        raise InputError(f"{given} is a run's folder.", f"Name the network in it: {given / BEST}")
    if str(given) in effects():
        raise InputError(f"{given} is an effect, and no network.", "Networks are what `fxlab train` writes.")
    raise InputError(f"{given} is not a file.", "Export what `fxlab train` wrote, any other model file, or a model that ships.")


def _frozen(request: Request) -> list[str]:
    if not request.set:
        return []
    values = resolved(str(request.source), request.set)
    return [f"Its knobs are frozen: {', '.join(f'{name} {value:g}' for name, value in values.items())}."]


def _notes(format: str, card: Card) -> list[str]:
    notes = []
    if format == "nam":
        about = card["nam"]
        reader = "any plug-in of Neural Amp Modeler" if about["version"].startswith("0.5.") else "plug-ins that play A2 models"
        notes.append(f"The file's version is {about['version']}, for {reader}.")
        if "loudness" not in about["metadata"]:
            notes.append(
                "It states no loudness, which is defined by a recording of Neural Amp Modeler's: no plug-in normalises it."
            )
    if format == "rtneural" and card["model"]["config"]["skip"]:
        notes.append("AIDA-X adds the dry signal, as this model wants it (`in_skip`); RTNeural alone doesn't.")
    if format in ("nam", "rtneural") and card["latency"]:
        notes.append(
            f"Other programs don't make up for its latency of {card['latency']} samples: the format has no place for it."
        )
    if format == "profile":
        notes.append(f"It plays at any rate by itself; as the model at {card['sample_rate_hz']} Hz.")
    return notes


def _onnx(path: Path, model: Model, golden: dict[str, str]) -> NetworkProcessor:
    save_onnx(path, model, golden)
    data, card, _ = read_onnx(path)
    return OnnxProcessor(data, card)


def _torchscript(path: Path, model: Model, golden: dict[str, str]) -> NetworkProcessor:
    network = checkpoint.network_of(model)
    traced = trace(network)
    save_torchscript(traced, path, {"card.json": json.dumps(model.card), "golden.json": json.dumps(golden)})
    return TorchProcessor(network, model.card, traced)


def _rtneural(path: Path, model: Model, golden: dict[str, str]) -> NetworkProcessor:
    path.write_bytes(rtneural_json(model, golden).encode())
    return processor_of(read_rtneural(path)[0], "onnx")


def _nam(path: Path, model: Model, golden: dict[str, str]) -> NetworkProcessor:
    path.write_bytes(nam_json(model, golden).encode())
    return processor_of(read_nam(path)[0], "onnx")


def _profile(path: Path, model: Model, golden: dict[str, str]) -> Processor:
    path.write_text(profile_toml(model), encoding="utf-8")
    (stage,) = profiles.load(path).effects
    return open_processor(stage.name, stage.set).processor


_WRITERS: dict[str, Callable[[Path, Model, dict[str, str]], Processor]] = {
    "onnx": _onnx,
    "torchscript": _torchscript,
    "rtneural": _rtneural,
    "nam": _nam,
    "profile": _profile,
}
"""Each writes the file and gives back what plays it, unproven."""
SUFFIX = {"onnx": ".onnx", "torchscript": ".pt", "rtneural": ".json", "nam": ".nam", "profile": ".toml"}
