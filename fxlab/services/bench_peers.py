"""fxlab's DSP against pedalboard's: the same effect over a whole mono file in one call, one thread, in turns.

Each is used as its interface means it: pedalboard returns a new array, fxlab writes into one that it is given.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable

import numpy as np

from fxlab.effects.registry import effect
from fxlab.errors import MissingError
from fxlab.metrics.timing import bootstrap_median
from fxlab.progress import Progress, silent
from fxlab.services.bench_audio import Clip
from fxlab.services.bench_report import PeerReport

SECONDS = 30.0
_FEWEST_RUNS = 11
_DRIVE_DB, _CUTOFF_HZ = 25.0, 4000.0
_BITS, _PEER_BITS = 9, 8  # pedalboard's step is 1 / 2^bits, fxlab's 2 / 2^bits: the same 461 levels between -0.9 and 0.9


def require_pedalboard() -> None:
    """Raises `MissingError` where pedalboard isn't installed."""
    if importlib.util.find_spec("pedalboard") is None:
        raise MissingError("--peers compares with pedalboard, which isn't installed.", "pip install pedalboard")


def measure_peers(clip: Clip, runs: int, seed: int = 0, progress: Progress = silent) -> list[PeerReport]:
    """Both saturators and both bitcrushers on 30 s of audio (a shorter clip is repeated); at least eleven runs each."""
    audio = np.resize(clip.audio, (1, round(SECONDS * clip.rate_hz)))
    contests = _contests(audio, clip.rate_hz)
    players = [(name, player) for name, (_, ours, theirs) in contests.items() for player in (ours, theirs)]
    times: dict[int, list[float]] = {i: [] for i in range(len(players))}
    for _, player in players:
        player()
    rng = np.random.default_rng(seed)
    runs = max(runs, _FEWEST_RUNS)
    for run in range(runs):
        progress("Peers", run, runs)
        for i in rng.permutation(len(players)):
            start = time.perf_counter()
            players[i][1]()
            times[int(i)].append(time.perf_counter() - start)
    progress("Peers", runs, runs)
    intervals = [bootstrap_median(np.array(times[i]), seed) for i in range(len(players))]
    return [
        PeerReport(name, peer, SECONDS, intervals[2 * i], intervals[2 * i + 1])
        for i, (name, (peer, _, _)) in enumerate(contests.items())
    ]


def _contests(audio: np.ndarray, rate_hz: int) -> dict[str, tuple[str, Callable[[], np.ndarray], Callable[[], np.ndarray]]]:
    from pedalboard import Bitcrush, Distortion, LowpassFilter, Pedalboard

    saturated = Pedalboard([Distortion(drive_db=_DRIVE_DB), LowpassFilter(cutoff_frequency_hz=_CUTOFF_HZ)])
    crushed = Pedalboard([Bitcrush(bit_depth=_PEER_BITS)])
    return {
        "saturator": (
            "pedalboard Distortion + LowpassFilter",
            _player("saturator", audio, rate_hz, drive_db=_DRIVE_DB, bias=0, cutoff_hz=_CUTOFF_HZ),
            lambda: saturated(audio, rate_hz),
        ),
        "bitcrusher": (
            "pedalboard Bitcrush",
            _player("bitcrusher", audio, rate_hz, bits=_BITS),
            lambda: crushed(audio, rate_hz),
        ),
    }


def _player(name: str, audio: np.ndarray, rate_hz: int, **parameters: object) -> Callable[[], np.ndarray]:
    """A call that plays the whole audio from silence."""
    processor = effect(name).processor("numba", **parameters)
    processor.prepare(rate_hz, 1, audio.shape[1])
    out = np.empty_like(audio)

    def play() -> np.ndarray:
        processor.reset()
        processor.process(audio, out)
        return out

    return play
