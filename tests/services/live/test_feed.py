"""Threads that feed and record a stream: all frames, in order, and errors that are told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile

from fxlab.audio.writer import Writer
from fxlab.errors import InputError, OutputError, UsageError
from fxlab.services.live.feed import Feed, Recorder, file_blocks


def noise(frames, channels=1):
    return np.random.default_rng(frames).uniform(-1, 1, (channels, frames)).astype(np.float32)


def drain(ring):
    pieces = []
    while not ring.ended or ring.waiting:
        pieces.append(ring.pull(3000))
        time.sleep(0.0005)
    return np.concatenate(pieces, axis=1)


def test_a_long_file_comes_through_a_short_ring(tmp_path):
    audio = noise(100_000, 2)
    soundfile.write(tmp_path / "long.wav", audio.T, 8000, "FLOAT")
    feed = Feed(file_blocks(tmp_path / "long.wav", 8000), 2, 8000)
    feed.start()
    assert feed.ring.waiting >= feed.ring.size // 2
    assert np.array_equal(drain(feed.ring), audio)
    feed.close()
    assert feed.error is None


def test_over_and_over_until_it_is_closed(tmp_path):
    audio = noise(700)
    soundfile.write(tmp_path / "short.wav", audio.T, 8000, "FLOAT")
    feed = Feed(file_blocks(tmp_path / "short.wav", 8000, again=True), 1, 8000)
    feed.start()
    assert np.array_equal(feed.ring.pull(2100), np.tile(audio, 3))
    feed.close()
    assert feed.ring.ended


def test_a_damaged_file_is_an_error_of_the_feed():
    def blocks():
        yield noise(100)
        raise InputError("The file is damaged.")

    feed = Feed(blocks(), 1, 8000)
    feed.start()
    assert drain(feed.ring).shape == (1, 100)
    feed.close()
    assert isinstance(feed.error, InputError)


@pytest.mark.parametrize("name, subtype", [("a.wav", "FLOAT"), ("a.flac", "PCM_24")])
def test_the_recording_holds_what_was_wanted(tmp_path, name, subtype):
    recorder = Recorder(tmp_path / name, 2, 8000, skip=69, frames=5000, force=False)
    recorder.start()
    audio = 0.9 * noise(9000, 2)
    for start in range(0, 9000, 128):
        piece = audio[:, start : start + 128]
        while recorder.ring.room < piece.shape[1]:
            time.sleep(0.001)
        recorder.ring.push(piece)
    recorder.close()
    assert recorder.full and recorder.written == 5000
    found, _ = soundfile.read(tmp_path / name, dtype="float32")
    assert soundfile.info(tmp_path / name).subtype == subtype
    assert np.abs(found.T - audio[:, 69:5069]).max() <= (0 if subtype == "FLOAT" else 2**-23)


def test_a_recording_that_cannot_be_is_told(tmp_path):
    (tmp_path / "there.wav").write_bytes(b"precious")
    with pytest.raises(UsageError, match="exists already"):
        Recorder(tmp_path / "there.wav", 1, 8000, 0, None, False)
    recorder = Recorder(tmp_path / "there.wav" / "below.wav", 1, 8000, 0, None, False)
    recorder.start()
    with pytest.raises(OutputError):
        recorder.close()
    assert (tmp_path / "there.wav").read_bytes() == b"precious"


CUT_OFF = """
import os, signal, sys, time
import numpy as np
from pathlib import Path
from fxlab.services.live.feed import Recorder
recorder = Recorder(Path(sys.argv[1]), 1, 8000, 0, None, False)
recorder.start()
for start in range(0, 20_000, 1000):
    recorder.ring.push(np.full((1, 1000), 0.5, np.float32))
    while recorder.written <= start:
        time.sleep(0.001)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(os.name != "posix", reason="without locks nothing can be told to be left over")
def test_a_recording_that_was_cut_off_is_found_by_the_next_one(tmp_path):
    for name in ("take.cut-off.wav", "take.cut-off1.wav"):
        assert subprocess.run([sys.executable, "-c", CUT_OFF, tmp_path / "take.wav"]).returncode == -signal.SIGKILL
        beside = Recorder(tmp_path / "other.wav", 1, 8000, 0, None, True)
        beside.start()
        during = Recorder(tmp_path / "third.wav", 1, 8000, 0, None, True)
        assert beside.rescued == [tmp_path / name] and during.rescued == []
        beside.close()
        found, _ = soundfile.read(tmp_path / name)
        assert len(found) >= 15_000 and np.all(found == 0.5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.wav", "take.cut-off.wav", "take.cut-off1.wav"]


@pytest.mark.skipif(os.name != "posix", reason="without locks nothing can be told to be left over")
def test_what_was_recorded_until_the_disk_was_full_is_kept(tmp_path, monkeypatch):
    def full(writer, block, write=Writer.write):
        if writer.frames >= 4000:
            raise OutputError("No space left", "Make room.")
        write(writer, block)

    monkeypatch.setattr(Writer, "write", full)
    recorder = Recorder(tmp_path / "take.wav", 1, 8000, 0, None, False)
    recorder.start()
    for start in range(0, 5000, 1000):
        recorder.ring.push(np.full((1, 1000), 0.5, np.float32))
        while recorder.written <= start and recorder.error is None:
            time.sleep(0.001)
    with pytest.raises(OutputError) as caught:
        recorder.close()
    assert "Make room. What was recorded until then" in caught.value.hint and "take.cut-off.wav" in caught.value.hint
    assert [path.name for path in tmp_path.iterdir()] == ["take.cut-off.wav"]
    assert len(soundfile.read(tmp_path / "take.cut-off.wav")[0]) == 4000
