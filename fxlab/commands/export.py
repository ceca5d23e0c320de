"""`fxlab export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fxlab.commands.options import Force, Output, examples

Checkpoint = Annotated[
    Path, typer.Argument(metavar="CHECKPOINT", help="A .safetensors file of `fxlab train`.", show_default=False)
]
Format = Annotated[str, typer.Option("--format", metavar="onnx|torchscript|rtneural", help="What to make of it.")]


def register(app: typer.Typer) -> None:
    """Adds `export`."""
    app.command(
        "export",
        epilog=examples(
            "fxlab export run/best.safetensors -o pedal.onnx",
            "fxlab export run/best.safetensors --format torchscript -o pedal.pt",
            "fxlab export run/best.safetensors --format rtneural -o pedal.json",
        ),
    )(export)


def export(checkpoint: Checkpoint, format: Format = "onnx", output: Output = None, force: Force = False) -> None:
    """Turn a checkpoint into a streaming ONNX or TorchScript model, or into RTNeural's JSON.

    ONNX and TorchScript take and return their state, at any block size; RTNeural and AIDA-X play the JSON of LSTM and GRU
    models. Every export carries the model's card and a golden vector, and is compared with the checkpoint over random block
    splits before it is written (exit code 5 above 1e-5).
    """
    from fxlab.console import output as console
    from fxlab.console.export import show_export
    from fxlab.console.progress import bars
    from fxlab.services.export import Request, run

    with bars() as progress:
        result = run(Request(checkpoint, format, output, force), progress)
    console.finish(result, show_export)
