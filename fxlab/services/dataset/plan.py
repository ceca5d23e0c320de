"""Which renderings a dataset consists of: takes x levels x effect parameters, each with its pairs and their names."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import fxlab
from fxlab.effects.params import FileParam, Param, Parameter
from fxlab.effects.registry import effects
from fxlab.engines.loader import engines_of, model_path, parameters_of, resolved
from fxlab.errors import UsageError
from fxlab.hashing import file_sha256, value_sha256
from fxlab.models.controls import Control
from fxlab.services.dataset.noise import Noise
from fxlab.services.dataset.sources import SHORTEST_S, Take
from fxlab.settings import DatasetSettings, EffectSettings


@dataclass(frozen=True)
class Rendering:
    """One take through the chain at one level and one set of parameters.

    Args:
        take: What is played.
        level_db: At which gain.
        stages: The chain with its parameters.
        rows: Its manifest rows in order, without latency and hashes.
        noise: What the input is mixed with at `snr_db`, the target not; None for nothing.
        seed: Decides the noise.
    """

    take: Take
    level_db: float
    stages: tuple[EffectSettings, ...]
    rows: tuple[dict[str, Any], ...]
    noise: Noise | None = None
    snr_db: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class Axis:
    """A parameter that varies: where it is in the chain, how it is called in the manifest, and its declaration."""

    stage: int
    parameter: str
    name: str
    declared: Parameter


class Variations:
    """The values of `settings.grid` and `settings.random` for a chain.

    Raises:
        UsageError: A name that no stage, or more than one, has; a value out of range; a parameter in both.
    """

    def __init__(self, chain: Sequence[EffectSettings], settings: DatasetSettings) -> None:
        self.chain, self.settings = tuple(chain), settings
        given = {name: find_axis(chain, name) for name in (*settings.grid, *settings.random)}
        names = _short_names(given)
        self._grid = {names[name]: values for name, values in settings.grid.items()}
        self._random = {names[name]: bounds for name, bounds in settings.random.items()}
        axes = (*self._grid, *self._random)
        if len({(axis.stage, axis.parameter) for axis in axes}) < len(axes):
            raise UsageError("A parameter varies twice.", "Name it once, in --grid or in --random.")
        if settings.draws > 1 and not self._random:
            raise UsageError(f"{settings.draws} draws, but no random parameter.", "Add --random NAME=LOW:HIGH or drop --draws.")
        self.combinations = [dict(zip(self._grid, values, strict=True)) for values in itertools.product(*self._grid_values())]
        for axis, bounds in self._random.items():
            _check_bounds(axis, bounds)

    def _grid_values(self) -> list[list[Any]]:
        columns = []
        for axis, values in self._grid.items():
            if not isinstance(values, (list, tuple)) or not values:
                raise UsageError(f"The grid of {axis.name} needs a list of values.", f"Like --grid {axis.name}=0,12,24.")
            columns.append(list(dict.fromkeys(axis.declared.parse(value) for value in values)))
        return columns

    @property
    def drawn(self) -> bool:
        """Whether any parameter is random."""
        return bool(self._random)

    def controls(self) -> list[Control]:
        """The knobs that a network can learn from these variations: the numbers, with the range that is covered."""
        found = []
        for axis, values in (self._grid | self._random).items():
            if isinstance(axis.declared, Param):
                low, high = min(map(axis.declared.parse, values)), max(map(axis.declared.parse, values))
                default = min(max(self._set(axis), low), high)
                param = replace(axis.declared, name=axis.name, low=low, high=high, default=default)
                found.append(Control(param, axis.stage, axis.parameter))
        return found

    def _set(self, axis: Axis) -> float:
        return axis.declared.parse(self.chain[axis.stage].set.get(axis.parameter, axis.declared.default))

    def of(self, *where: object) -> list[dict[Axis, Any]]:
        """Every set of values for the rendering identified by `where`, which seeds the random ones."""
        found = []
        for number, combination in enumerate(self.combinations):
            for draw in range(self.settings.draws if self._random else 1):
                digest = value_sha256([self.settings.seed, number, draw, *where])
                rng = np.random.default_rng(int(digest[:32], 16))
                found.append(combination | {axis: _draw(rng, axis, *bounds) for axis, bounds in self._random.items()})
        return found

    def chain_with(self, values: Mapping[Axis, Any]) -> tuple[EffectSettings, ...]:
        """The chain with these values set."""
        stages = [EffectSettings(stage.name, stage.engine, dict(stage.set)) for stage in self.chain]
        for axis, value in values.items():
            stages[axis.stage].set[axis.parameter] = value
        return tuple(stages)


def _short_names(given: Mapping[str, Axis]) -> dict[str, Axis]:
    """The axes by the name that the user gave them, called as their parameter, or by their stage too where two share that."""
    parameters = [axis.parameter for axis in given.values()]
    return {
        name: axis if parameters.count(axis.parameter) > 1 else replace(axis, name=axis.parameter) for name, axis in given.items()
    }


def find_axis(chain: Sequence[EffectSettings], key: str) -> Axis:
    """The parameter meant by `drive_db`, `saturator.drive_db` or `2.drive_db`; raises `UsageError`."""
    owner, _, parameter = key.rpartition(".")
    found = []
    for index, stage in enumerate(chain):
        if owner and owner not in (str(index + 1), stage.name, Path(stage.name).stem):
            continue
        known = {p.name: p for p in parameters_of(stage.name)}
        if parameter in known:
            found.append(Axis(index, parameter, f"{parameter}_{index + 1}", known[parameter]))
    if not found:
        raise UsageError(f"Nothing in the chain has a parameter '{key}'.", "See `fxlab effects show NAME`.")
    if len(found) > 1:
        raise UsageError(f"'{key}' fits more than one effect of the chain.", f"Number them: 1.{parameter}, 2.{parameter}.")
    return found[0]


def _check_bounds(axis: Axis, bounds: Any) -> None:
    if not isinstance(axis.declared, Param):
        raise UsageError(f"{axis.name} is no number, nothing to draw from a range.", "Put its options into --grid.")
    if not isinstance(bounds, (list, tuple)) or len(bounds) != 2 or not all(type(b) in (int, float) for b in bounds):
        raise UsageError(f"{axis.name} needs a lowest and a highest value.", f"Like --random {axis.name}=0:1.")
    low, high = (axis.declared.parse(bound) for bound in bounds)
    if not low <= high:
        raise UsageError(f"{axis.name}: {low:g} .. {high:g} is no range.", "Write the lower value first.")


def _draw(rng: np.random.Generator, axis: Axis, low: float, high: float) -> float:
    """Uniform over the knob's way: in the logarithm for a logarithmic parameter."""
    share = rng.random()
    logarithmic = axis.declared.scale == "log"
    value = low * (high / low) ** share if logarithmic else low + (high - low) * share
    # Six digits are finer than any ear and stay readable in the manifest.
    return min(max(float(f"{value:.6g}"), float(low)), float(high))


