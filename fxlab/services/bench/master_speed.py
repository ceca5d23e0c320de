"""How fast a four-minute song is mastered, file to file, and in how much memory: fxlab and its rival in turns.

Each has a process of its own, which waits while another's turn is.
"""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from fxlab.audio.codecs import has_ffmpeg
from fxlab.audio.files import Writer, read
from fxlab.errors import FxlabError
from fxlab.progress import Progress
from fxlab.services.bench import master_rivals as rivals
from fxlab.services.bench.master_report import Speed
from fxlab.services.bench.master_rivals import FXLAB, MATCHERING
from fxlab.services.bench.master_songs import Song
from fxlab.services.machine import most_bytes

SONG_S = 240.0
RUNS = 3

WITHOUT_CODECS = f"{FXLAB} --no-codecs"
_USUAL_HZ = 44_100  # at which matchering works


@dataclass(frozen=True)
class Task:
    """What one of the processes does over and over."""

    name: str
    source: Path
    reference: Path
    output: Path
    model: Path | None

    def __call__(self) -> None:
        if self.name == MATCHERING:
            if refusal := rivals.by_matchering(self.source, self.output, self.reference):
                raise FxlabError(f"matchering refuses the song for the measurement of speed: {refusal}", "Leave out --peers.")
        else:
            rivals.mastered(self.source, self.output, self.model, codecs=False if self.name == WITHOUT_CODECS else None)


def measured(songs: Sequence[Song], folder: Path, model: Path | None, peers: bool, progress: Progress) -> list[Speed]:
    """Time and memory of everyone who takes part, in turns: a run that compiles, then `RUNS`.

    The song is the first one in stereo at 44.1 kHz, if there is any, repeated to `SONG_S`; matchering's reference is the next
    one, as long. With ffmpeg installed fxlab is timed with and without trying lossy codecs, which the rival doesn't do.
    """
    usual = sorted(songs, key=lambda song: (song.channels != 2, song.sample_rate_hz != _USUAL_HZ))
    source, reference = (
        _repeated(song, folder / f"{what}.wav", SONG_S) for song, what in ((usual[0], "song"), (usual[1 % len(usual)], "other"))
    )
    names = [FXLAB, *([WITHOUT_CODECS] if has_ffmpeg() else []), *([MATCHERING] if peers else [])]
    context, ends, processes = multiprocessing.get_context("spawn"), {}, []
    try:
        for number, name in enumerate(names):
            ends[name], theirs = context.Pipe()
            task = Task(name, source, reference, folder / f"speed-{number}.wav", model)
            processes.append(context.Process(target=_serve, args=(theirs, task), daemon=True))
            processes[-1].start()
            theirs.close()
        times: dict[str, list[float]] = {name: [] for name in names}
        done, total = 0, (RUNS + 1) * len(names)
        for turn in range(RUNS + 1):
            for name, end in ends.items():
                progress("Timing", done, total, whom=name)
                took = _answer(end, name, True)
                done += 1
                if turn:
                    times[name].append(took)
        progress("Timing", total, total)
        peaks = {name: int(_answer(end, name, False)) for name, end in ends.items()}
    finally:
        for process in processes:
            process.terminate()
            process.join()
    return [Speed(name, float(np.median(times[name])), times[name], SONG_S, peaks[name]) for name in names]


def _repeated(song: Song, path: Path, seconds: float) -> Path:
    audio, rate_hz = read(song.path)
    audio = audio if len(audio) == 2 else np.repeat(audio, 2, axis=0)
    missing = round(seconds * rate_hz)
    with Writer(path, rate_hz, 2, "PCM_16", frames=missing) as writer:
        while missing:
            writer.write(audio[:, :missing])
            missing -= min(missing, audio.shape[1])
    return path


def _answer(end: Connection, name: str, question: bool) -> float:
    try:
        end.send(question)
        answer = end.recv()
    except (EOFError, OSError):
        raise FxlabError(f"The measurement of {name} ended unexpectedly.", "Is there enough memory?") from None
    if isinstance(answer, FxlabError):
        raise answer
    return answer


def _serve(end: Connection, task: Task) -> None:
    """One process: a run for every True that comes, its time for an answer; its memory at the end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started it ends it
    while end.recv():
        start = time.perf_counter()
        try:
            task()
        except FxlabError as error:
            end.send(error)
            return
        end.send(time.perf_counter() - start)
    end.send(most_bytes())
