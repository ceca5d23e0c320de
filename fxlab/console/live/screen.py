"""Draws the panel of a running stream from a thread of its own, or says what matters in lines where no terminal is."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from fxlab.console import output
from fxlab.console.live.cells import DIM, Frame
from fxlab.console.live.keys import HELP
from fxlab.console.live.lines import changed, ended, started
from fxlab.console.live.panel import panel
from fxlab.live.snapshot import Snapshot

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

FRAMES_PER_S = 20
"""Pictures a second at most."""

LINES_EVERY_S = 0.25
"""How often the state is looked at where it is told in lines."""

_SHARE = 0.1  # of the time that drawing may take: on a slow machine there are fewer pictures
_LONGEST_REST_S = 0.5  # but what is seen follows what is pressed, also after a first picture that took long
_NARROWEST = 40


class Screen:
    """The panel on stderr for the length of a `with`; nothing with `--quiet`.

    The normal screen is used, not the alternate one: warnings appear above the panel, and when it ends it vanishes from where it
    stood, so that the terminal is clean. An exception in `take`, `below` or the drawing ends the pictures, never the sound;
    `reraise` tells it when all is over.

    Args:
        take: What is to be seen at the moment.
        below: What to draw below the panel (the analyzer), given the columns; None for nothing. The help takes its place.
    """

    def __init__(self, take: Callable[[], Snapshot], below: Callable[[int], RenderableType | None] | None = None) -> None:
        self.error: BaseException | None = None
        self.help = False
        self._take, self._below = take, below
        self._ending = threading.Event()
        self._drawing = threading.RLock()
        self._paused = False
        self._live: Live | None = None
        self._size: tuple[int, int] | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Screen:
        if not output.mode.quiet:
            run = self._pictures if output.is_terminal(stderr=True) else self._lines
            self._thread = threading.Thread(target=self._guarded, args=(run,), name="fxlab panel", daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._ending.set()
        if self._thread is not None:
            self._thread.join()

    def reraise(self) -> None:
        """Raises what went wrong in the thread, if anything did."""
        if self.error is not None:
            raise self.error

    def toggle_help(self) -> None:
        """Shows all keys below the panel, or hides them."""
        self.help = not self.help

    def pause(self) -> None:
        """Leaves the terminal alone (Ctrl-Z), until `resume`."""
        with self._drawing:
            self._paused = True
            self._stop()

    def resume(self) -> None:
        """Draws again."""
        self._paused = False

    def _guarded(self, run: Callable[[], None]) -> None:
        try:
            run()
        except BaseException as problem:
            self.error = problem
        finally:
            with contextlib.suppress(Exception):
                self._stop()

    def _pictures(self) -> None:
        """Until the end: a picture, then a rest that is long beside the time it took."""
        while not self._ending.is_set():
            began = time.perf_counter()
            with self._drawing:
                if not self._paused:
                    self._draw()
            took = time.perf_counter() - began
            self._ending.wait(max(1 / FRAMES_PER_S - took, min(took / _SHARE - took, _LONGEST_REST_S)))

    def _draw(self) -> None:
        from rich.console import Group
        from rich.live import Live
        from rich.segment import SegmentLines

        snapshot, size = self._take(), _terminal_size()
        if self._live is None or size != self._size:
            if self._live is not None:
                self._stop()  # what was drawn for another width has been wrapped: nothing is where it was
                output.err().clear()
            self._size = size
            self._live = Live(console=output.err(), auto_refresh=False, transient=True, vertical_overflow="crop")
            self._live.start()
            output.drawing(self._live.console)
        console = self._live.console
        width, room = max(_NARROWEST, console.width), console.height - 1
        extra = _keys(width) if self.help else self._below(width) if self._below else None
        lines = [] if extra is None else console.render_lines(extra, console.options.update(width=width))
        picture: RenderableType = panel(snapshot, width, room - len(lines))
        if lines:
            picture = Group(picture, SegmentLines(lines, new_lines=True))
        self._live.update(picture, refresh=True)

    def _stop(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            output.drawing(None)
            live.stop()

    def _lines(self) -> None:
        before = self._take()
        output.note(started(before))
        while not self._ending.wait(LINES_EVERY_S):
            now = self._take()
            line = changed(before, now)
            if line:
                output.note(line)
            before = now
        output.note(ended(self._take()))


def _terminal_size() -> tuple[int, int] | None:
    """Columns and lines now, if there is a way to know; a Rich console keeps those it began with."""
    try:
        return tuple(os.get_terminal_size(sys.__stderr__.fileno()))
    except (AttributeError, OSError, ValueError):
        return None


def _keys(width: int) -> Frame:
    rows = [[(f"{keys:<17}", "bold"), (meaning, "")] for keys, meaning in HELP]
    return Frame(width, ("keys", "bold"), ("", ""), rows, (("?", "hide"),), DIM)
