"""What a training of mastering leaves behind to read: a report, curves, and pictures of wanted and decided equalisers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fxlab.audio.bands import CENTRES_HZ
from fxlab.formats.plain_json import write_json
from fxlab.mastering.evaluation import Evaluation
from fxlab.services.train.report import draw_curves, figure_of, save_figure

_MOST_CURVES = 12


def write_report(
    folder: Path, card: dict[str, Any], history: list[dict[str, Any]], figure: str, ended: str, evaluation: Evaluation
) -> dict[str, str]:
    """Writes report and pictures; returns file by role. Raises `OutputError`."""
    path = folder / "report.json"
    report = {"ended": ended, "card": card, "history": history, "curves": evaluation.curves}
    write_json(path, report)
    files = {"report": str(path), "curves": str(folder / "curves.csv")}
    if history:
        draw_curves(folder / "training.png", history, figure)
        files["training_picture"] = str(folder / "training.png")
    if evaluation.curves:
        _draw_equalisers(folder / "equalisers.png", evaluation)
        files["equaliser_picture"] = str(folder / "equalisers.png")
    return files


def _draw_equalisers(path: Path, evaluation: Evaluation) -> None:
    """What would have undone each song's degradation, and what the network decided."""
    shown = evaluation.curves[:_MOST_CURVES]
    columns = min(3, len(shown))
    rows = -(-len(shown) // columns)
    page, axes = figure_of(rows, columns, 2.6 * rows + 0.6)
    page.suptitle("Songs kept back: the equaliser that undoes the degradation, and the one that was decided")
    for axis in axes.flat[len(shown) :]:
        axis.set_axis_off()
    for axis, curve in zip(axes.flat, shown, strict=False):
        axis.axhline(0.0, color="tab:grey", lw=0.6)
        axis.semilogx(CENTRES_HZ, curve["wanted_db"], color="tab:blue", label="undoes it")
        axis.semilogx(CENTRES_HZ, curve["decided_db"], color="tab:orange", label="decided")
        axis.set(title=curve["song"], ylim=(-12, 12), xlabel="frequency (Hz)", ylabel="dB")
        axis.grid(alpha=0.3)
    axes.flat[0].legend(loc="upper left", fontsize=8)
    save_figure(page, path)
