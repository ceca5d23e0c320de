"""Streams through a real PortAudio and a real sound server: sound passes, and a lost server is noticed and comes back."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
import soundfile

PLAYER = str(Path(__file__).with_name("player.py"))


class Told:
    """A player (see `player.py`) as an object: `ask(word)` gives its answer."""

    def __init__(self, pulse, way: str) -> None:
        self.process = pulse.start_python(PLAYER, way)

    def ask(self, word: str):
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        return json.loads(line)

    def end(self) -> str:
        """What it wrote to stderr; it must end by itself."""
        self.process.stdin.close()
        self.process.wait(timeout=200)
        assert self.process.returncode == 0
        return self.process.stderr.read()


@pytest.fixture(params=["native", "portable"])
def player(request, pulse):
    told = Told(pulse, request.param)
    yield told
    told.process.kill()
    told.process.wait()


def test_sound_passes(player, pulse, tmp_path):
    sound = np.random.default_rng(1).uniform(-0.5, 0.5, (2, 72_000)).astype(np.float32)
    soundfile.write(tmp_path / "noise.wav", sound.T, 48_000, subtype="FLOAT")
    path, *latencies = player.ask("open")
    assert path in ("compiled callback", "Python callback")
    assert all(0.0 < latency < 1.0 for latency in latencies)
    assert player.ask("play") is True

    recorder = pulse.recording(tmp_path / "out.raw")
    time.sleep(0.5)
    assert pulse.play(tmp_path / "noise.wav").wait(timeout=200) == 0
    time.sleep(0.5)
    recorder.terminate()
    recorder.wait()
    heard = np.fromfile(tmp_path / "out.raw", np.float32).reshape(-1, 2).T

    # Piece by piece, and not all of them: on a busy machine there are gaps.
    found = [_contains(heard, sound[:, at : at + 960]) for at in range(0, 72_000, 960)]
    assert sum(found) >= 10
    assert player.ask("restart") is None
    assert player.ask("play") is True
    assert player.ask("close") == [True, True, False]
    assert player.ask("again") == [True, False]
    assert player.end() == ""


def test_a_killed_server_is_noticed_and_comes_back(player, pulse):
    player.ask("open")
    assert player.ask("play") is True
    pulse.kill()
    # PulseAudio's library may be caught in a lock of its own then: a killed server can look like a hanging one.
    assert player.ask("lost") in (True, False)
    assert player.ask("restart")[0] == "MissingError"
    well, in_time, hanging = player.ask("close")
    assert in_time
    assert well is not hanging
    assert player.ask("rescan") is well
    kind, message, hint = player.ask("open")
    assert kind == "MissingError"
    assert "--virtual" in hint
    pulse.restart()
    assert player.ask("rescan") is well
    player.ask("open")
    assert player.ask("play") is True
    assert player.ask("close")[:2] == [True, True]
    assert player.end() == ""


def test_a_hanging_server_hangs_nobody(player, pulse):
    player.ask("open")
    assert player.ask("play") is True
    pulse.freeze()
    assert player.ask("lost") is True
    assert player.ask("close") == [False, True, True]
    assert player.ask("rescan") is False
    assert player.ask("open")[0] == "MissingError"
    pulse.thaw()
    assert player.ask("recover") is True
    player.ask("open")
    assert player.ask("play") is True
    assert player.ask("close")[:2] == [True, True]
    assert player.end() == ""


def _contains(heard: np.ndarray, piece: np.ndarray) -> bool:
    """Whether a piece is somewhere in what was heard, both channels at the same place and as loud."""
    lag = int(np.argmax(scipy.signal.correlate(heard[0], piece[0], "valid")))
    return bool(np.allclose(heard[:, lag : lag + piece.shape[1]], piece, atol=1e-4))
