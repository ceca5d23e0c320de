"""Who competes in `fxlab bench --suite master`: each makes a file out of a degraded song."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from fxlab.audio.files import read
from fxlab.audio.resampling import resample
from fxlab.errors import MissingError
from fxlab.mastering.chain import Chain
from fxlab.mastering.delivery import Delivery, deliver
from fxlab.mastering.targets import DEFAULT, TARGETS
from fxlab.services.master import service as master

NOTHING, RULE, FXLAB, MATCHERING = "nothing", "rule", "fxlab", "matchering"

_PIVOT_HZ, _TILT_DB = 650.0, 1.5
_RATIO, _ATTACK_MS, _RELEASE_MS, _KNEE_DB, _DEPTH_DB = 2.0, 30.0, 150.0, 6.0, 8.0


def mastered(source: Path, output: Path, model: Path | None, codecs: bool | None = False) -> None:
    """What `fxlab master` writes with its defaults, but for the network, and for whether lossy codecs are tried."""
    master.run(master.Request([source], output=output, model=model, codecs=codecs, workers=1, force=True))


def by_rule(source: Path, output: Path) -> None:
    """The same for every song, as textbooks have it for a mix that waits for its mastering.

    A tilt equaliser of 3 dB, low and high shelf of -1.5 and +1.5 dB around 650 Hz; a compressor of 2:1 from 8 dB below the
    highest sample on (knee 6 dB, attack 30 ms, release 150 ms, channels linked), which takes some 3 dB off loud passages. Then
    limiter, loudness and format as `fxlab master` chooses them.
    """
    audio, _ = read(source)
    peak_db = 20 * np.log10(max(float(np.abs(audio).max()), 1e-6))
    chain = Chain(
        tone={
            "low_shelf_hz": _PIVOT_HZ,
            "low_shelf_db": -_TILT_DB,
            "high_shelf_hz": _PIVOT_HZ,
            "high_shelf_db": _TILT_DB,
        },
        dynamics={
            "threshold_db": float(np.clip(peak_db - _DEPTH_DB, -60.0, 0.0)),
            "ratio": _RATIO,
            "attack_ms": _ATTACK_MS,
            "release_ms": _RELEASE_MS,
            "knee_db": _KNEE_DB,
        },
    )
    deliver(source, chain, TARGETS[DEFAULT], output, Delivery(force=True))


def by_matchering(source: Path, output: Path, reference: Path) -> str | None:
    """What matchering writes, at 44.1 kHz with two channels, given a finished song; or why it refuses."""
    import matchering
    from matchering.log.exceptions import ModuleError

    try:
        matchering.process(str(source), str(reference), [matchering.pcm24(str(output))])
    except ModuleError as error:
        return str(error)
    return None


def require_matchering() -> None:
    """Raises `MissingError` where matchering isn't installed."""
    if importlib.util.find_spec("matchering") is None:
        raise MissingError("--peers compares with matchering, which isn't installed.", "pip install matchering")


def heard(path: Path, rate_hz: int, like: np.ndarray) -> np.ndarray:
    """A master at the rate, channels and length of the song (channels, frames) that it was made of."""
    audio, own_hz = read(path)
    audio = resample(audio, own_hz, rate_hz)[:, : like.shape[1]]
    if len(audio) != len(like):
        audio = audio.mean(axis=0, keepdims=True)
    return np.pad(audio, ((0, 0), (0, like.shape[1] - audio.shape[1])))
