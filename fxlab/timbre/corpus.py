"""The recordings that an instrument is learnt from: read, heard, diagnosed and measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fxlab.audio import files
from fxlab.audio.resampling import resample
from fxlab.errors import InputError
from fxlab.hashing import file_sha256
from fxlab.progress import Progress
from fxlab.timbre.config import InstrumentConfig
from fxlab.timbre.diagnosis import Finding, diagnose
from fxlab.timbre.features import extract_file
from fxlab.timbre.frames import SILENCE_DB, Features, midi_of
from fxlab.timbre.segments import Take, take_of
from fxlab.timbre.tracker import Tracker

PHRASE_S = 16.0
_HEARD_DB = 50.0  # below the loudest frame; what is softer says nothing of how the instrument is played
_LEAST_SPREAD_DB, _LEAST_SPREAD = 3.0, 1e-3


@dataclass(frozen=True)
class Corpus:
    """Recordings and what they have in common.

    Args:
        takes: Recordings, all as long as a segment at least.
        findings: What is remarkable about each, by file name.
        measures: The "features" of the instrument's card.
        phrase: What the instrument plays when nothing else is asked of it.
        listed: Name, length and hash of each file, for the card.
    """

    takes: tuple[Take, ...]
    findings: tuple[tuple[str, Finding], ...]
    measures: dict[str, Any]
    phrase: Features
    listed: list[dict[str, Any]]


def gather(
    paths: Sequence[Path],
    config: InstrumentConfig,
    tracker: Tracker,
    segment_s: float,
    hold_out: float,
    cache: Path | None,
    progress: Progress,
    measures: dict[str, Any] | None = None,
) -> Corpus:
    """Reads recordings, hears them and finds out what they are.

    Args:
        paths: Audio files; channels are mixed down.
        config: The instrument's.
        tracker: Finds the pitch.
        segment_s: Length of the segments that will be drawn.
        hold_out: Share of each recording that is kept back.
        cache: Where features are kept from one run to the next.
        measures: Those of an instrument that is learnt further; None takes the recordings' own.

    Raises:
        InputError: A file that can't be read, or that no instrument can be learnt from: too short, silent, without one pitch.
    """
    least = math.ceil(segment_s * config.frame_rate_hz)
    takes, findings, listed = [], [], []
    for number, path in enumerate(paths):
        progress("Listening", number, len(paths), file=path.name)
        audio, rate_hz = files.read(path)
        mono = audio.mean(axis=0)
        features = extract_file(path, config, tracker, cache)
        found = diagnose(mono, rate_hz, features)
        for finding in found:
            if finding.fatal:
                raise InputError(f"{path}: {finding.text}", finding.hint)
        findings += [(path.name, finding) for finding in found]
        sound = resample(mono, rate_hz, config.sample_rate_hz)
        takes.append(take_of(path.name, sound, features, config, hold_out, least))
        listed.append({"name": path.name, "seconds": round(len(mono) / rate_hz, 2), "sha256": file_sha256(path)})
    progress("Listening", len(paths), len(paths))
    learnt = [take.features[part.start : part.stop] for take in takes for part in take.learnt]
    return Corpus(
        tuple(takes),
        tuple(findings),
        measures or measured(learnt, config, tracker.name),
        _phrase([take.features for take in takes]),
        listed,
    )


def measured(heard: Sequence[Features], config: InstrumentConfig, tracker: str) -> dict[str, Any]:
    """The "features" of a card: how they were come by, and their means and spreads over all frames that sound."""
    loudness = np.concatenate([one.loudness_db for one in heard])
    sounding = loudness > max(float(loudness.max()) - _HEARD_DB, SILENCE_DB)
    voiced = sounding & (np.concatenate([one.voiced for one in heard]) > 0)
    midi = midi_of(np.concatenate([one.f0_hz for one in heard]))
    pitched = midi[voiced] if voiced.any() else midi
    found: dict[str, Any] = {
        "tracker": tracker,
        "sample_rate_hz": config.sample_rate_hz,
        "hop": config.hop,
        "loudness": _moments(loudness[sounding], _LEAST_SPREAD_DB),
        "range_midi": [round(float(value), 2) for value in np.percentile(pitched, [2, 98])],
        "loudness_range_db": [round(float(value), 2) for value in np.percentile(loudness[sounding], [5, 95])],
    }
    if config.mfcc:
        mfcc = np.concatenate([one.mfcc for one in heard])[sounding].astype(np.float64)
        spread = np.maximum(mfcc.std(axis=0), _LEAST_SPREAD)
        found["mfcc"] = {"mean": mfcc.mean(axis=0).round(4).tolist(), "spread": spread.round(4).tolist()}
    return found


def phrase_json(phrase: Features) -> dict[str, list[float]]:
    """The "phrase" of a card."""
    return {
        "midi": np.round(midi_of(phrase.f0_hz), 3).tolist(),
        "voiced": np.round(phrase.voiced, 2).tolist(),
        "loudness_db": np.round(phrase.loudness_db, 2).tolist(),
    }


def _moments(values: np.ndarray, least: float) -> dict[str, float]:
    return {"mean": round(float(values.mean()), 3), "spread": round(max(float(values.std()), least), 3)}


def _phrase(heard: Sequence[Features]) -> Features:
    """Of the longest recording, its first seconds."""
    longest = max(heard, key=len)
    return longest[: round(PHRASE_S * longest.frame_rate_hz)].without_timbre()
