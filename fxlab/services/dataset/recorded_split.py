"""How a recording is cut along time: first what trains, then what validates, then what tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fxlab.errors import InputError
from fxlab.services.dataset.sources import SHORTEST_S
from fxlab.settings import DatasetSettings
from fxlab.training.manifest import SPLITS

GUARD_S = 0.25
"""Left out between two splits of a continuous recording, so that no network hears one split while it plays another."""

Stretch = tuple[int, int]


@dataclass(frozen=True)
class Piece:
    """One pair of the dataset.

    Args:
        split: "train", "validation" or "test".
        position: Its first frame in the recording.
        frames: Its length.
        start_frame: 0 where the device was at rest before it, else as `position`.
        lead: Frames at its beginning that are heard and not judged.
    """

    split: str
    position: int
    frames: int
    start_frame: int
    lead: int


def split_along_time(frames: int, good: Sequence[Stretch], rate: int, settings: DatasetSettings) -> list[Piece]:
    """All pieces of a recording, in order.

    Args:
        frames: Length of the recording.
        good: Its usable stretches (first frame, end), in order.
        rate: Its sample rate in Hz.
        settings: Shares, clips, lead and chunks.

    Raises:
        InputError: It is too short for what is asked.
    """
    leads = dict.fromkeys(SPLITS, round(settings.lead_s * rate))
    if settings.train_lead_s >= 0:
        leads["train"] = round(settings.train_lead_s * rate)
    pieces = _clips(frames, good, rate, settings, leads) if settings.clip_s else _continuous(frames, good, rate, settings, leads)
    if not any(piece.split == "train" for piece in pieces):
        raise InputError(
            f"Of {frames / rate:.2f} s of recording nothing is left to train on.",
            "Record more, or make clips, lead and the shares for validation and test smaller.",
        )
    return pieces


def _clips(frames: int, good: Sequence[Stretch], rate: int, settings: DatasetSettings, leads: Mapping[str, int]) -> list[Piece]:
    count = int(frames / (settings.clip_s * rate) + 1e-9)
    bounds = [round(number * settings.clip_s * rate) for number in range(count + 1)]
    counts = _counts(count, settings)
    names = [name for name in SPLITS for _ in range(counts[name])]
    pieces = []
    for name, start, stop in zip(names, bounds[:-1], bounds[1:], strict=True):
        whole = any(first <= start and stop <= last for first, last in good)
        if whole and stop - start - leads[name] >= SHORTEST_S * rate:
            pieces.append(Piece(name, start, stop - start, 0, leads[name]))
    return pieces


def _counts(count: int, settings: DatasetSettings) -> dict[str, int]:
    """How many of `count` clips each split gets."""
    validation, test = round(count * settings.validation), round(count * settings.test)
    return {"train": count - validation - test, "validation": validation, "test": test}


def _continuous(
    frames: int, good: Sequence[Stretch], rate: int, settings: DatasetSettings, leads: Mapping[str, int]
) -> list[Piece]:
    counts = _counts(frames, settings)
    guard, least = round(GUARD_S * rate), round(SHORTEST_S * rate)
    pieces = []
    start = 0
    for name in SPLITS:
        stop = start + counts[name]
        # The guard is taken from the split that comes later; the first one present has nothing before it.
        inside = start + (guard if start else 0)
        for first, last in good:
            first, last = max(first, inside), min(last, stop)
            size = max(round(settings.chunk_s * rate), least + leads[name]) if settings.chunk_s else max(1, last - first)
            for place in range(first, last, size):
                length = min(size, last - place)
                if length - leads[name] >= least:
                    pieces.append(Piece(name, place, length, place, leads[name]))
        start = stop
    return pieces
