"""What the parts of a mastering network cost: parameters, multiply-accumulates and how far they hear."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from fxlab.mastering import span
from fxlab.mastering.config import MasterConfig

_BIQUAD = 5
_COMPRESSOR, _SATURATOR, _IMAGER = 4, 2, 1  # two one-poles; drive and mix, each channel; the side's gain


@dataclass(frozen=True)
class Component:
    """A part of a network.

    Args:
        name: What it is called.
        parameters: Learnt numbers.
        macs_per_second: Multiply-accumulates for a second of the audio that it hears or plays, all its channels. Those of
            normalisations, which fold into convolutions, and of curves aren't counted.
        macs_once: Those for each song.
        receptive_field: Samples that an output depends on (the encoder's: one of the vectors that are averaged over the song);
            None for recursive filters and what only reads the latent.
        sample_rate_hz: Where it works.
    """

    name: str
    parameters: int
    macs_per_second: int
    macs_once: int
    receptive_field: int | None
    sample_rate_hz: int

    @property
    def receptive_field_ms(self) -> float | None:
        return None if self.receptive_field is None else 1000.0 * self.receptive_field / self.sample_rate_hz


def components(config: MasterConfig) -> list[Component]:
    """The parts that a configuration has, in the order of the signal."""
    rate_hz, channels = config.sample_rate_hz, config.channels
    shapes = {name: shape for name, shape in config.weight_shapes().items() if ".running_" not in name}

    def component(name: str, prefix: str, per_sample: float, field: int | None) -> Component:
        own = {key: math.prod(shape) for key, shape in shapes.items() if key.startswith(prefix)}
        once = sum(size for key, size in own.items() if key.endswith(".weight") and len(shapes[key]) == 2)
        return Component(name, sum(own.values()), round(per_sample * rate_hz), once, field, rate_hz)

    found = [
        component("encoder", "encoder.", _encoder(config, shapes), config.receptive_field),
        component(
            "adaptive decoder" if config.adaptive else "parametric decoder",
            "decoder.",
            _BIQUAD * config.bands * channels,
            None,
        ),
    ]
    if config.grey_box:
        found.append(component("grey box", "grey_box.", _COMPRESSOR + (1 + _SATURATOR) * channels + _IMAGER, None))
    if config.has_residual:
        found.append(component("residual decoder", "residual.", _residual(config, shapes), span.receptive_field(config)))
    return found


def _encoder(config: MasterConfig, shapes: dict[str, tuple[int, ...]]) -> float:
    """Multiply-accumulates per sample of the convolutions, each at its own rate."""
    stem = (math.prod(shapes[f"encoder.stem.{i}.conv.weight"]) / config.stem_stride ** (i + 1) for i in range(len(config.stem)))
    return sum(stem) + sum(_convolutions(shapes, "encoder.blocks.")) / config.encoder_stride


def _residual(config: MasterConfig, shapes: dict[str, tuple[int, ...]]) -> float:
    levels = len(config.residual) - 1
    rates = {f"down.{i}": 2**i for i in range(levels)} | {"bottleneck": 2**levels}
    rates |= {f"up.{i}": 2 ** (levels - 1 - i) for i in range(levels)} | {"out": 1}
    return sum(sum(_convolutions(shapes, f"residual.{name}.")) / rate for name, rate in rates.items())


def _convolutions(shapes: dict[str, tuple[int, ...]], prefix: str) -> Iterable[int]:
    return (math.prod(shape) for name, shape in shapes.items() if name.startswith(prefix) and len(shape) == 3)
