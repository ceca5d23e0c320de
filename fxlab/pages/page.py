"""A page as one HTML file: everything is in it, nothing is ever fetched."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from importlib.resources import files
from pathlib import Path

from fxlab.audio.atomic import replacing, require_place
from fxlab.audio.writer import check_vacant
from fxlab.errors import UsageError
from fxlab.pages.markup import Markup, of_part
from fxlab.pages.parts import Page

SUFFIXES = (".html", ".htm")

_STYLES = ("page.css", "table.css", "charts.css", "player.css")
_SCRIPTS = (
    "dom.js",
    "axis.js",
    "chart.js",
    "curves.js",
    "histogram.js",
    "table.js",
    "sound.js",
    "wave.js",
    "abx.js",
    "keys.js",
    "player.js",
    "main.js",
)
"""In the order in which they build on each other."""

_LISTED = 4  # parts, from which on the page has a table of contents


def check_page(path: Path, force: bool) -> None:
    """Finds out before any work begins whether a page can go to `path`.

    Raises:
        UsageError: It isn't named as a page, is a folder, or exists and `force` is off.
        OutputError: Its folder can't be written.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{path} isn't named as a page.", f"Choose one of: {', '.join(SUFFIXES)}.")
    check_vacant(path, force)
    require_place(path)


def write(page: Page, path: Path, force: bool = False) -> Path:
    """Writes a page, whole or not at all, and returns its path; raises as `check_page` does, and where the disk is full."""
    path = Path(path)
    check_page(path, force)
    text = html(page)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="replace")  # names of files may hold what isn't text
    return path


def html(page: Page) -> str:
    """The whole page; the same values give the same text."""
    parts = [of_part(part, f"part{number}") for number, part in enumerate(page.parts, 1)]
    style, script = (_together(names) for names in (_STYLES, _SCRIPTS))
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; img-src data:; media-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{escape(page.title)}</title>",
            '<link rel="icon" href="data:,">',
            f"<style>{style}</style>",
            "</head>",
            "<body>",
            _head(page, parts),
            "<main>",
            *(part.html for part in parts),
            "</main>",
            f"<script>{script}</script>",
            "</body>",
            "</html>",
            "",
        ]
    )


def _head(page: Page, parts: list[Markup]) -> str:
    facts = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in page.facts)
    links = "".join(f'<li><a href="#{part.anchor}">{escape(part.title)}</a></li>' for part in parts)
    lines = [
        "<header>",
        f"<h1>{escape(page.title)}</h1>",
        f"<p>{escape(page.summary)}</p>" if page.summary else "",
        f'<div class="command"><pre><code>{escape(page.command)}</code></pre></div>' if page.command else "",
        f'<dl class="facts">{facts}</dl>' if facts else "",
        f'<nav aria-label="Contents"><ul>{links}</ul></nav>' if len(parts) >= _LISTED else "",
        "</header>",
    ]
    return "\n".join(filter(None, lines))


def _together(names: tuple[str, ...]) -> str:
    return "\n" + "\n".join((files("fxlab.pages") / name).read_text("utf-8") for name in names)


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