def describe(stage: EffectSettings) -> dict[str, Any]:
    """A stage as the manifest records it: name, engine and every parameter; raises `UsageError` or `InputError`."""
    engine = engines_of(stage.name)[0] if stage.engine == "auto" else stage.engine
    return {"name": stage.name, "engine": engine, "parameters": resolved(stage.name, stage.set)}


def definition(stage: EffectSettings, hash_of: Callable[[Path], str] = file_sha256) -> str:
    """What fixes a stage's sound besides its parameters: the hash of a model's file; of an effect, fxlab's version, its
    declaration and the hashes of files that it is set to."""
    declared = effects().get(stage.name)
    if declared is None:
        return hash_of(model_path(stage.name))
    values = declared.resolve(stage.set)
    files = [one for one in declared.parameters if isinstance(one, FileParam) and values[one.name] not in one.built_in]
    return value_sha256(
        [fxlab.__version__, stage.name, repr(declared.parameters), *(hash_of(Path(str(values[one.name]))) for one in files)]
    )


def plan(takes: Sequence[tuple[Take, str]], variations: Variations, rate: int, noise: Noise | None = None) -> list[Rendering]:
    """All renderings.

    Args:
        takes: Each with its split.
        variations: The chain and what varies in it.
        rate: The dataset's sample rate.
        noise: What inputs are mixed with, at each of the settings' `snr_db`.
    """
    settings = variations.settings
    ratios = list(dict.fromkeys(float(ratio) for ratio in settings.snr_db)) if noise else [None]
    hash_of = functools.cache(file_sha256)
    renderings = []
    for take, split, *where in _parts(takes, variations, rate):
        levels = dict.fromkeys(float(level) for level in settings.levels_db)
        for level_db, snr_db in itertools.product(levels, ratios):
            for values in variations.of(take.sha256, take.channel, level_db, *where):
                stages = variations.chain_with(values)
                effect = [describe(stage) for stage in stages]
                definitions = [definition(stage, hash_of) for stage in stages]
                common = {
                    "source": take.source,
                    "source_sha256": take.sha256,
                    "channel": take.channel,
                    "trimmed": take.start,
                    "level_db": level_db,
                    "effect": effect,
                    "parameters": {axis.name: value for axis, value in values.items()},
                }
                mixing = {}
                if noise:
                    common["snr_db"], mixing = snr_db, {"noise": noise, "snr_db": snr_db, "seed": settings.seed}
                    definitions += [noise.sha256, settings.seed]
                rows = []
                for start, frames in _chunks(take.frames(rate), rate, settings.chunk_s):
                    identity = {k: v for k, v in common.items() if k not in ("source", "parameters")}
                    name = value_sha256([identity, definitions, rate, take.stop, start, frames])[:20]
                    files = {"input": f"pairs/{name}.input.wav", "target": f"pairs/{name}.target.wav"}
                    rows.append({"id": name, "split": split, "start_frame": start, "frames": frames} | common | files)
                renderings.append(Rendering(take, level_db, stages, tuple(rows), **mixing))
    return renderings


def _parts(takes: Sequence[tuple[Take, str]], variations: Variations, rate: int) -> Iterator[tuple]:
    """What is rendered at one setting, with its split and, of a part, where that begins.

    Random parameters are drawn for every chunk, which the effect then plays from rest: many settings in little audio.
    """
    chunk_s = variations.settings.chunk_s
    for take, split in takes:
        if not (variations.drawn and chunk_s):
            yield take, split
            continue
        for start, frames in _chunks(take.frames(rate), rate, chunk_s):
            yield take.part(start, frames, rate), split, start


def _chunks(frames: int, rate: int, chunk_s: float) -> list[tuple[int, int]]:
    """(start, length) of each chunk; a rest that is too short to be of use is left out."""
    size = max(round(chunk_s * rate), round(SHORTEST_S * rate)) if chunk_s else frames
    pieces = [(start, min(size, frames - start)) for start in range(0, frames, size)]
    return pieces[:1] + [piece for piece in pieces[1:] if piece[1] >= SHORTEST_S * rate]
