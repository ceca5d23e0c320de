"""What a mastering network advises for a song: a chain, or to leave it alone."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np

from fxlab.errors import InputError
from fxlab.mastering.analysis import Analysis
from fxlab.mastering.chain import Chain, Peak
from fxlab.mastering.comparable import MONO_DB, Comparable
from fxlab.mastering.config import MasterConfig
from fxlab.mastering.corpus import comparable
from fxlab.mastering.features import COUNT, WORKING_LUFS, features_of
from fxlab.mastering.listener import Decision, decide
from fxlab.mastering.windows import RATE_HZ
from fxlab.models.checkpoint_file import read
from fxlab.models.model import Card, Model

NEEDED = 0.6
"""A song whose need is under this measures like a finished master, and is left alone: a little more than the network that ships
says of any finished song that it was validated with."""

_NOTHING_DB, _NOTHING_RATIO, _NOTHING_WIDTH = 0.05, 1.02, 0.02
_HINT = "`fxlab train SONGS --model master -o run` makes one: run/best.safetensors."


@dataclass(frozen=True)
class Advice:
    """What to do with a song.

    Attributes:
        chain: Without loudness; empty for a song that is to be left alone.
        need: How far the song is from a finished master, 0..1.
        comparable: Songs like it among those that the network has learnt from; None where its card tells of none.
    """

    chain: Chain
    need: float
    comparable: Comparable | None

    @property
    def finished(self) -> bool:
        """Whether it measures like a finished master."""
        return self.need < NEEDED


SHIPPED = Path(str(files("fxlab") / "assets" / "master.safetensors"))


def advise(song: Analysis, windows: np.ndarray, model: Path | None = None, insist: bool = False) -> Advice:
    """The advice for a song that isn't silent.

    Args:
        song: Its analysis.
        windows: Parts of it, as `fxlab.mastering.windows.WindowTaker` takes them.
        model: A mastering checkpoint, None for the one that ships.
        insist: Correct it even if it measures like a finished master.

    Raises:
        InputError: The model is none, is no mastering network, or decides on what is no number.
    """
    network = _loaded(model or SHIPPED)
    gain = 10 ** ((WORKING_LUFS - song.programme.integrated_lufs) / 20)
    features = None
    if network.config.features:
        scale = network.card["features"]
        features = (features_of(song) - np.asarray(scale["mean"])) / np.asarray(scale["spread"])
    with np.errstate(all="ignore"):  # of weights that make no sense; what comes of them is looked at
        decided = decide(network, windows * np.float32(gain), features, insist)
    if not np.isfinite([*decided.freq_hz, *decided.gain_db, *decided.q, decided.need, *decided.box.values()]).all():
        raise InputError("The mastering model decides on something that is no number.", _HINT)
    chain = _chain_of(decided, song.programme.integrated_lufs - WORKING_LUFS, song.width_db > MONO_DB)
    alone = decided.need < NEEDED and not insist
    return Advice(Chain() if alone else chain, decided.need, _compared(song, network))


def _compared(song: Analysis, network: Model) -> Comparable | None:
    try:
        return comparable(song, network.card.get("corpus") or [])
    except (KeyError, TypeError, ValueError, IndexError, OverflowError):
        raise InputError("The card of the mastering model tells of its songs in a way that isn't understood.", _HINT) from None


def _loaded(path: Path) -> Model:
    network, _, _ = read(path)
    if not isinstance(network.config, MasterConfig):
        raise InputError(f"{path} is no mastering network.", _HINT)
    if network.config.sample_rate_hz != RATE_HZ:
        raise InputError(f"{path} hears songs at {network.config.sample_rate_hz} Hz; they are played to it at {RATE_HZ}.", _HINT)
    if network.config.features:
        _check_features(network.card, network.config.features, path)
    return network


def _check_features(card: Card, count: int, path: Path) -> None:
    try:
        good = all(np.isfinite(np.array(card["features"][name], float)).all() for name in ("mean", "spread"))
        good = good and count == COUNT and all(np.shape(card["features"][name]) == (count,) for name in ("mean", "spread"))
        if not good or min(card["features"]["spread"]) <= 0:
            raise ValueError
    except (KeyError, TypeError, ValueError, OverflowError):
        raise InputError(f"The card in {path} doesn't say how the network's measures are scaled.", _HINT) from None


def _chain_of(decided: Decision, above_db: float, stereo: bool) -> Chain:
    """The settings as effects; levels that they were decided at are moved by `above_db` to the song's own.

    A song in mono has no width to change, and its chain shall not change that of a song that it is replayed on.
    """
    bands = zip(decided.freq_hz.tolist(), decided.gain_db.tolist(), decided.q.tolist(), strict=True)
    peaks = tuple(Peak(*band) for band in bands if abs(band[1]) > _NOTHING_DB)
    dynamics: dict[str, float] = {}
    width: dict[str, float] = {}
    if decided.box.get("ratio", 1.0) > _NOTHING_RATIO:
        dynamics = {name: decided.box[name] for name in ("threshold_db", "ratio", "attack_ms", "release_ms", "knee_db")}
        dynamics["threshold_db"] = min(0.0, max(-60.0, dynamics["threshold_db"] + above_db))
    if stereo and abs(decided.box.get("width", 1.0) - 1.0) > _NOTHING_WIDTH:
        width = {"width": decided.box["width"]}
    return Chain(peaks, {}, dynamics, width)
