"""What all pictures share: where they go, the sheet they are drawn on, and names that are drawn as they are written."""

from __future__ import annotations

import contextlib
import io
import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fxlab.audio.atomic import replacing, require_place
from fxlab.audio.writer import check_vacant
from fxlab.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".pdf")
COLUMNS = 1500
"""Columns of waveforms and spectrograms at most, about the pixels there are."""


def as_written(figure: Figure) -> Figure:
    """The same figure, in whose headings, legends and labels a dollar sign begins no formula and what is no text is a "?".

    Numbers along the axes stay as they are: some are formulas of matplotlib's own. For names there is `name_ticks`.
    """
    texts = [*figure.texts]
    for axes in figure.axes:
        legend = axes.get_legend()
        texts += [axes.title, axes.xaxis.label, axes.yaxis.label, *axes.texts, *(legend.get_texts() if legend else ())]
    for text in texts:
        text.set_parse_math(False)
        text.set_text(_drawable(text.get_text()))
    return figure


def name_ticks(axis: Axis, places: Sequence[float], names: Iterable[str], fontsize: float) -> None:
    """Ticks along an axis that have names, drawn as they are written."""
    axis.set_ticks(places, [_drawable(name) for name in names], parse_math=False, fontsize=fontsize)


def _drawable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def check_suffix(path: Path) -> None:
    """Raises `UsageError` where `path` isn't named as a picture."""
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{path} isn't named as a picture.", f"Choose one of: {', '.join(SUFFIXES)}.")


def check_picture(path: Path, taken: Sequence[Path], force: bool) -> None:
    """Raises `UsageError` where the picture can't go to `path`, such as onto one of the `taken` files; `OutputError` where its
    folder can't be written."""
    check_suffix(path)
    if os.path.realpath(path) in {os.path.realpath(other) for other in taken}:
        raise UsageError(f"{path} is an audio file of this run.", "Choose another name with --plot.")
    check_vacant(path, force)
    require_place(path)


def sheet(title: str) -> Any:
    """An empty matplotlib figure."""
    # The object interface, not pyplot: no global state and no window system.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 13), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    return figure


def save(figure: Any, path: Path, dpi: int = 110) -> None:
    """Writes a figure in the format that the suffix says; raises `OutputError` where it can't."""
    with replacing(path) as temporary, _quiet():
        as_written(figure).savefig(temporary, format=path.suffix[1:].lower(), dpi=dpi)


def png(figure: Any) -> bytes:
    """A figure as a PNG file's content."""
    file = io.BytesIO()
    with _quiet():
        as_written(figure).savefig(file, format="png", dpi=90)
    return file.getvalue()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Signs that the font lacks, as of a song's Japanese name, are drawn as boxes without a word."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        yield
