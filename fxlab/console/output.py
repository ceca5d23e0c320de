"""Where words go: results to stdout, everything else to stderr, and with `--json` exactly one document on stdout.

Rich is imported only when something is drawn, so that `fxlab --help` stays light.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from fxlab.formats.plain_json import text_of

if TYPE_CHECKING:
    from rich.console import Console

MAX_WIDTH = 140
"""Columns that a table or panel takes at most, however wide the terminal."""


OTHERS_WAIT_S = 10.0
"""How long another process than the first keeps an error back: if it is the first one's too, torchrun ends it meanwhile."""


@dataclass
class Mode:
    """What the user asked of all output, and all the words of the command.

    `first` is false in all but the first of the processes that torchrun started: that one speaks for all.
    """

    json: bool = False
    quiet: bool = False
    debug: bool = False
    words: Sequence[str] = ()
    first: bool = True


class Result(Protocol):
    """What a service returns: something with a plain form."""

    def to_json(self) -> dict: ...


_UNITS = re.compile(r"(?<=\d) (?=(?:%|dB\w*|LU(?:FS)?|k?Hz|[mµ]?s|min|[KMG]iB)(?!\w))")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

mode = Mode()
_document: dict[str, Any] | None = None
_drawing: Console | None = None


def begin(json: bool = False, quiet: bool = False, debug: bool = False, words: Sequence[str] = ()) -> None:
    """Sets the mode of one run of the command line and forgets the last run's document."""
    global _document
    mode.first = os.environ.get("WORLD_SIZE", "1") == "1" or os.environ.get("RANK", "0") == "0"
    mode.json, mode.quiet, mode.debug, mode.words, _document = json, quiet or not mode.first, debug, words, None


def command_with(word: str, without: str = "") -> str:
    """The command of this run to copy, with one more word and perhaps without another."""
    words = [given for given in mode.words if given != without]
    return shlex.join(["fxlab", *words, *([] if word in words else [word])])


def typed() -> str:
    """The command of this run, to copy."""
    return shlex.join(["fxlab", *mode.words])


def out() -> Console:
    """A console on stdout, for results."""
    return _console(stderr=False)


def err() -> Console:
    """A console on stderr, for everything else."""
    return _drawing or _console(stderr=True)


def drawing(console: Console | None) -> None:
    """Names the console that keeps a picture on stderr, None when it is gone: what others say then appears above the picture."""
    global _drawing
    _drawing = console


def is_terminal(stderr: bool = False) -> bool:
    """Whether a person watches this stream."""
    stream = sys.stderr if stderr else sys.stdout
    return bool(stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb")


def _console(stderr: bool) -> Console:
    from rich.console import Console

    class Ours(Console):
        def on_broken_pipe(self) -> None:
            """Rich would exit with 1; `cli` has a code for it."""
            raise BrokenPipeError

    console = Ours(stderr=stderr, highlight=False, soft_wrap=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = MAX_WIDTH  # a file or pipe has no width of its own, and 80 columns would cut tables
    console.width = min(console.width, MAX_WIDTH)
    return console


def finish(result: Result, show: Callable[[Any], None], plot: Path | None = None) -> None:
    """Ends a command: its result is shown, or with `--json` becomes the document; then picture and page are named, if there are.

    Raises:
        FxlabError: What kept the page (`html`) of a result from being written: its `html_error`.
    """
    if not mode.first:
        return
    if mode.json:
        document(result.to_json())
    else:
        show(result)
    if plot:
        note(f"Picture: {plot}")
    if error := getattr(result, "html_error", None):
        raise error
    if path := getattr(result, "html", None):
        note(f"Page: {path}")


def document(value: Mapping[str, Any]) -> None:
    """Sets the one JSON document of this run; it is written when the run ends."""
    global _document
    _document = dict(value)


def say(text: str, style: str = "") -> None:
    """A sentence among the results on stdout, in lines at whose ends no figure is parted from its unit; whole on a pipe."""
    console, text = out(), printable(text)
    if console.is_terminal:
        import textwrap

        # textwrap, unlike Rich, doesn't break at a no-break space.
        kept = _UNITS.sub("\N{NO-BREAK SPACE}", text)
        lines = textwrap.wrap(kept, console.width, break_long_words=False, break_on_hyphens=False)
        text = "\n".join(lines).replace("\N{NO-BREAK SPACE}", " ")
    console.print(text, style=style, markup=False, soft_wrap=True)


def note(text: str) -> None:
    """One line of information on stderr, none with `--quiet`."""
    if not mode.quiet:
        err().print(printable(text), markup=False, soft_wrap=True)


def warn(text: str) -> None:
    """One line of warning on stderr."""
    if mode.first:
        err().print(f"Warning: {printable(text)}", style="yellow", markup=False, soft_wrap=True)


def error(kind: str, message: str, hint: str, exit_code: int) -> None:
    """Shows an error: one panel (plain lines where no terminal is), and with `--json` also in the document."""
    if not mode.first:
        time.sleep(OTHERS_WAIT_S)
    if mode.json:
        document({**(_document or {}), "error": {"kind": kind, "message": message, "hint": hint}, "exit_code": exit_code})
    message, hint = printable(message), printable(hint)
    if not is_terminal(stderr=True):
        sys.stderr.write(f"Error: {message}\n" + (f"{hint}\n" if hint else ""))
        return
    from rich.panel import Panel
    from rich.text import Text

    body = Text(message)
    if hint:
        body.append(f"\n{hint}", style="dim")
    err().print(Panel(body, title="Error", title_align="left", border_style="red"))


def printable(text: str) -> str:
    """Text without control characters other than line ends: a file's name must not steer the terminal."""
    return _CONTROL.sub("?", text)


def write_document() -> None:
    """Writes the pending document to stdout, if there is one."""
    if _document is not None:
        sys.stdout.write(text_of(_document))
