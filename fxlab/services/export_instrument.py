"""`fxlab export` of an instrument: a streaming ONNX graph that plays, proven against the instrument's own player."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from fxlab.audio.atomic import replacing
from fxlab.errors import UsageError
from fxlab.models.model import Model
from fxlab.progress import Progress
from fxlab.timbre.config import InstrumentConfig

PROVEN_FRAMES = 400


def check(model: Model, format: str, precision: str, frozen: bool) -> None:
    """Raises `UsageError` for what an instrument can't become."""
    if format != "onnx":
        raise UsageError(f"{format} can't hold an instrument, which turns a performance into sound.", "Its format is onnx.")
    if precision != "fp32":
        raise UsageError("An instrument is exported in full precision.", "Leave out --precision.")
    if frozen:
        raise UsageError(
            "An exported instrument has no parameters: pitch, loudness and gains are its inputs.", "Leave out --set."
        )


def export(path: Path, model: Model, progress: Progress) -> tuple[float, float]:
    """Writes an instrument; the largest difference to its own player in random calls, and over how many seconds.

    Raises:
        CheckError: It doesn't play the same.
        OutputError: The file can't be written.
    """
    from fxlab.timbre.exported import save  # onnxruntime

    progress("Exporting", 0, 1)
    card = {name: said for name, said in model.card.items() if name != "controls"}  # those of the effect
    with replacing(path) as temporary:
        parity = save(temporary, replace(model, card=card), PROVEN_FRAMES)
    progress("Exporting", 1, 1)
    return parity, PROVEN_FRAMES / model.config.frame_rate_hz


def notes(config: InstrumentConfig) -> list[str]:
    """What a user of the graph must know."""
    late = f"It takes frames of {config.hop} samples and is {config.hop} samples late; its metadata tell all under `io`."
    grown = "The automaton isn't in it: what it says goes in as `gains`, 1 for the grown instrument."
    return [late, *([grown] if config.automaton else [])]
