"""Keys become actions however they arrive, and the terminal is as it was afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fxlab.console.live import terminal as live_terminal
from fxlab.console.live.keys import HELP, SHORT_HELP, Decoder, Keys

posix = pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a POSIX terminal")

SEQUENCES = {
    b" ": "bypass", b"a": "twin", b"r": "reset", b"q": "quit", b"?": "help", b"7": "profile 7",
    b"\x1b[A": "previous", b"\x1b[B": "next", b"\x1b[C": "more", b"\x1b[D": "less", b"\x1bOC": "more", b"\x1b[Z": "previous",
    b"\x1b[1;2C": "more_fast", b"\x1b[1;5D": "less_fast", b"\x1b[c": "more_fast", b"\x1bOd": "less_fast",
    b"\x1b[H": "default", b"\x1b[1~": "default", b"\x7f": "default", b"0": "default", b"\t": "next", b"k": "previous",
}  # fmt: skip
IGNORED = (b"x", b"\x1b[3~", b"\x1b[15~", b"\x1bOP", b"\x1bx", b"\x1b[<0;1;1M", "é".encode(), b"\x1b[200;300;400;500;600;700R")


@given(st.lists(st.sampled_from([*SEQUENCES, *IGNORED])), st.data())
def test_keys_are_understood_wherever_their_bytes_are_split(keys, data):
    stream = b"".join(keys)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    decoder, found = Decoder(), []
    for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += decoder.feed(stream[begin:end])
    assert found == [SEQUENCES[key] for key in keys if key in SEQUENCES]
    assert not decoder.waiting and decoder.flush() == []


@given(st.binary())
def test_no_bytes_disturb(data):
    decoder = Decoder()
    known = {*SEQUENCES.values(), *(f"profile {digit}" for digit in range(1, 10))}
    assert set(decoder.feed(data)) | set(decoder.flush()) <= known
    assert decoder.feed(b"a") == ["twin"], "after a flush nothing is open"


def test_a_lone_escape_quits_and_the_beginning_of_a_sequence_does_not():
    decoder = Decoder()
    assert decoder.feed(b"\x1b") == [] and decoder.flush() == ["quit"]
    assert decoder.feed(b"\x1b[") == [] and decoder.flush() == []
    assert decoder.feed(b"\x1b\x1b") == ["quit"]


def test_the_help_names_every_action():
    words = " ".join(keys for keys, _ in HELP).split()
    assert {"space", "a", "q", "Esc", "r", "?", "↑", "←", "[", "]", "0", "Tab"} <= set(words)
    assert {key for keys, _ in SHORT_HELP for key in keys.split()} <= set(words) | {"↑↓", "←→"}


@posix
class TestTerminal:
    """Against a pseudo-terminal, of which this process plays the person."""

    @pytest.fixture
    def person(self):
        here, there = os.openpty()
        yield here, there
        os.close(here)
        os.close(there)

    @staticmethod
    def keys(there):
        return Keys(keyboard=live_terminal.PosixKeyboard(there))

    def test_actions_come_in_order_and_nothing_is_echoed(self, person):
        here, there = person
        with self.keys(there) as keys:
            os.write(here, b" a\x1b[1;5Cq")
            assert [keys.poll(1.0) for _ in range(4)] == ["bypass", "twin", "more_fast", "quit"]
            os.set_blocking(here, False)
            with pytest.raises(BlockingIOError):
                os.read(here, 100)

    def test_a_sequence_in_two_parts_and_a_lone_escape(self, person, monkeypatch):
        here, there = person
        with self.keys(there) as keys:
            monkeypatch.setattr("fxlab.console.live.keys.ESCAPE_WAIT_S", 60.0)
            os.write(here, b"\x1b")
            assert keys.poll(0.01) is None
            os.write(here, b"[")
            assert keys.poll(0.01) is None
            os.write(here, b"A")
            assert keys.poll(30.0) == "previous"
            monkeypatch.undo()
            os.write(here, b"\x1b")
            assert keys.poll(30.0) == "quit"

    def test_the_terminal_is_as_before_even_after_an_exception(self, person):
        import termios

        before = termios.tcgetattr(person[1])
        handlers = [signal.getsignal(number) for number in (signal.SIGTSTP, signal.SIGCONT)]
        with pytest.raises(ZeroDivisionError), self.keys(person[1]):
            within = termios.tcgetattr(person[1])
            assert not within[3] & (termios.ICANON | termios.ECHO) and within[3] & termios.ISIG
            1 / 0  # noqa: B018
        assert termios.tcgetattr(person[1]) == before
        assert [signal.getsignal(number) for number in (signal.SIGTSTP, signal.SIGCONT)] == handlers

    def test_a_terminal_that_has_gone_is_quiet(self):
        here, there = os.openpty()
        keys = self.keys(there)
        with keys:
            os.close(here)
            began = time.monotonic()
            assert keys.poll(0.05) is None and keys.poll(0.05) is None
            assert time.monotonic() - began >= 0.09, "no end of reading nothing"
        os.close(there)

    def test_stopping_and_going_on(self):
        """A process in a terminal of its own: Ctrl-Z gives the terminal back, going on takes it, Ctrl-C interrupts."""
        import pty
        import termios

        code = """
            import sys, time
            from fxlab.console.live.keys import Keys
            try:
                with Keys(lambda: print("stop", flush=True), lambda: print("go", flush=True)) as keys:
                    print("ready", flush=True)
                    while True:
                        action = keys.poll(5.0)
                        print(action, flush=True)
            except KeyboardInterrupt:
                print("interrupted", flush=True)
        """
        # A shell's place: a parent that is the session's leader, for a process group without one can't be stopped by Ctrl-Z.
        child, here = pty.fork()
        if child == 0:
            os.execv(sys.executable, [sys.executable, "-c", SHELL, textwrap.dedent(code)])
        told = b""

        def wait_for(word):
            nonlocal told
            while word not in told:
                told += os.read(here, 1000)
            told = told.split(word, 1)[1]

        def line_wise():
            return bool(termios.tcgetattr(here)[3] & termios.ICANON)

        wait_for(b"ready")
        assert not line_wise()
        os.write(here, b"\x1a")
        wait_for(b"stop")
        wait_for(b"stopped")
        assert line_wise()
        os.write(here, b"\n")
        wait_for(b"go")
        assert not line_wise()
        os.write(here, b"a")
        wait_for(b"twin")
        os.write(here, b"\x03")
        wait_for(b"interrupted")
        wait_for(b"ended")
        assert line_wise()
        os.waitpid(child, 0)
        os.close(here)


SHELL = """
import os, signal, subprocess, sys
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], process_group=0) if sys.version_info >= (3, 11) else \\
    subprocess.Popen([sys.executable, "-c", sys.argv[1]], preexec_fn=os.setpgrp)
