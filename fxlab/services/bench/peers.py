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
from fxlab.services.bench.report import PeerReport
from fxlab.services.clip import Clip

SECONDS = 30.0
_FEWEST_RUNS, _WARM_UP_RUNS = 31, 6
_DRIVE_DB, _CUTOFF_HZ = 25.0, 4000.0
_BITS, _PEER_BITS = 9, 8  # pedalboard's step is 1 / 2^bits, fxlab's 2 / 2^bits: the same 461 levels between -0.9 and 0.9


def require_pedalboard() -> None:
    """Raises `MissingError` where pedalboard isn't installed."""
    if importlib.util.find_spec("pedalboard") is None:
        raise MissingError("--peers compares with pedalboard, which isn't installed.", "pip install pedalboard")


def measure_peers(clip: Clip, runs: int, seed: int = 0, progress: Progress = silent) -> list[PeerReport]:
    """Both saturators in turns, then both bitcrushers, on 30 s of audio (a shorter clip is repeated); at least 31 runs each."""
    audio = np.resize(clip.audio, (1, round(SECONDS * clip.rate_hz)))
    contests = _contests(audio, clip.rate_hz)
    runs = max(runs, _FEWEST_RUNS)
    reports = []
    for done, (name, (peer, *players)) in enumerate(contests.items()):
        progress("Peers", done, len(contests), against=peer)
        times = _in_turns(players, runs, seed)
        reports.append(PeerReport(name, peer, SECONDS, *(bootstrap_median(row, seed) for row in times)))
    progress("Peers", len(contests), len(contests))
    return reports


def _in_turns(players: list[Callable[[], np.ndarray]], runs: int, seed: int) -> np.ndarray:
    """Seconds of every player's runs, shape (players, runs), the order drawn anew for each; some more go before to warm up.

    The last result is kept until the next one is there. Otherwise the C library would hand the memory of a returned array
    back to the system every time, and touching fresh pages takes pedalboard several times as long as crushing bits.
    """
    rng = np.random.default_rng(seed)
    times = np.zeros((len(players), _WARM_UP_RUNS + runs))
    kept = [np.empty(0)] * len(players)
    for run in range(times.shape[1]):
        for i in rng.permutation(len(players)):
            start = time.perf_counter()
            result = players[i]()
            times[i, run] = time.perf_counter() - start
            kept[i] = result
    return times[:, _WARM_UP_RUNS:]


def _contests(audio: np.ndarray, rate_hz: int) -> dict[str, tuple[str, Callable[[], np.ndarray], Callable[[], np.ndarray]]]:
    from pedalboard import Bitcrush, Distortion, LowpassFilter, Pedalboard

    saturated = Pedalboard([Distortion(drive_db=_DRIVE_DB), LowpassFilter(cutoff_frequency_hz=_CUTOFF_HZ)])
    crushed = Pedalboard([Bitcrush(bit_depth=_PEER_BITS)])
    return {
        "saturator": (
            "pedalboard Distortion + LowpassFilter",
            _player("saturator", audio, rate_hz, drive_db=_DRIVE_DB, bias=0, makeup_db=0, cutoff_hz=_CUTOFF_HZ),
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
