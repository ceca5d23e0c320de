"""What a mastering network is worth on songs that it never heard: likeness, what it does, what it costs, what can be read off."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from fxlab.mastering.degradation import Degradation, degrade, drawn
from fxlab.mastering.examples import WINDOW, analysed, at_working_level, stereo_at
from fxlab.mastering.features import features_of
from fxlab.mastering.filters import equalise, response_db
from fxlab.mastering.grey_box import process
from fxlab.mastering.network import MasterNet, Settings
from fxlab.mastering.songs import Song
from fxlab.mastering.windows import COUNT
from fxlab.metrics.mastering import CENTRES_HZ, COLUMNS, scores, spectrum_change_db
from fxlab.models.model import Card
from fxlab.progress import Progress

EXCERPT_S = 10.0
STILL_DB = 0.5
_OPEN = 0.5
_REPEATS = 5


@dataclass(frozen=True)
class Evaluation:
    """Figures over songs; each song counts once, as the mean of its degradations.

    Attributes:
        songs: Of each song name, style, and every column of `fxlab.metrics.mastering.COLUMNS` of doing nothing, of the network,
            and of the network without its residual ("nothing", "network", "readable").
        largest_db: The largest gain of any band.
        still: Share of untouched songs of which no third octave moves by more than half a decibel.
        needs: Mean need of degraded and of untouched songs.
        usage: Mean gate of every band and share of songs in which it is open, over all and by style; None without gates.
        readable: Energy of what equaliser and grey box change, over that and what the residual adds.
        milliseconds: Median time of each component for a second of stereo, one thread, torch.
        curves: Of the first degradation of each song: wanted and decided response, dB in each third octave.
        heard: The first song's excerpt (2, frames), "degraded" first of all, by the "network", and as "released"; none without
            songs.
    """

    songs: list[dict[str, Any]]
    largest_db: float
    still: float
    needs: tuple[float, float]
    usage: dict[str, dict[str, list[float]]] | None
    readable: float
    milliseconds: dict[str, float]
    curves: list[dict[str, Any]]
    heard: dict[str, np.ndarray] = field(default_factory=dict)

    def mean(self, who: str) -> dict[str, float]:
        """Every column's mean over songs of "nothing", "network" or "readable"."""
        return {name: statistics.fmean(song[who][name] for song in self.songs) for name in COLUMNS}

    def to_json(self) -> dict[str, Any]:
        means = {who: self.mean(who) for who in ("nothing", "network", "readable")} if self.songs else {}
        return {
            "held_out": means,
            "songs": self.songs,
            "largest_db": self.largest_db,
            "still": self.still,
            "needs": {"degraded": self.needs[0], "untouched": self.needs[1]},
            "usage": self.usage,
            "readable": self.readable,
            "milliseconds": self.milliseconds,
        }


def heard_by(network: MasterNet, card: Card, audio: np.ndarray, rate_hz: int) -> tuple[torch.Tensor, Settings]:
    """Latent and settings of a song (2, frames) at the network's rate; the song at any level."""
    features = None
    if network.config.features:
        mean, spread = (np.asarray(card["features"][name], np.float32) for name in ("mean", "spread"))
        features = torch.from_numpy((features_of(analysed(audio, rate_hz)) - mean) / spread)[None]
    level, _ = at_working_level(audio, rate_hz)
    last = max(0, level.shape[1] - WINDOW)
    starts = np.linspace(0, last, COUNT).astype(int)
    level = np.pad(level, ((0, 0), (0, max(0, WINDOW - level.shape[1]))))
    windows = torch.from_numpy(np.stack([level[:, start : start + WINDOW] for start in starts]))[None]
    with torch.no_grad():
        z = network.analyse(windows, features)
        return z, network.settings(z)