os.tcsetpgrp(0, child.pid)
os.kill(child.pid, signal.SIGCONT)
os.waitpid(child.pid, os.WUNTRACED)
os.tcsetpgrp(0, os.getpgrp())
print("stopped", flush=True)
sys.stdin.readline()
os.tcsetpgrp(0, child.pid)
os.kill(child.pid, signal.SIGCONT)
child.wait()
os.tcsetpgrp(0, os.getpgrp())
print("ended", flush=True)
"""


def test_without_a_terminal_polling_only_waits():
    code = "from fxlab.console.live.keys import Keys\nwith Keys() as keys: print(keys.poll(0.01), keys.poll(0))"
    ran = subprocess.run([sys.executable, "-c", code], input="q\n", capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "None None"


def test_the_console_of_windows_sends_the_same_actions(monkeypatch):
    typed = list(" \xe0K\x00M\xe0~q")
    fake = types.SimpleNamespace(kbhit=lambda: bool(typed), getwch=lambda: typed.pop(0))
    monkeypatch.setitem(sys.modules, "msvcrt", fake)
    with Keys(keyboard=live_terminal.WindowsKeyboard()) as keys:
        assert [keys.poll(1.0) for _ in range(4)] == ["bypass", "less", "more", "quit"]
        assert keys.poll(0.0) is None
        typed.append("\x03")
        with pytest.raises(KeyboardInterrupt):
            keys.poll(1.0)
