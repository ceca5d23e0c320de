"""`fxlab export`: a checkpoint becomes a streaming ONNX or TorchScript model that proves itself."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fxlab.audio.atomic import replacing
from fxlab.audio.testsignals import synthesize
from fxlab.engines.golden import golden_input, pack, parity, play
from fxlab.engines.onnx_engine import OnnxProcessor, load_onnx
from fxlab.engines.onnx_graph import streaming_graph
from fxlab.engines.torch_engine import TorchProcessor, save_torchscript, trace
from fxlab.errors import InputError, UsageError
from fxlab.models import checkpoint
from fxlab.progress import Progress, silent

SUFFIX = {"onnx": ".onnx", "torchscript": ".pt"}
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
        UsageError: An unknown format, or an output that exists, is the checkpoint itself or is not named as its format.
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
    metadata = {"card": json.dumps(card), "golden": json.dumps(golden)}
    if request.format == "onnx":
        plain = checkpoint.model_of(network, card)
        model = streaming_graph(plain.config, plain.weights)
        for key, value in metadata.items():
            model.metadata_props.add(key=key, value=value)
        exported = OnnxProcessor(model.SerializeToString(), card)
    else:
        traced = trace(network)
        exported = TorchProcessor(network, card, traced)
    progress("Exporting", 1, 2)
    difference = parity(reference, exported, synthesize(_PARITY_S, rate, seed=1), rate)
    with replacing(output) as temporary:
        if request.format == "onnx":
            temporary.write_bytes(model.SerializeToString())
            load_onnx(temporary)
        else:
            save_torchscript(traced, temporary, {f"{key}.json": value for key, value in metadata.items()})
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
