"""The analyzer in a window of its own, drawn by another process: drawing takes nothing from the one that plays."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from multiprocessing.connection import Connection

from fxlab.errors import MissingError
from fxlab.services.live.analyzer import Spectra

_START_S = 60.0
_END_S = 2.0
_LOOK_MS = 25


class Window:
    """Opens the window. Closing it ends the pictures and nothing else; this process ending closes it.

    Raises:
        MissingError: There is no display, or nothing that opens windows on it.
    """

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_show, args=(theirs,), name="fxlab analyzer", daemon=True)
        self._process.start()
        theirs.close()
        self._ready, trouble = True, "it takes too long to open"
        with contextlib.suppress(EOFError, OSError):
            if self._pipe.poll(_START_S):
                trouble = self._pipe.recv()
        if trouble:
            self.close()
            raise MissingError(
                f"No window can be opened here: {trouble}.",
                "The analyzer in the terminal needs none. A window needs a display, and Tk or Qt (`pip install pyqt6`).",
            )

    @property
    def open(self) -> bool:
        """Whether it is still there."""
        return not self._pipe.closed and self._process.is_alive()

    def show(self, spectra: Spectra) -> None:
        """Hands on what to draw, and never waits: while the last picture is being drawn, this one is left out."""
        if self._pipe.closed:
            return
        try:
            if self._pipe.poll():
                self._pipe.recv()
                self._ready = True
            if self._ready:
                self._ready = False
                self._pipe.send(spectra)
        except (EOFError, OSError):
            self._pipe.close()

    def close(self) -> None:
        """Closes it; nothing happens if it is closed."""
        self._pipe.close()
        self._process.join(_END_S)
        if self._process.is_alive():
            self._process.terminate()


def _show(pipe: Connection) -> None:
    """The other process: answers with what is in the way, or "", then draws until the window or the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that plays, which then closes the pipe
    nothing = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):  # what window systems have to say would run through the panel
        os.dup2(nothing, stream)
    try:
        from matplotlib import pyplot

        from fxlab.console.live.picture import Picture

        figure = pyplot.figure("fxlab live", figsize=(9, 5), layout="constrained")
        if figure.canvas.required_interactive_framework is None:
            pipe.send("there is no display, or no Tk and no Qt")
            return
        picture = Picture(figure)
    except Exception as error:  # each window system fails in its own way
        pipe.send(str(error).rstrip(".") or type(error).__name__)
        return

    def look() -> None:
        try:
            if pipe.poll():
                picture.show(pipe.recv())
                pipe.send("")
        except (EOFError, OSError):
            pyplot.close(figure)

    timer = figure.canvas.new_timer(interval=_LOOK_MS)
    timer.add_callback(look)
    timer.start()
    pipe.send("")
    pyplot.show()
