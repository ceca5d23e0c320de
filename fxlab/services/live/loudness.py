"""What makes two chains equally loud, so that they can be compared by ear."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import numpy as np

from fxlab.audio.loudness import integrated_lufs, mean_lufs
from fxlab.audio.quantise import finite
from fxlab.services.clip import load_clip
from fxlab.services.render.file import Settings, wet_of
from fxlab.settings import EffectSettings

MOST_GAIN_DB = 24.0
LISTENED_S = 3.0
"""Of more audio than this the end counts; each further channel shortens it, so that the work stays the same."""
SILENT_LUFS = -80.0
"""Below this an input tells of the noise of an interface only: effects are matched on notes instead."""


def loudness_gain_db(a: Sequence[EffectSettings], b: Sequence[EffectSettings], audio: np.ndarray, sample_rate_hz: int) -> float:
    """By how many dB the output of `b` must be changed to be as loud as that of `a`, at most `MOST_GAIN_DB` up or down.

    Both are opened anew for this. Compared is the loudness after BS.1770-4; where its gates leave nothing, the K-weighted mean
    power. An input as good as silent is replaced by the clip of plucked strings that ships.

    Args:
        a: The chain that sets the loudness.
        b: The chain that is to be changed.
        audio: Dry input, float32 (channels, frames); the last `LISTENED_S` count.
        sample_rate_hz: Its rate.

    Raises:
        UsageError, InputError: A stage that can't be played.
    """
    channels = audio.shape[0]
    frames = round(LISTENED_S * sample_rate_hz / channels)
    heard = finite(np.ascontiguousarray(audio[:, -frames:], np.float32))[0]
    if mean_lufs(heard, sample_rate_hz) > SILENT_LUFS:
        gain_db = _difference_db(a, b, heard, sample_rate_hz)
        if math.isfinite(gain_db):
            return min(max(gain_db, -MOST_GAIN_DB), MOST_GAIN_DB)
    clip = np.repeat(_clip(sample_rate_hz)[:, :frames], channels, axis=0)
    gain_db = _difference_db(a, b, clip, sample_rate_hz)
    return min(max(gain_db, -MOST_GAIN_DB), MOST_GAIN_DB) if math.isfinite(gain_db) else 0.0


def _difference_db(a: Sequence[EffectSettings], b: Sequence[EffectSettings], audio: np.ndarray, rate: int) -> float:
    """How much louder `a` plays than `b`; not finite where one of them is silent."""
    played = [_played(chain, audio, rate) for chain in (a, b)]
    for loudness in (integrated_lufs, mean_lufs):  # both by the same measure
        of_a, of_b = (loudness(wet, rate) for wet in played)
        if math.isfinite(of_a) and math.isfinite(of_b):
            return of_a - of_b
    return math.nan


def _played(chain: Sequence[EffectSettings], audio: np.ndarray, rate: int) -> np.ndarray:
    process, _ = wet_of(Settings(chain), rate, audio.shape[0])
    return finite(np.concatenate(list(process([audio])), axis=1))[0]


@lru_cache(maxsize=2)
def _clip(rate: int) -> np.ndarray:
    return load_clip(Path(str(files("fxlab") / "assets" / "clip.flac"))).at(rate)[0]