def evaluate(
    network: MasterNet,
    card: Card,
    songs: Sequence[Song],
    draws: int,
    seed: int,
    progress: Progress,
    stopping: Callable[[], bool],
) -> Evaluation:
    """Degrades every song several times, lets the network bring it back, and once leaves it as it is; ends early if stopped."""
    rate_hz = network.config.sample_rate_hz
    network.eval()
    rows, needs, idle, gates, largest, curves = [], [], [], [], 0.0, []
    energies, heard = np.zeros(2), {}
    for number, song in enumerate(songs):
        if stopping():
            break
        progress("Judging on songs kept back", number, len(songs), file=song.name)
        audio = stereo_at(song.path, rate_hz)
        length = min(audio.shape[1], round(EXCERPT_S * rate_hz))
        start = (audio.shape[1] - length) // 2
        audio = np.ascontiguousarray(audio[:, start : start + length])
        rng = np.random.default_rng((seed, int(song.sha256[:12], 16)))
        found: dict[str, list[dict]] = {"nothing": [], "network": [], "readable": []}
        for draw in range(draws):
            how = drawn(rng, untouched=0.0)
            dry = degrade(audio, rate_hz, how)
            z, settings = heard_by(network, card, dry, rate_hz)
            readable, whole = _played(network, dry, settings, z, rate_hz)
            for who, wet in (("nothing", dry), ("readable", readable)):
                found[who].append(scores(audio, wet, rate_hz))
            found["network"].append(scores(audio, whole, rate_hz) if network.residual is not None else found["readable"][-1])
            energies += float(np.sum((readable - dry) ** 2)), float(np.sum((whole - readable) ** 2))
            needs.append(float(settings.need))
            gates.append((song.style, settings.bands.weight[0].numpy()))
            largest = max(largest, float(settings.bands.gain_db.abs().max()))
            heard = heard or {"degraded": dry, "network": whole, "released": audio}
            if not draw:
                curves.append({"song": song.name, **_curves(settings, how, rate_hz)})
        z, settings = heard_by(network, card, audio, rate_hz)
        _, whole = _played(network, audio, settings, z, rate_hz)
        still = bool(np.abs(spectrum_change_db(audio, whole, rate_hz)).max() <= STILL_DB)
        idle.append((float(settings.need), still))
        rows.append({"name": song.name, "style": song.style} | {who: _mean(each) for who, each in found.items()})
    return Evaluation(
        songs=rows,
        largest_db=largest,
        still=float(np.mean([still for _, still in idle])) if idle else float("nan"),
        needs=(float(np.mean(needs)) if needs else 0.0, float(np.mean([need for need, _ in idle])) if idle else 0.0),
        usage=_usage(gates) if network.config.adaptive and gates else None,
        readable=float(energies[0] / energies.sum()) if energies.sum() else 1.0,
        milliseconds=_times(network),
        curves=curves,
        heard=heard,
    )


def _played(network: MasterNet, audio: np.ndarray, settings: Settings, z: torch.Tensor, rate_hz: int) -> tuple[np.ndarray, ...]:
    """The song at its own level through what can be read off, and with the residual."""
    level, gain = at_working_level(audio, rate_hz)
    dry = torch.from_numpy(level)[None]
    with torch.no_grad():
        readable = equalise(dry, settings.bands, rate_hz)
        if settings.box is not None:
            readable = process(readable, settings.box, rate_hz)
        whole = readable + network.correction(dry, settings, z)
    return tuple(wet[0].numpy() / np.float32(gain) for wet in (readable, whole))


def _curves(settings: Settings, how: Degradation, rate_hz: int) -> dict[str, list[float]]:
    hz = torch.from_numpy(np.minimum(CENTRES_HZ, 0.48 * rate_hz))
    decided = response_db(settings.bands, hz, rate_hz)[0].numpy()
    wanted = -how.response_db(rate_hz)
    return {"wanted_db": (wanted - wanted.mean()).tolist(), "decided_db": (decided - decided.mean()).tolist()}


def _mean(rows: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.fmean(row[name] for row in rows) for name in COLUMNS}


def _usage(gates: list[tuple[str, np.ndarray]]) -> dict[str, dict[str, list[float]]]:
    by_style = {"all": [gate for _, gate in gates]}
    for style, gate in gates:
        by_style.setdefault(style, []).append(gate)
    return {
        style: {"gate": np.mean(found, axis=0).tolist(), "open": np.mean(np.array(found) > _OPEN, axis=0).tolist()}
        for style, found in by_style.items()
    }


def _times(network: MasterNet) -> dict[str, float]:
    """Median milliseconds of each component for a second of stereo."""
    rate_hz = network.config.sample_rate_hz
    audio = torch.randn(1, 2, rate_hz, generator=torch.Generator().manual_seed(0)) / 10
    features = torch.zeros(1, network.config.features) if network.config.features else None
    with torch.no_grad():
        z = network.analyse(audio[:, None], features)
        settings = network.settings(z)
        parts = {
            "encoder": lambda: network.analyse(audio[:, None], features),
            "decoder": lambda: network.settings(z),
            "equaliser": lambda: equalise(audio, settings.bands, rate_hz),
        }
        if settings.box is not None:
            parts["grey box"] = lambda: process(audio, settings.box, rate_hz)
        if network.residual is not None:
            parts["residual"] = lambda: network.correction(audio, settings, z)
        return {name: _median_ms(part) for name, part in parts.items()}


def _median_ms(part: Callable[[], object]) -> float:
    times = []
    for _ in range(_REPEATS + 1):
        began = time.perf_counter()
        part()
        times.append(1e3 * (time.perf_counter() - began))
    return statistics.median(times[1:])
