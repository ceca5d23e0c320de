"""`fxlab export`: a checkpoint becomes a streaming ONNX or TorchScript model or another program's file that proves itself."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fxlab.audio.atomic import replacing
from fxlab.audio.testsignals import synthesize
from fxlab.engines.golden import golden_input, pack, parity, play, prove
from fxlab.engines.loader import processor_of
from fxlab.engines.network import NetworkProcessor
from fxlab.engines.onnx_engine import OnnxProcessor, read_onnx
from fxlab.engines.onnx_graph import streaming_graph
from fxlab.engines.torch_engine import TorchProcessor, save_torchscript, trace
from fxlab.errors import InputError, UsageError
from fxlab.formats.rtneural import read_rtneural, rtneural_json
from fxlab.models import checkpoint
from fxlab.models.model import Model
from fxlab.progress import Progress, silent

_PARITY_S = 5.0


@dataclass
class Request:
    """Which checkpoint to export, to what and where; without `output` beside the checkpoint."""

    checkpoint: Path
    format: str = "onnx"
    output: Path | None = None
    force: bool = False


@dataclass
class Result:
    """The exported file.

    Args:
        parity: Largest difference to the torch reference over random block splits.
        checkpoint_bytes, output_bytes: Sizes on disk.
    """

    checkpoint: Path
    output: Path
    format: str
    parity: float
    parity_s: float
    checkpoint_bytes: int
    output_bytes: int
    card: dict[str, Any]

    def to_json(self) -> dict:
        return dataclasses.asdict(self)


def run(request: Request, progress: Progress = silent) -> Result:
    """Exports and proves the export equal to the checkpoint.

    Raises:
        UsageError: An unknown format or one that can't hold the network, or an output that exists, is the checkpoint itself
            or is not named as its format.
        InputError: Not a checkpoint.
        CheckError: The export doesn't play what the checkpoint plays.
        OutputError: The file can't be written.
    """
    if request.format not in SUFFIX:
        raise UsageError(f"There is no export format '{request.format}'.", f"Choose one of: {', '.join(SUFFIX)}.")
    if not request.checkpoint.is_file():
        raise InputError(f"{request.checkpoint} is not a file.", "Export a .safetensors file that `fxlab train` wrote.")
    suffix = SUFFIX[request.format]
    output = request.output or request.checkpoint.with_suffix(suffix)
    if output.is_dir():
        raise UsageError(f"{output} is a folder.", f"Name a file, such as {output / request.checkpoint.stem}{suffix}.")
    if output.exists() and (not request.force or output.samefile(request.checkpoint)):
        raise UsageError(
            f"{output} exists.", "Overwrite it with --force, or choose another -o; a checkpoint is never overwritten."
        )
    if output.suffix.lower() != suffix:
        kinds = ", ".join(f"{name} is {ending}" for name, ending in SUFFIX.items())
        raise UsageError(f"{output} is no name for {request.format}: {kinds}.", "Change -o or --format.")
    network, card, _, _ = checkpoint.load(request.checkpoint)
    progress("Exporting", 0, 2)
    reference = TorchProcessor(network, card)
    rate = reference.native_rate_hz
    dry = golden_input()
    golden = pack(dry, play(reference, dry, rate, [len(dry)]))
    with replacing(output) as temporary:
        exported = _WRITERS[request.format](temporary, checkpoint.model_of(network, card), golden)
        progress("Exporting", 1, 2)
        difference = parity(reference, exported, synthesize(_PARITY_S, rate, seed=1), rate)
        prove(exported, golden, rate, str(output))
    progress("Exporting", 2, 2)
    return Result(
        checkpoint=request.checkpoint,
        output=output,
        format=request.format,
        parity=difference,
        parity_s=_PARITY_S,
        checkpoint_bytes=request.checkpoint.stat().st_size,
        output_bytes=output.stat().st_size,
        card=card,
    )


def _onnx(path: Path, model: Model, golden: dict[str, str]) -> NetworkProcessor:
    graph = streaming_graph(model.config, model.weights)
    for key, value in (("card", model.card), ("golden", golden)):
        graph.metadata_props.add(key=key, value=json.dumps(value))
    path.write_bytes(graph.SerializeToString())
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


_WRITERS: dict[str, Callable[[Path, Model, dict[str, str]], NetworkProcessor]] = {
    "onnx": _onnx,
    "torchscript": _torchscript,
    "rtneural": _rtneural,
}
"""Each writes the file and gives back what plays it, unproven."""
SUFFIX = {"onnx": ".onnx", "torchscript": ".pt", "rtneural": ".json"}
