"""`fxlab export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fxlab.commands.options import Force, Output, Sets, effects_from, examples

Source = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL", help="What `fxlab train` wrote, any other model file, or a model that ships.", show_default=False
    ),
]
Format = Annotated[str, typer.Option("--format", metavar="onnx|torchscript|rtneural|nam|profile", help="What to make of it.")]

Precision = Annotated[
    str, typer.Option("--precision", metavar="fp32|fp16|int8", help="How ONNX stores the weights; they compute in float32.")
]


def register(app: typer.Typer) -> None:
    """Adds `export`."""
    app.command(
        "export",
        epilog=examples(
            "fxlab export run/best.safetensors -o pedal.onnx",
            "fxlab export run/best.safetensors --format torchscript -o pedal.pt",
            "fxlab export run/best.safetensors --format rtneural -o pedal.json",
            "fxlab export run/best.safetensors --precision int8 -o pedal-small.onnx",
            "fxlab export tcn --format nam -o pedal.nam",
            "fxlab export run/best.safetensors --format profile -o my-ace.toml",
            "fxlab export capture.nam -o capture.onnx",
            "fxlab export tcn-knobs --set drive_db=20 --format nam -o pedal.nam",
        ),
    )(export)


def export(
    source: Source,
    format: Format = "onnx",
    output: Output = None,
    force: Force = False,
    precision: Precision = "fp32",
    set_: Sets = None,
) -> None:
    """Turn a model into streaming ONNX or TorchScript, a file of RTNeural or Neural Amp Modeler, or a profile.

    ONNX and TorchScript take and return their state, at any block size; RTNeural and AIDA-X play the JSON of LSTM and GRU
    models, Neural Amp Modeler's plug-ins the .nam file of TCN and LSTM models. Every export carries the model's card and a
    golden vector, and is read back and compared with its source over random block splits before it is there (exit code 5
    above 1e-5). With --precision fp16 or int8 an ONNX file holds the weights in a half or a quarter of the space: any
    runtime unfolds them when it loads it, so the speed stays and the price is error, which the export tells. With --set a
    model with knobs becomes one without, exactly as it plays at that setting: .nam and JSON have no place for knobs. A
    trained ACE is an effect's parameters: it becomes ONNX, or a profile (within 1e-4), which can be edited and plays at any
    sample rate, where `fxlab render` has to resample around a model.
    """
    from fxlab.console import output as console
    from fxlab.console.export import show_export
    from fxlab.console.progress import bars
    from fxlab.services.export import Request, run
    from fxlab.settings import Profile

    (stage,) = effects_from(Profile(), [str(source)], set_)
    with bars() as progress:
        result = run(Request(source, format, output, force, precision, stage.set), progress)
    console.finish(result, show_export)
