"""Examples to learn mastering from: excerpts of songs, degraded, beside what they were and what would undo it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from fxlab.audio.files import read
from fxlab.audio.loudness import mean_lufs
from fxlab.audio.resampling import resample
from fxlab.errors import InputError
from fxlab.mastering.analysis import Analyser, Analysis
from fxlab.mastering.degradation import Degradation, degrade, drawn
from fxlab.mastering.features import WORKING_LUFS, features_of
from fxlab.mastering.songs import Song
from fxlab.mastering.windows import FRAMES
from fxlab.progress import Progress

SEGMENT = 32_768
WINDOW = FRAMES
_MOST_GAIN = 1e3  # of what is as good as silent


@dataclass(frozen=True)
class Example:
    """A degraded excerpt at the network's rate and at `WORKING_LUFS`.

    Attributes:
        song: Its number.
        windows: (n, 2, 16384) of the degraded excerpt, left and right.
        features: (63,).
        wanted_db: (27,): what undoes the equalisation, around its mean.
        width: What undoes the change of width: a factor of the side.
        slope: What undoes the expansion, 1 - 1 / ratio; 0 where there was none.
        untouched: Whether nothing was done.
        dry, target: (2, 32768): a part of the degraded excerpt, and the same of the song.
    """

    song: int
    windows: np.ndarray
    features: np.ndarray
    wanted_db: np.ndarray
    width: float
    slope: float
    untouched: bool
    dry: np.ndarray
    target: np.ndarray


@dataclass(frozen=True)
class Batch:
    """Examples as tensors, the first dimension the batch."""

    windows: Tensor
    features: Tensor
    wanted_db: Tensor
    width: Tensor
    slope: Tensor
    untouched: Tensor
    dry: Tensor
    target: Tensor


def analysed(audio: np.ndarray, rate_hz: int) -> Analysis:
    """The analysis of whole audio, without its true peak."""
    analyser = Analyser(rate_hz, len(audio), true_peak=0)
    analyser.add(np.ascontiguousarray(audio, np.float32))
    return analyser.analysis()


def at_working_level(audio: np.ndarray, rate_hz: int) -> tuple[np.ndarray, float]:
    """The audio at `WORKING_LUFS`, and the factor that took it there; what is as good as silent is left near that."""
    gain = float(np.clip(10 ** ((WORKING_LUFS - mean_lufs(audio, rate_hz)) / 20), 1 / _MOST_GAIN, _MOST_GAIN))
    return audio * np.float32(gain), gain


def stereo_at(path: Path, rate_hz: int) -> np.ndarray:
    """A file's first two channels (one twice) at `rate_hz`: (2, frames)."""
    audio, own_hz = read(path)
    return resample(audio[:2] if len(audio) > 1 else np.repeat(audio, 2, axis=0), own_hz, rate_hz)


def example(song: int, audio: np.ndarray, rate_hz: int, how: Degradation, windows: int, rng: np.random.Generator) -> Example:
    """An example out of an excerpt (2, frames)."""
    worse = degrade(audio, rate_hz, how)
    features = features_of(analysed(worse, rate_hz))
    dry, gain = at_working_level(worse, rate_hz)
    target, _ = at_working_level(audio, rate_hz)
    starts = rng.integers(0, audio.shape[1] - WINDOW + 1, windows)
    start = int(rng.integers(0, audio.shape[1] - SEGMENT + 1))
    wanted = -how.response_db(rate_hz)
    return Example(
        song=song,
        windows=np.stack([dry[:, one : one + WINDOW] for one in starts]),
        features=features,
        wanted_db=(wanted - wanted.mean()).astype(np.float32),
        width=1.0 / how.width,
        slope=how.slope / (1.0 + how.slope),
        untouched=how.untouched,
        dry=dry[:, start : start + SEGMENT].copy(),  # a view would keep the whole excerpt
        target=target[:, start : start + SEGMENT].copy(),
    )


class Pool:
    """Examples in memory, the same for the same songs and seed.

    Args:
        songs: Where they come from.
        rate_hz: The network's.
        draws: Examples of each song.
        excerpt_s: Length of what is analysed.
        windows: Of each example.
        untouched: Share of them to which nothing is done.
        seed: Decides everything.
        progress: Told of the songs.
    """

    def __init__(
        self,
        songs: Sequence[Song],
        rate_hz: int,
        draws: int,
        excerpt_s: float,
        windows: int,
        untouched: float,
        seed: int,
        progress: Progress,
        task: str,
    ) -> None:
        self.seed = seed
        self.examples: list[Example] = []
        for number, song in enumerate(songs):
            progress(task, number, len(songs), file=song.name)
            audio = stereo_at(song.path, rate_hz)
            length = min(audio.shape[1], round(excerpt_s * rate_hz))
            if length < SEGMENT:
                raise InputError(f"{song.path} is too short to learn from.", f"It needs {SEGMENT / rate_hz:.1f} s at least.")
            rng = np.random.default_rng((seed, int(song.sha256[:12], 16)))
            for _ in range(draws):
                start = int(rng.integers(0, audio.shape[1] - length + 1))
                excerpt = np.ascontiguousarray(audio[:, start : start + length])
                if np.abs(excerpt).max() > 0:
                    self.examples.append(example(number, excerpt, rate_hz, drawn(rng, untouched), windows, rng))
        progress(task, len(songs), len(songs))
        if not self.examples:
            raise InputError("The songs are silent.", "Train on songs that can be heard.")

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and spread of every feature, (63,) each; a feature that hardly varies is spread by 0.05."""
        features = np.stack([one.features for one in self.examples])
        return features.mean(axis=0), np.maximum(features.std(axis=0), 0.05)

    def batch(self, numbers: Sequence[int]) -> Batch:
        """Some of the examples."""
        chosen = [self.examples[number] for number in numbers]
        names = ("windows", "features", "wanted_db", "width", "slope", "untouched", "dry", "target")
        return Batch(
            *(torch.from_numpy(np.stack([np.asarray(getattr(one, name), np.float32) for one in chosen])) for name in names)
        )

    def all(self, at_once: int) -> Iterator[Batch]:
        """Every example, in order."""
        for start in range(0, len(self.examples), at_once):
            yield self.batch(range(start, min(start + at_once, len(self.examples))))

    # What `fxlab.training.loop.Loop` asks of its data:

    windows = 1

    def steps(self, batch_size: int) -> int:
        return max(1, len(self.examples) // batch_size)

    def epoch(self, number: int, batch_size: int, steps: int) -> Iterator[Batch]:
        """Batches in an order that depends on seed and epoch alone."""
        rng = np.random.default_rng((self.seed, number))
        queue: list[int] = []
        for _ in range(steps):
            while len(queue) < batch_size:
                queue += rng.permutation(len(self.examples)).tolist()
            taken, queue = queue[:batch_size], queue[batch_size:]
            yield self.batch(taken)
