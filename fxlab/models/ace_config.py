"""What a trained ACE looks like: how its bands are laid out, and how many gains are learnt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import ClassVar

import numpy as np

from fxlab.audio import MAX_RATE_HZ, MIN_RATE_HZ
from fxlab.effects.ace import EFFECT, LEARNABLE, MACRO_BANDS
from fxlab.effects.ace.bank import Bank, bank_of
from fxlab.effects.ace.design import groups
from fxlab.effects.ace.layout import state_shapes
from fxlab.effects.ace.stream import tail
from fxlab.effects.params import Param
from fxlab.errors import InputError, UsageError

SCALARS = LEARNABLE[:-MACRO_BANDS]
PARAMS: dict[str, Param] = {one.name: one for one in EFFECT.parameters if one.name in LEARNABLE}
_BAND = PARAMS[LEARNABLE[-1]]
_MEMORY_S = 1.0
_STRUCTURE = ("bands", "latency_ms", "adapt", "time_constants", "tce_carrier")


@dataclass(frozen=True)
class AceConfig:
    """ACE with learnt parameters.

    Args:
        sample_rate_hz: Where it runs; a run takes its dataset's.
        bands, latency_ms, adapt, time_constants, tce_carrier: As declared in `fxlab.effects.ace`.
        single: Every band has a gain of its own, instead of eight groups.
    """

    sample_rate_hz: int = 48_000
    bands: int = 60
    latency_ms: int = 8
    adapt: bool = False
    time_constants: str = "tau"
    tce_carrier: str = "highpassed"
    single: bool = False
    size: str = "custom"
    kind: ClassVar[str] = "ace"
    controls: ClassVar[int] = 0
    recurrent: ClassVar[bool] = True

    def with_controls(self, controls: int) -> AceConfig:
        """Itself for none; raises `UsageError` for more, since its parameters are what it learns."""
        if controls:
            raise UsageError("An ACE has no knobs that could be trained.", "Train it on a dataset made with one setting.")
        return self

    def at_rate(self, sample_rate_hz: int) -> AceConfig:
        """The same at another sample rate."""
        return replace(self, sample_rate_hz=sample_rate_hz)

    @property
    def structure(self) -> dict[str, object]:
        """The parameters of the effect that aren't learnt, by name."""
        return {name: getattr(self, name) for name in _STRUCTURE}

    @property
    def latency(self) -> int:
        """Its own delay in samples."""
        return bank_of(self.sample_rate_hz, self.bands, self.latency_ms).latency

    @property
    def receptive_field(self) -> int:
        """Input samples that one output sample notably depends on."""
        return 1 + round(_MEMORY_S * self.sample_rate_hz)

    @property
    def macs_per_sample(self) -> int:
        """Multiply-accumulates per sample: the bank's, and a share of those of every interval."""
        interval = bank_of(self.sample_rate_hz, self.bands, self.latency_ms).interval
        return self.bands * (4 * 4 + 6) + -(-(self.bands**2 + 40 * self.bands) // interval) + 40

    @property
    def parameters_count(self) -> int:
        return sum(shape[0] for shape in self.weight_shapes().values())

    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """Name to shape of the unconstrained values, in the order of the network's state dict."""
        return {"scalars": (len(SCALARS),), "gains": (self.bands if self.single else MACRO_BANDS,)}

    def state_shapes(self) -> dict[str, tuple[int, int]]:
        """Name to (features, frames) of every memory."""
        return state_shapes(bank_of(self.sample_rate_hz, self.bands, self.latency_ms))

    def to_json(self) -> dict:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict) -> AceConfig:
        """The config from its plain form; raises `InputError` for anything else."""
        try:
            rate_hz, single, size = data["sample_rate_hz"], data["single"], str(data.get("size", "custom"))
            structure = {name: data[name] for name in _STRUCTURE}
            if type(rate_hz) is not int or not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ or type(single) is not bool:
                raise ValueError
            resolved = EFFECT.resolve(structure)
            return cls(rate_hz, **{name: resolved[name] for name in _STRUCTURE}, single=single, size=size)
        except (KeyError, TypeError, ValueError, OverflowError, UsageError):
            raise InputError("The model's ACE can't be understood.", "Export it again with `fxlab export`.") from None


def settings_of(config: AceConfig, weights: Mapping[str, np.ndarray]) -> dict[str, object]:
    """The effect's parameters for a model's unconstrained numbers, as `AceStream` takes them."""
    names = SCALARS if config.single else LEARNABLE
    free = np.concatenate((weights["scalars"], weights["gains"])).astype(np.float64)
    places = (0.5 + 0.5 * np.tanh(0.5 * free)).tolist()  # the sigmoid, of any number
    values = {name: PARAMS[name].at(place) for name, place in zip(names, places, strict=False)}
    gains = [_BAND.at(place) for place in places[len(SCALARS) :]]
    return config.structure | values | ({"bands_db": np.array(gains)} if config.single else {})


def learnt(config: AceConfig, weights: Mapping[str, np.ndarray]) -> list[tuple[Param, float]]:
    """Every learnt parameter and its value, in the order of the weights; gains without their mean over the bands."""
    settings = settings_of(config, weights)
    bank = bank_of(config.sample_rate_hz, config.bands, config.latency_ms)
    gains: Iterable[float] = ()
    if config.single:
        gains = settings.pop("bands_db")
        gains = gains - gains.mean()
    else:
        settings = without_mean(settings, bank)
    single = [
        (replace(_BAND, name=f"gain{n}_db", help=f"Spectral contrast: gain of its band at {hz:.0f} Hz."), float(gain))
        for n, (hz, gain) in enumerate(zip(bank.centres_hz, gains, strict=False), 1)
    ]
    return [(PARAMS[name], settings[name]) for name in LEARNABLE if name in settings] + single


def without_mean(settings: Mapping[str, object], bank: Bank) -> dict[str, object]:
    """Parameters of the effect whose gains of groups have no mean over the bands; they sound the same."""
    names = LEARNABLE[-MACRO_BANDS:]
    gains = np.array([settings[name] for name in names])
    return {**settings, **dict(zip(names, (gains - (groups(bank) @ gains).mean()).tolist(), strict=True))}


def tail_of(config: AceConfig, weights: Mapping[str, np.ndarray]) -> int:
    """Samples that a model rings on at its rate."""
    return tail(config.sample_rate_hz, settings_of(config, weights))


SIZES = {
    "60": AceConfig(size="60"),
    "32": AceConfig(bands=32, size="32"),
    "full": AceConfig(single=True, size="full"),
}
"""By the number of bands, with 31 parameters; `full` has 60 bands and a gain for each, 83 parameters."""
