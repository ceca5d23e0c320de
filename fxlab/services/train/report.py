"""What a training run leaves behind to read: `report.json`, `curves.csv` and two pictures."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np

from fxlab.audio.atomic import replacing
from fxlab.formats.plain_json import write_json
from fxlab.metrics.quality import esr_over_time
from fxlab.pages.curves import LOWEST_HZ, spectrum
from fxlab.services.drawing import as_written


def write_curves(folder: Path, history: list[dict[str, Any]], figure: str) -> Path:
    """One row per finished epoch, with the figure of the validation split under its name; raises `OutputError`."""
    path = folder / "curves.csv"
    with replacing(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ("epoch", "step", "loss", figure, "learning_rate", "seconds"))
        writer.writeheader()
        writer.writerows(history)
    return path


def write_report(
    folder: Path,
    card: dict[str, Any],
    history: list[dict[str, Any]],
    figure: str,
    ended: str,
    name: str,
    played: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> dict[str, str]:
    """Writes report and pictures.

    Args:
        folder: The run's folder.
        card: The best network's card with its metrics.
        history: One dict per epoch.
        figure: What it calls the figure of the validation split.
        ended: Why training ended.
        name: The recording that `played` shows.
        played: Dry input, target and output (frames,) of that recording.

    Returns:
        File by role.
    """
    dry, target, output = played
    over_time = esr_over_time(target, output, card["sample_rate_hz"])
    report = {
        "ended": ended,
        "card": card,
        "history": history,
        "esr_over_time": {"take": name, "window_s": 0.1, "esr": over_time},
    }
    path = folder / "report.json"
    write_json(path, report)
    curves, quality = folder / "training.png", folder / "quality.png"
    draw_curves(curves, history, figure)
    _draw_quality(quality, name, dry, target, output, card["sample_rate_hz"], over_time)
    return {
        "report": str(path),
        "curves": str(folder / "curves.csv"),
        "training_picture": str(curves),
        "quality_picture": str(quality),
    }


def figure_of(rows: int, columns: int, height: float):
    # The object interface, not pyplot: no global state and no window system.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, height), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, squeeze=False)


def save_figure(figure: Any, path: Path) -> None:
    with replacing(path) as temporary, open(temporary, "wb") as file:
        as_written(figure).canvas.print_png(file)  # `savefig` draws all of it twice


def draw_curves(path: Path, history: list[dict[str, Any]], figure: str) -> None:
    page, axes = figure_of(1, 1, 5)
    axis = axes[0][0]
    steps = [row["step"] for row in history]
    name = "validation ESR" if figure == "validation_esr" else figure.replace("_", " ")
    # Losses that are no ratio of energies may be negative.
    plot = axis.semilogy if figure == "validation_esr" else axis.plot
    plot(steps, [row["loss"] for row in history], label="training loss", color="tab:grey")
    plot(steps, [row[figure] for row in history], label=name, color="tab:blue")
    if history:
        best = min(history, key=lambda row: row[figure])
        value = f"{100 * best[figure]:.3g} %" if figure == "validation_esr" else f"{best[figure]:.4g}"
        axis.plot(best["step"], best[figure], "o", color="tab:blue", label=f"best: {value}")
    axis.set(xlabel="step", ylabel=", ".join(dict.fromkeys(["loss", name.removeprefix("validation ")])), title="Training")
    axis.grid(alpha=0.3, which="both")
    axis.legend()
    save_figure(page, path)


def _draw_quality(
    path: Path, name: str, dry: np.ndarray, target: np.ndarray, output: np.ndarray, rate_hz: int, over_time: np.ndarray
) -> None:
    figure, axes = figure_of(3, 1, 11)
    wave, levels, error = axes[:, 0]
    figure.suptitle(f"{name}: the take with the largest error")

    length = min(len(target), rate_hz // 50)
    loudest = int(np.argmax(np.abs(target)))
    start = max(0, min(loudest - length // 2, len(target) - length))
    at = slice(start, start + length)
    ms = np.arange(start, start + length) / rate_hz * 1e3
    wave.plot(ms, dry[at], color="tab:grey", lw=0.8, label="dry")
    wave.plot(ms, target[at], color="tab:blue", lw=2, label="target")
    wave.plot(ms, output[at], color="tab:orange", lw=1, ls="--", label="network")
    wave.plot(ms, (output - target)[at], color="tab:red", lw=0.8, label="difference")
    wave.set(xlabel="time (ms)", ylabel="amplitude", title="Around the loudest sample")

    sounds = {"dry": dry, "target": target, "network": output, "difference": output - target}
    for (label, sound), colour in zip(sounds.items(), ("tab:grey", "tab:blue", "tab:orange", "tab:red"), strict=True):
        line = spectrum(label, sound, rate_hz)
        levels.semilogx(line.x, line.y, label=label, color=colour, lw=1)
    levels.set(
        xlabel="frequency (Hz)", ylabel="dB of full scale", title="Spectra, in twelfths of octaves", xlim=(LOWEST_HZ, rate_hz / 2)
    )

    times = np.arange(len(over_time)) * 0.1
    error.semilogy(times, 100 * over_time, color="tab:red", lw=1, label="ESR of 0.1 s windows")
    error.set(xlabel="time (s)", ylabel="ESR (%)", title="Error over time")
    for axis in (wave, levels, error):
        axis.grid(alpha=0.3)
        axis.legend()
    save_figure(figure, path)
