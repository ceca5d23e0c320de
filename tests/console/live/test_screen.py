"""The thread that draws: it outlives nothing, hurts nothing, and leaves the terminal clean."""

from __future__ import annotations

import dataclasses
import io
import sys
import threading

import pytest
from rich.console import Console
from rich.text import Text

from fxlab.console import output
from fxlab.console.live import screen as live_screen
from fxlab.console.live.screen import Screen


class Taken:
    """A `take` that tells when it has been called so many times, and may fail then."""

    def __init__(self, playing, times, error=None):
        self.playing, self.left, self.error = playing, times, error
        self.done = threading.Event()

    def __call__(self):
        self.left -= 1
        if self.left <= 0:
            self.done.set()
            if self.error:
                raise self.error
        return dataclasses.replace(self.playing, elapsed_s=float(-self.left))


@pytest.fixture(autouse=True)
def mode():
    output.begin()
    yield
    output.begin()


@pytest.fixture
def terminal(monkeypatch):
    """What a terminal gets, as a page."""
    page = io.StringIO()
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(output, "is_terminal", lambda stderr: True)
    made = lambda stderr: Console(file=page, width=100, height=40, force_terminal=True, _environ={})  # noqa: E731
    monkeypatch.setattr(output, "_console", made)
    return page


def test_the_panel_is_drawn_and_vanishes(terminal, playing):
    take, out, err = Taken(playing, 3), sys.stdout, sys.stderr
    with Screen(take, below=lambda width: Text("spectrum".center(width))) as screen:
        assert take.done.wait(60)
    screen.reraise()
    assert sys.stdout is out and sys.stderr is err
    shown = terminal.getvalue()
    assert "tcn twin" in shown and "spectrum" in shown
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l"), "the cursor is back"
    assert shown.endswith("\x1b[2K"), "the last thing is that its lines are erased"


def test_what_others_say_stands_above_the_panel(terminal, playing):
    take = Taken(playing, 2)
    with Screen(take) as screen:
        assert take.done.wait(60)
        output.warn("look here")
        take.done.clear()
        take.left = 2
        assert take.done.wait(60)
    screen.reraise()
    said = terminal.getvalue().split("look here")
    assert len(said) == 2 and "playing" in said[1], "the panel is drawn anew below it"
    assert output.err() is not output.err(), "nobody draws any more"


def test_an_exception_ends_the_pictures_not_the_program(terminal, playing):
    take = Taken(playing, 3, error=ZeroDivisionError("a slip"))
    with Screen(take) as screen:
        assert take.done.wait(60)
    with pytest.raises(ZeroDivisionError, match="a slip"):
        screen.reraise()
    shown = terminal.getvalue()
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")


def test_a_paused_screen_leaves_the_terminal_alone_and_help_replaces_what_is_below(terminal, playing):
    take = Taken(playing, 2)
    with Screen(take, below=lambda width: Text("spectrum")) as screen:
        screen.toggle_help()
        assert take.done.wait(60)
        screen.pause()
        taken = take.left
        screen.resume()
        take.done.clear()
        take.left = 2
        assert take.done.wait(60), "it draws again"
        assert taken <= 0
    screen.reraise()
    assert "choose a parameter" in terminal.getvalue()


def test_without_a_terminal_there_are_lines(monkeypatch, playing):
    page = io.StringIO()
    monkeypatch.setattr(sys, "stderr", page)
    monkeypatch.setattr(live_screen, "LINES_EVERY_S", 0.001)
    states = iter(["playing", "playing", "device lost, next try in 2 s", "device lost, next try in 1 s", "playing"])
    done = threading.Event()

    def take():
        state = next(states, None)
        if state is None:
            done.set()
        return dataclasses.replace(playing, state=state or "playing")

    with Screen(take) as screen:
        assert done.wait(60)
    screen.reraise()
    said = page.getvalue().splitlines()
    assert [line.split()[0] for line in said] == ["Playing", "At", "At", "Ended"]
    assert "device lost" in said[1] and "\x1b" not in page.getvalue()


def test_quiet_means_nothing_at_all(monkeypatch):
    page = io.StringIO()
    monkeypatch.setattr(sys, "stderr", page)
    output.begin(quiet=True)
    with Screen(lambda: pytest.fail("nobody looks")) as screen:
        pass
    screen.reraise()
    assert page.getvalue() == ""
