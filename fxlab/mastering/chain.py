"""The chain that masters a song: what it is, how strongly it is applied, and the file it is kept in.

It consists of effects that can be played anywhere in fxlab, in this order: `eq`, `compressor`, `imager`, `limiter`.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fxlab.effects.eq import PEAKS
from fxlab.effects.params import Value
from fxlab.effects.registry import effect
from fxlab.errors import InputError, UsageError
from fxlab.formats.plain_json import write_json
from fxlab.settings import EffectSettings

FORMAT = "fxlab master chain 1"
ORDER = ("eq", "compressor", "imager", "limiter")
MAX_BYTES = 64 * 1024

# Stages whose defaults do something are played even where a file tells nothing of them: this is always told.
_TOLD = {"compressor": "ratio", "limiter": "gain_db"}
_HINT = "A chain is a JSON file that `fxlab master --save-chain` wrote."


@dataclass(frozen=True)
class Peak:
    """A bell of the equaliser: `gain_db` at `freq_hz`, bandwidth `freq_hz / q` between its half-gain points."""

    freq_hz: float
    gain_db: float
    q: float


@dataclass(frozen=True)
class Amounts:
    """How much of each stage is applied, shares 0..1: 0 is exactly nothing."""

    tone: float = 1.0
    dynamics: float = 1.0
    width: float = 1.0
    loudness: float = 1.0


@dataclass(frozen=True)
class Chain:
    """What is done to a song.

    Attributes:
        peaks: Bells of the equaliser, at most ten.
        tone: Further parameters of `eq` that differ from their defaults, such as shelves.
        dynamics: Parameters of `compressor`, `ratio` among them; empty for none.
        width: Parameters of `imager`; empty for none.
        loudness: Parameters of `limiter` (`gain_db`, `ceiling_db`, ...); empty leaves the level as it is.
    """

    peaks: tuple[Peak, ...] = ()
    tone: Mapping[str, Value] = field(default_factory=dict)
    dynamics: Mapping[str, Value] = field(default_factory=dict)
    width: Mapping[str, Value] = field(default_factory=dict)
    loudness: Mapping[str, Value] = field(default_factory=dict)

    def stages(self) -> list[EffectSettings]:
        """The effects that do something, in order; none for a chain that changes nothing."""
        bells = {}
        for number, peak in enumerate((peak for peak in self.peaks if peak.gain_db), 1):
            bells |= {f"peak{number}_hz": peak.freq_hz, f"peak{number}_db": peak.gain_db, f"peak{number}_q": peak.q}
        settings = {"eq": {**self.tone, **bells}, "compressor": self.dynamics, "imager": self.width, "limiter": self.loudness}
        return [EffectSettings(name, set=dict(values)) for name, values in settings.items() if values]

    def before_loudness(self) -> Chain:
        """The same without gain and limiter."""
        return dataclasses.replace(self, loudness={})

    def scaled(self, amounts: Amounts) -> Chain:
        """Tone, dynamics and width applied by their amounts; loudness is scaled where its target is chosen.

        Gains are multiplied in dB, a ratio's slope and a width's distance from 1 likewise; a stage at 0 is left out.
        """
        peaks = (
            tuple(dataclasses.replace(peak, gain_db=peak.gain_db * amounts.tone) for peak in self.peaks) if amounts.tone else ()
        )
        tone = {name: value * amounts.tone if name.endswith("_db") else value for name, value in self.tone.items()}
        dynamics = dict(self.dynamics)
        if dynamics:
            slope = amounts.dynamics * (1.0 - 1.0 / float(dynamics["ratio"]))
            dynamics |= {"ratio": min(20.0, 1.0 / (1.0 - slope))}  # 20 itself may come back a rounding higher
            dynamics |= {"makeup_db": amounts.dynamics * float(dynamics.get("makeup_db", 0.0))}
        width = {
            name: 1.0 + amounts.width * (float(value) - 1.0) if name.endswith("width") else value
            for name, value in self.width.items()
        }
        return Chain(
            peaks=peaks,
            tone=tone if amounts.tone else {},
            dynamics=dynamics if amounts.dynamics else {},
            width=width if amounts.width else {},
            loudness=self.loudness,
        )

    def save(self, path: Path, about: Mapping[str, object]) -> None:
        """Writes the chain file, whole or not at all; `about` is told with it and not read. Raises `OutputError`."""
        stages = [{"effect": stage.name, "set": stage.set} for stage in self.stages()]
        document = {"format": FORMAT, "stages": stages, "about": dict(about)}
        write_json(path, document)


def load(path: Path) -> Chain:
    """The chain of a file, every value checked against the effects' declarations.

    Raises:
        InputError: No such file, or no chain: malformed, an unknown effect or parameter, a value out of range.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path} is too large for a chain.", _HINT)
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}.", _HINT) from None
    except (ValueError, RecursionError):
        raise InputError(f"{path} is not JSON.", _HINT) from None
    try:
        if document["format"] != FORMAT:
            raise ValueError
        given = [(stage["effect"], stage["set"]) for stage in document["stages"]]
        if not all(isinstance(values, dict) for _, values in given):
            raise ValueError
    except (KeyError, TypeError, ValueError):
        raise InputError(f"{path} is not a chain of fxlab.", _HINT) from None
    names = [name for name, _ in given]
    if [name for name in ORDER if name in names] != names:
        raise InputError(f"{path}: the stages of a chain are {', '.join(ORDER)}, each at most once, in this order.", _HINT)
    try:
        return _chain(dict(given))
    except UsageError as error:
        raise InputError(f"{path}: {error.message}", error.hint) from None


def _chain(settings: dict[str, dict]) -> Chain:
    checked = {}
    for name, values in settings.items():
        resolved = effect(name).resolve(values)
        checked[name] = {key: value for key, value in resolved.items() if key in values or key == _TOLD.get(name)}
    tone = checked.get("eq", {})
    declared = {one.name: one.default for one in effect("eq").parameters}
    peaks = []
    for number in range(1, PEAKS + 1):
        names = [f"peak{number}_{unit}" for unit in ("hz", "db", "q")]
        if any(name in tone for name in names):
            peaks.append(Peak(*(float(tone.pop(name, declared[name])) for name in names)))
    return Chain(tuple(peaks), tone, *(checked.get(name, {}) for name in ORDER[1:]))
