"""Parts of a page as HTML, and the data its scripts draw as JSON beside it. Every text is escaped."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from fxlab.pages.listening import MAX_RATE_HZ, flac, gains_db
from fxlab.pages.numbers import number_of
from fxlab.pages.parts import Curves, Histograms, Listening, Part, Picture, Table
from fxlab.pages.thinning import rounded, thinned

_PEAK = 1 - 2.0**-14  # leaves room for dither
_WAVE_COLUMNS = 600


@dataclass(frozen=True)
class Markup:
    """A part's heading, its anchor and the whole section."""

    title: str
    anchor: str
    html: str


def of_part(part: Part, anchor: str) -> Markup:
    """The section of a part; what a script draws is in its `<script type="application/json">`."""
    kinds = {Table: _table, Curves: _curves, Histograms: _histograms, Picture: _picture, Listening: _listening}
    body = kinds[type(part)](part)
    note = f'\n<p class="note">{escape(part.note)}</p>' if part.note else ""
    heading = f'<h2 id="{anchor}-title">{escape(part.title)}</h2>'
    kind = type(part).__name__.lower()
    section = f'<section class="{kind}" id="{anchor}" aria-labelledby="{anchor}-title">\n{heading}\n{body}{note}\n</section>'
    return Markup(part.title, anchor, section)


def data(value: Any) -> str:
    """JSON for a script to read, which nothing inside can end: `<`, `>`, `&` and the line ends of Unicode are escaped."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return f'<script type="application/json">{text}</script>'


def _table(table: Table) -> str:
    numbers = [[number_of(text) for text in column] for column in zip(*table.rows, strict=True)] or [[] for _ in table.columns]
    texts = list(zip(*table.rows, strict=True)) or [() for _ in table.columns]
    numeric = [
        any(value is not None for value in values)
        and all(value is not None or text.strip() in _MISSING for value, text in zip(values, column, strict=True))
        for values, column in zip(numbers, texts, strict=True)
    ]
    head = "".join(
        f'<th scope="col"{_number(flag)}>{escape(name)}</th>' for name, flag in zip(table.columns, numeric, strict=True)
    )
    rows = []
    for index, row in enumerate(table.rows):
        cells = []
        for text, flag, values in zip(row, numeric, numbers, strict=True):
            value = "" if not flag or values[index] is None else f' data-value="{_for_scripts(values[index])}"'
            cells.append(f"<td{_number(flag)}{value}>{escape(text)}</td>")
        rows.append(f"<tr>{''.join(cells)}</tr>")
    body = "\n".join(rows)
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(table.title)}">\n<table>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>\n</div>"
    )


def _for_scripts(value: float) -> str:
    return f"{value:.12g}".replace("inf", "Infinity")


_MISSING = ("", "-", "–", "—", "−", "n/a")


def _number(flag: bool) -> str:
    return ' class="number"' if flag else ""


def _curves(curves: Curves) -> str:
    lines = []
    for line in curves.lines:
        x, y = thinned(np.asarray(line.x), np.asarray(line.y), curves.x_log)
        lines.append({"name": line.name, "x": rounded(x, 6), "y": rounded(y, 5)})
    shown = {
        "xLabel": curves.x_label,
        "yLabel": curves.y_label,
        "xLog": curves.x_log,
        "yRange": None if curves.y_range is None else rounded(np.asarray(curves.y_range), 6),
        "lines": lines,
    }
    return _drawn("curves", curves.title, shown)


def _histograms(histograms: Histograms) -> str:
    shown = [
        {
            "name": one.name,
            "edges": rounded(np.asarray(one.edges_s), 7),
            "counts": [int(count) for count in one.counts],
            "marks": [{"name": name, "at": float(f"{at:.7g}")} for name, at in one.marks],
        }
        for one in histograms.distributions
    ]
    return _drawn("histogram", histograms.title, {"distributions": shown, "xLabel": histograms.x_label})


def _drawn(kind: str, title: str, value: Any) -> str:
    return (
        f'<div class="chart" data-kind="{kind}" data-title="{escape(title)}">{data(value)}'
        "<noscript><p>This chart is drawn by JavaScript, which is switched off here.</p></noscript></div>"
    )


def _picture(picture: Picture) -> str:
    kind = "image/png" if picture.data.startswith(b"\x89PNG") else "image/svg+xml"
    return f'<img src="data:{kind};base64,{_base64(picture.data)}" alt="{escape(picture.alt)}">'


def _listening(part: Listening) -> str:
    peak = max((float(np.max(np.abs(version.audio), initial=0.0)) for version in part.versions), default=0.0)
    scale = min(1.0, _PEAK / peak) if peak else 1.0
    sounds = [np.atleast_2d(version.audio) * np.float32(scale) for version in part.versions]
    shown = {
        "rate": min(part.sample_rate_hz, MAX_RATE_HZ),
        "seconds": sounds[0].shape[1] / part.sample_rate_hz,
        "versions": [
            {"name": version.name, "gainDb": round(gain, 3), "wave": _wave(sound)}
            for version, gain, sound in zip(part.versions, gains_db(sounds, part.sample_rate_hz), sounds, strict=True)
        ],
    }
    plain = "\n".join(
        f"<li><span>{escape(version.name)}</span> "
        f'<audio controls preload="none" src="data:audio/flac;base64,{_base64(flac(sound, part.sample_rate_hz))}"></audio></li>'
        for version, sound in zip(part.versions, sounds, strict=True)
    )
    return f'<div class="player" data-title="{escape(part.title)}">{data(shown)}\n<ul class="plain">\n{plain}\n</ul></div>'


def _wave(sound: np.ndarray) -> list[int]:
    """Peak of each column in percent of full scale."""
    peaks = np.max(np.abs(sound), axis=0, initial=0.0)
    starts = np.unique(np.linspace(0, max(len(peaks) - 1, 0), _WAVE_COLUMNS, endpoint=False).astype(int))
    return [round(100 * float(peak)) for peak in np.maximum.reduceat(peaks, starts)] if len(peaks) else []


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
