"""What the bench plays: a clip of plucked strings that ships, or a file of the user's."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

LONGEST_S = 20.0
"""Of a longer file the beginning is taken: the blocks of a run and the judgement of quality don't gain by more."""

CLIP_RATE_HZ = 48_000
_CLIP_SEEDS = {"pluck": (5, 1), "chord": (5, 2)}
_CLIP_SEGMENT_S, _CLIP_PEAK_DB = 2.5, -4.0


@dataclass
class Clip:
    """Mono audio at any rate it is asked for.

    Args:
        name: For the report.
        audio: float32 (1, frames).
        rate_hz: Its own rate.
        replaced: Samples that were not numbers (NaN, infinity) and became silence.
    """

    name: str
    audio: np.ndarray
    rate_hz: int
    replaced: int = 0
    _resampled: dict[int, np.ndarray] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        return self.audio.shape[1] / self.rate_hz

    def at(self, rate_hz: int | None) -> tuple[np.ndarray, int]:
        """The audio at a rate, None for its own, and that rate. The same rate gives the same array."""
        if rate_hz in (None, self.rate_hz):
            return self.audio, self.rate_hz
        if rate_hz not in self._resampled:
            from fxlab.audio.resampling import resample

            self._resampled[rate_hz] = resample(self.audio, self.rate_hz, rate_hz)
        return self._resampled[rate_hz], rate_hz


def load_clip(path: Path) -> Clip:
    """The beginning of an audio file, its channels averaged; raises `InputError` for a file that can't be used."""
    from fxlab.audio.files import Reader

    with Reader(path) as reader:
        rate_hz = reader.info.sample_rate_hz
        wanted, pieces = round(LONGEST_S * rate_hz), []
        for block in reader.blocks():
            pieces.append(block.mean(axis=0, keepdims=True, dtype=np.float32))
            wanted -= block.shape[1]
            if wanted <= 0:
                break
    audio = np.concatenate(pieces, axis=1)[:, : round(LONGEST_S * rate_hz)]
    return Clip(path.name, np.ascontiguousarray(audio, np.float32), rate_hz, reader.replaced)


def synthesize_clip() -> np.ndarray:
    """The clip that ships: float32 (frames,), plucked notes, then a strummed chord, at the level of a guitar's direct signal."""
    from fxlab.audio.testsignals import Segment, render

    frames = round(_CLIP_SEGMENT_S * CLIP_RATE_HZ)
    return np.concatenate(
        [render(Segment(family, 0, frames, _CLIP_PEAK_DB, seed), CLIP_RATE_HZ) for family, seed in _CLIP_SEEDS.items()]
    )


def write_clip(path: Path) -> None:
    """Writes the clip that ships.

    `python -c "from fxlab.services.clip import *; write_clip(Path('fxlab/assets/clip.flac'))"` in the checkout.
    """
    from fxlab.audio.files import Writer

    audio = synthesize_clip()
    tags = {"title": "Plucked strings", "comment": "Synthesised by fxlab for its bench", "license": "MIT"}
    with Writer(path, CLIP_RATE_HZ, 1, subtype="PCM_16", tags=tags, dither_seed=0, force=True) as writer:
        writer.write(audio[None])
