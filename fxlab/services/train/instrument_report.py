"""What the training of an instrument leaves behind to read and to hear."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fxlab.audio.files import Writer, read
from fxlab.formats.plain_json import write_json
from fxlab.models.model import Model
from fxlab.services.train.report import draw_curves, figure_of, save_figure
from fxlab.timbre.evaluation import Heard

_PREVIEWS, _PAUSE_S = 3, 0.3
_SIZE, _HOP, _RANGE_DB = 2048, 512, 80.0


def write_report(
    folder: Path, model: Model, history: list[dict[str, Any]], figure: str, ended: str, heard: Sequence[Heard]
) -> dict[str, str]:
    """`report.json`, pictures of the training and of what came of it, and recordings followed by what the instrument plays.

    Returns:
        File by role.
    """
    report = {"ended": ended, "card": model.card, "history": history, "scores": [one.score.to_json() for one in heard]}
    files = {"report": folder / "report.json", "curves": folder / "curves.csv"}
    write_json(files["report"], report)
    if history:
        files["training_picture"] = folder / "training.png"
        draw_curves(files["training_picture"], history, figure)
    rate_hz = model.config.sample_rate_hz
    shown = sorted(heard, key=lambda one: one.score.loss)[:_PREVIEWS]
    if shown:
        files["sound_picture"] = folder / "sound.png"
        _draw(files["sound_picture"], shown, rate_hz)
    for number, one in enumerate(shown, 1):
        files[f"preview_{number}"] = folder / f"preview-{number}-{Path(one.score.name).stem}.wav"
        _write_preview(files[f"preview_{number}"], one, rate_hz)
    return {role: str(path) for role, path in files.items()}


def _write_preview(path: Path, heard: Heard, rate_hz: int) -> None:
    """What was recorded, a pause, what is played."""
    pause = np.zeros(round(_PAUSE_S * rate_hz), np.float32)
    audio = np.concatenate([heard.recorded, pause, heard.played])
    audio /= max(1.0, float(np.abs(audio).max()))
    with Writer(path, rate_hz, 1, "PCM_16", force=True) as writer:
        writer.write(audio[None].astype(np.float32))


def read_preview(path: Path) -> tuple[dict[str, np.ndarray], int]:
    """What was "recorded" and what is "played", (1, n) each and equally long, and their rate; raises `InputError`."""
    audio, rate_hz = read(path)
    length = (audio.shape[1] - round(_PAUSE_S * rate_hz)) // 2
    return {"recorded": audio[:, :length], "played": audio[:, -length:]}, rate_hz


def _draw(path: Path, shown: Sequence[Heard], rate_hz: int) -> None:
    """Spectrograms: recorded beside played."""
    page, axes = figure_of(len(shown), 2, 3.2 * len(shown))
    for row, one in zip(axes, shown, strict=True):
        pictures = [_spectrogram(audio) for audio in (one.recorded, one.played)]
        top = max(picture.max() for picture in pictures)
        for axis, picture, what in zip(row, pictures, ("recorded", "played"), strict=True):
            extent = (0, picture.shape[1] * _HOP / rate_hz, 0, rate_hz / 2000)
            image = axis.imshow(
                picture, origin="lower", aspect="auto", extent=extent, vmin=top - _RANGE_DB, vmax=top, cmap="magma"
            )
            axis.set(xlabel="time (s)", ylabel="frequency (kHz)", title=f"{one.score.name}, {what}")
        page.colorbar(image, ax=list(row), label="dB")
    save_figure(page, path)


def _spectrogram(audio: np.ndarray) -> np.ndarray:
    """dB, (bins, frames)."""
    frames = max(1, math.ceil(len(audio) / _HOP))
    padded = np.pad(audio, (_SIZE // 2, _SIZE // 2 + frames * _HOP - len(audio)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, _SIZE)[::_HOP][:frames]
    return 20 * np.log10(np.abs(np.fft.rfft(windows * np.hanning(_SIZE))).T + 1e-6)
