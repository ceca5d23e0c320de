"""What happens when in a performance, as people write it: how old the timbre is, and what is cut out of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fxlab.durations import parse_duration
from fxlab.errors import UsageError

ADULT = 1.0
OLDEST = 4.0
"""Ages: 0 is the seed, 1 is grown, and from there on nothing should change."""

_AGE = "Write it like 0:0,4:1: at 0 s the age is 0, at 4 s it is 1. Times may be 1:30 or 50% too."
_DAMAGE = "Write it like 10:30@6s for harmonics 10 to 30, n5:n20@50% for noise bands, several with commas between."
_CELLS = re.compile(r"(n?)(\d{1,9})(?::(n?)(\d{1,9}))?", re.ASCII | re.IGNORECASE)
_PERCENT = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*%", re.ASCII)
_NUMBER = re.compile(r"\d+(?:\.\d*)?|\.\d+", re.ASCII)


@dataclass(frozen=True)
class Moment:
    """A place in a performance: so many seconds after its beginning, or such a share, 0..1, of its length."""

    value: float
    relative: bool = False

    def at(self, seconds: float) -> float:
        """Its time in a performance of so many seconds."""
        return self.value * seconds if self.relative else self.value

    def __str__(self) -> str:
        return f"{100 * self.value:g}%" if self.relative else f"{self.value:g}s"


@dataclass(frozen=True)
class Lane:
    """Age over time: straight lines between points of (moment, age), held before the first and after the last."""

    points: tuple[tuple[Moment, float], ...]

    def curve(self, frames: int, frame_rate_hz: float, *, reverse: bool = False) -> np.ndarray:
        """The age at each frame, (frames,) float64; in a mirror, end first, if `reverse`.

        Raises:
            UsageError: Seconds and percents, now that the length is known, don't follow one another.
        """
        seconds = max(frames - 1, 0) / frame_rate_hz  # to the last frame, or 100% would never be reached
        times = [moment.at(seconds) for moment, _ in self.points]
        for number in range(1, len(times)):
            (before, _), (after, _) = self.points[number - 1 : number + 1]
            if before.relative != after.relative and times[number] <= times[number - 1]:
                raise _not_later(after, before, f" in a performance of {seconds:.4g} s")
        curve = np.interp(np.arange(frames) / frame_rate_hz, times, [age for _, age in self.points])
        return curve[::-1].copy() if reverse else curve


GROWING = Lane(((Moment(0.0, True), 0.0), (Moment(1.0, True), ADULT)))
"""From seed to grown over the whole length."""


@dataclass(frozen=True)
class Damage:
    """Cells that are cut out at a moment: harmonics or noise bands `first` to `last`, both counted from 1 and cut."""

    first: int
    last: int
    noise: bool
    moment: Moment

    def cells(self, harmonics: int, bands: int) -> np.ndarray:
        """Which of an instrument's cells these are, (harmonics + bands,) bool.

        Raises:
            UsageError: The instrument hasn't so many.
        """
        count, what = (bands, "noise bands") if self.noise else (harmonics, "harmonics")
        if self.last > count:
            raise UsageError(f"Nothing can be cut out at {self.last}: the instrument has {count} {what}.", _DAMAGE)
        cut = np.zeros(harmonics + bands, bool)
        start = harmonics if self.noise else 0
        cut[start + self.first - 1 : start + self.last] = True
        return cut


def parse_moment(text: str) -> Moment:
    """A place in a performance: "6s", "1:30", "2min", "50%".

    Raises:
        UsageError: Anything else.
    """
    if share := _PERCENT.fullmatch(text.strip()):
        percent = float(share[1])
        if percent > 100:
            raise UsageError(f"'{text.strip()}' is after the end.", "Name a place from 0% to 100%, or a time like 6s.")
        return Moment(percent / 100, relative=True)
    return Moment(parse_duration(text))


def parse_age(text: str) -> Lane:
    """A lane of ages from "0:0,4:1": pairs of a time and an age with commas between.

    Raises:
        UsageError: It can't be read so, an age is outside 0..4, or a time isn't later than the one before.
    """
    points: list[tuple[Moment, float]] = []
    for pair in _pieces(text, "No age is given.", _AGE):
        time, _, age = (part.strip() for part in pair.rpartition(":"))
        if not time or not _NUMBER.fullmatch(age):
            raise UsageError(f"'{pair}' is no age at a time.", _AGE)
        if float(age) > OLDEST:
            raise UsageError(
                f"'{pair}': {age} is no age.", f"Ages go from 0, the seed, by 1, which is grown, to {OLDEST:g}. {_AGE}"
            )
        try:
            moment = parse_moment(time)
        except UsageError as error:
            raise UsageError(f"'{pair}': {error.message}", _AGE) from None
        if points and points[-1][0].relative == moment.relative and moment.value <= points[-1][0].value:
            raise _not_later(moment, points[-1][0])
        points.append((moment, float(age)))
    return Lane(tuple(points))


def parse_damage(text: str) -> tuple[Damage, ...]:
    """What is cut out when, from "10:30@6s": cells first:last at a moment, several with commas between.

    Cells without a moment of their own share the next one's: "1:8,n1:n8@6s".

    Raises:
        UsageError: It can't be read so.
    """
    found: list[Damage] = []
    waiting: list[tuple[int, int, bool]] = []
    for piece in _pieces(text, "No damage is given.", _DAMAGE):
        cells, at, moment = (part.strip() for part in piece.partition("@"))
        waiting.append(_cells(cells, piece))
        if at:
            try:
                when = parse_moment(moment)
            except UsageError as error:
                raise UsageError(f"'{piece}': {error.message}", _DAMAGE) from None
            found += [Damage(*one, when) for one in waiting]
            waiting = []
    if waiting:
        raise UsageError(f"'{text.strip()}' doesn't say when.", _DAMAGE)
    return tuple(found)


def damage_frames(
    damages: Sequence[Damage], frames: int, frame_rate_hz: float, harmonics: int, bands: int
) -> list[tuple[int, np.ndarray]]:
    """When and what: (frame, cells) in the order of time, the cells as `Damage.cells` gives them.

    Raises:
        UsageError: One lies after the performance's end, or the instrument hasn't so many cells.
    """
    found = []
    for damage in damages:
        frame = round(damage.moment.at(frames / frame_rate_hz) * frame_rate_hz)
        if frame > frames or (frame == frames and not damage.moment.relative):
            raise UsageError(
                f"Nothing can be cut out at {damage.moment}: the performance ends at {frames / frame_rate_hz:.4g} s.",
                "Name an earlier time, or a share of the length like 50%.",
            )
        found.append((min(frame, frames - 1), damage.cells(harmonics, bands)))
    return sorted(found, key=lambda one: one[0])


def _pieces(text: str, empty: str, hint: str) -> list[str]:
    pieces = [piece.strip() for piece in text.split(",")]
    if not any(pieces):
        raise UsageError(empty, hint)
    return [piece for piece in pieces if piece]


def _cells(text: str, piece: str) -> tuple[int, int, bool]:
    match = _CELLS.fullmatch(text)
    if match is None:
        raise UsageError(f"'{piece}' names no harmonics and no noise bands.", _DAMAGE)
    kind, first, kind_of_last, last = match.groups()
    if kind_of_last and not kind:
        raise UsageError(f"'{piece}' mixes harmonics and noise bands.", _DAMAGE)
    low, high = int(first), int(last or first)
    if not 1 <= low <= high:
        raise UsageError(f"'{piece}' names no cells: they are counted from 1, and the last isn't before the first.", _DAMAGE)
    return low, high, bool(kind)


def _not_later(moment: Moment, before: Moment, where: str = "") -> UsageError:
    return UsageError(f"{moment} isn't later than {before}{where}.", f"Times must rise. {_AGE}")
