"""What a mastering network looks like: an encoder of songs, a decoder of equaliser bands, and what its phase adds to them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from typing import ClassVar, Literal, get_args

from fxlab.audio import MAX_RATE_HZ, MIN_RATE_HZ
from fxlab.errors import InputError, UsageError

Shape = tuple[int, ...]
Phase = Literal["1a", "1b", "1c", "2"]
Conditioning = Literal["film", "concat"]

FIXED_BANDS, ADAPTIVE_BANDS = 5, 10
GREY_BOX = ("threshold", "slope", "attack", "release", "knee", "drive", "mix", "width")
"""What the outputs of the grey box's last layer decide, in order."""

_MAX_CHANNELS, _MAX_KERNEL, _MAX_STRIDE, _MAX_DILATION, _MAX_STAGES = 1024, 63, 16, 4096, 8
_MAX_UNITS, _MAX_FEATURES, _MAX_PARAMETERS = 4096, 4096, 1 << 25


@dataclass(frozen=True)
class MasterConfig:
    """A mastering network: song -> latent -> settings of a chain.

    Args:
        stem: Output channels of the strided convolutions that come first.
        stem_kernel, stem_stride: Of each of them; kernels here are odd.
        blocks: Output channels of the residual blocks after it.
        dilations: One per block, of both its convolutions.
        block_kernel: Of both its convolutions.
        latent: Length of the vector that everything is decided from.
        hidden: Units of each of the decoder's two layers; a band selector has half of them.
        dropout: Share of them that training silences.
        pooled_dropout: Share of the encoder's pooled vector that it silences. With few songs the vector is a mark to know each
            by: what a network decides should rest on the features as far as they tell it.
        residual: Channels of the Wave-U-Net's levels, the last one its bottleneck.
        residual_kernel: Of its convolutions.
        channels: What it hears and corrects: 1 is the mono sum (each channel corrected by itself), 2 are mid and side.
        bands: Of the equaliser.
        adaptive: Every band has a gate.
        phase: "1a" equaliser; "1b", "1c" with a residual; "2" with compressor, saturator, imager and a residual.
        skips: The Wave-U-Net's skip connections.
        conditioning: How the latent enters it: "film" scales and shifts every block, "concat" adds constant inputs to it.
        features: Numbers from elsewhere that join the pooled vector before the projection.
        abstain: It also decides how far the song is from a finished master, which scales all that is done to it.
        sample_rate_hz: Where it hears, and where its residual plays.
    """

    stem: tuple[int, ...] = (64, 128)
    stem_kernel: int = 15
    stem_stride: int = 4
    blocks: tuple[int, ...] = (128, 256, 256, 512)
    dilations: tuple[int, ...] = (1, 2, 4, 8)
    block_kernel: int = 3
    latent: int = 512
    hidden: int = 256
    dropout: float = 0.2
    pooled_dropout: float = 0.0
    residual: tuple[int, ...] = (32, 64, 128, 256)
    residual_kernel: int = 15
    channels: int = 1
    bands: int = FIXED_BANDS
    adaptive: bool = False
    phase: Phase = "1a"
    skips: bool = True
    conditioning: Conditioning = "film"
    features: int = 0
    abstain: bool = False
    sample_rate_hz: int = 44_100
    size: str = "custom"
    kind: ClassVar[str] = "master"
    controls: ClassVar[int] = 0
    recurrent: ClassVar[bool] = False

    def with_phase(self, phase: Phase) -> MasterConfig:
        """The same in another phase, with its number of bands: five, or ten with gates from "1c" on; raises `UsageError`."""
        if phase not in get_args(Phase):
            raise UsageError(f"There is no phase '{phase}'.", f"Choose one of: {', '.join(get_args(Phase))}.")
        adaptive = phase in ("1c", "2")
        return replace(self, phase=phase, adaptive=adaptive, bands=ADAPTIVE_BANDS if adaptive else FIXED_BANDS)

    def with_controls(self, controls: int) -> MasterConfig:
        """Itself for none; raises `UsageError` for more: it decides its settings from the song."""
        if controls:
            raise UsageError("A mastering network has no knobs.", "Train it on finished songs.")
        return self

    def at_rate(self, sample_rate_hz: int) -> MasterConfig:
        """The same at another sample rate."""
        return replace(self, sample_rate_hz=sample_rate_hz)

    @property
    def has_residual(self) -> bool:
        return self.phase != "1a"

    @property
    def grey_box(self) -> bool:
        return self.phase == "2"

    @property
    def encoder_stride(self) -> int:
        """Samples from one vector of the encoder to the next."""
        return self.stem_stride ** len(self.stem)

    @property
    def alignment(self) -> int:
        """Samples of the residual's coarsest grid."""
        return 2 ** (len(self.residual) - 1)

    @property
    def receptive_field(self) -> int:
        """Samples that one of the encoder's vectors depends on, before they are averaged over the song."""
        stem = sum((self.stem_kernel - 1) * self.stem_stride**i for i in range(len(self.stem)))
        return 1 + stem + 2 * (self.block_kernel - 1) * sum(self.dilations) * self.encoder_stride

    @property
    def parameters_count(self) -> int:
        """Learnt numbers; what the normalisations count isn't learnt."""
        return sum(math.prod(shape) for name, shape in self.weight_shapes().items() if ".running_" not in name)

    def weight_shapes(self) -> dict[str, Shape]:
        """Name to shape of every weight and of what the normalisations count, in the order of the network's state dict."""
        shapes: dict[str, Shape] = {}

        def linear(name: str, inputs: int, outputs: int) -> None:
            shapes.update({f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)})

        def conv(name: str, inputs: int, outputs: int, kernel: int) -> None:
            shapes.update({f"{name}.weight": (outputs, inputs, kernel), f"{name}.bias": (outputs,)})

        def normalised(name: str, inputs: int, outputs: int, kernel: int) -> None:
            conv(f"{name}.conv", inputs, outputs, kernel)
            for one in ("weight", "bias", "running_mean", "running_var"):
                shapes[f"{name}.norm.{one}"] = (outputs,)

        self._encoder(linear, conv, normalised)
        self._decoder(linear)
        if self.grey_box:
            linear("grey_box.hidden", self.latent, self.hidden)
            linear("grey_box.out", self.hidden, len(GREY_BOX))
        if self.has_residual:
            self._residual(linear, conv, normalised)
        return shapes

    def _encoder(self, linear: Callable, conv: Callable, normalised: Callable) -> None:
        inputs = self.channels
        for i, outputs in enumerate(self.stem):
            normalised(f"encoder.stem.{i}", inputs, outputs, self.stem_kernel)
            inputs = outputs
        for i, outputs in enumerate(self.blocks):
            normalised(f"encoder.blocks.{i}.first", inputs, outputs, self.block_kernel)
            normalised(f"encoder.blocks.{i}.second", outputs, outputs, self.block_kernel)
            if inputs != outputs:
                conv(f"encoder.blocks.{i}.residual", inputs, outputs, 1)
            inputs = outputs
        linear("encoder.projection", inputs + self.features, self.latent)

    def _decoder(self, linear: Callable) -> None:
        linear("decoder.hidden.0", self.latent, self.hidden)
        linear("decoder.hidden.1", self.hidden, self.hidden)
        for head in ("freq", "gain", "q"):
            linear(f"decoder.{head}", self.hidden, self.bands)
        if self.abstain:
            linear("decoder.need", self.hidden, 1)
        if self.adaptive:
            linear("decoder.selector.hidden", self.latent, self.selector)
            linear("decoder.selector.out", self.selector, self.bands)

    def _residual(self, linear: Callable, conv: Callable, normalised: Callable) -> None:
        film, extra = self.conditioning == "film", self.conditions
        if not film:
            linear("residual.project", self.latent, extra)
        for name, inputs, outputs in self.residual_blocks():
            normalised(f"residual.{name}", inputs + extra, outputs, self.residual_kernel)
            if film:
                linear(f"residual.{name}.gamma", self.latent, outputs)
                linear(f"residual.{name}.beta", self.latent, outputs)
        conv("residual.out", self.residual[0], self.channels, 1)

    @property
    def selector(self) -> int:
        """Units of the band selector."""
        return max(1, self.hidden // 2)

    @property
    def conditions(self) -> int:
        """Constant channels that carry the latent into every block of the residual."""
        return 0 if self.conditioning == "film" else self.residual[0]

    def residual_blocks(self) -> list[tuple[str, int, int]]:
        """Name, inputs (without `conditions`) and outputs of the Wave-U-Net's blocks, in the order in which they run."""
        widths, back = self.residual, self.residual[::-1]
        down = [(f"down.{i}", (self.channels, *widths)[i], width) for i, width in enumerate(widths[:-1])]
        up = [(f"up.{i}", back[i] + width * self.skips, width) for i, width in enumerate(back[1:])]
        return [*down, ("bottleneck", widths[-2], widths[-1]), *up]

    def to_json(self) -> dict:
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, data: dict) -> MasterConfig:
        """The config from its plain form; raises `InputError` for anything else, before anything is allocated."""
        try:
            config = cls(**{one.name: _plain(data[one.name], one.default) for one in fields(cls)})
            config.check()
            return config
        except (KeyError, TypeError, ValueError, OverflowError):
            raise InputError("The mastering model's configuration can't be understood.", "Train it again.") from None

    def check(self) -> None:
        """Raises `ValueError` for sizes that don't fit together or that no model has."""
        widths = (*self.stem, *self.blocks, *self.residual)
        kernels = (self.stem_kernel, self.block_kernel, self.residual_kernel)
        within = {
            "stages": (1, _MAX_STAGES, (len(self.stem), len(self.blocks), len(self.residual) - 1)),
            "channels": (1, _MAX_CHANNELS, widths),
            "kernels": (1, _MAX_KERNEL, kernels),
            "strides": (1, _MAX_STRIDE, (self.stem_stride,)),
            "dilations": (1, _MAX_DILATION, self.dilations),
            "units": (1, _MAX_UNITS, (self.latent, self.hidden)),
            "dropout": (0.0, 0.9, (self.dropout, self.pooled_dropout)),
            "bands": (1, ADAPTIVE_BANDS, (self.bands,)),
            "features": (0, _MAX_FEATURES, (self.features,)),
            "audio channels": (1, 2, (self.channels,)),
            "sample rate": (MIN_RATE_HZ, MAX_RATE_HZ, (self.sample_rate_hz,)),
        }
        for what, (low, high, values) in within.items():
            if not all(low <= value <= high for value in values):
                raise ValueError(f"{what} out of range")
        if len(self.dilations) != len(self.blocks) or any(kernel % 2 == 0 for kernel in kernels):
            raise ValueError("a block without a dilation, or an even kernel")
        if self.phase not in get_args(Phase) or self.conditioning not in get_args(Conditioning):
            raise ValueError("an unknown phase or conditioning")
        if self.parameters_count > _MAX_PARAMETERS:
            raise ValueError("too many parameters")


def _plain(value: object, like: object) -> object:
    """A value out of JSON as what the field's default is; raises `TypeError` or `ValueError` for another kind."""
    if isinstance(like, tuple):
        if not isinstance(value, list) or len(value) > _MAX_STAGES + 1 or any(type(n) is not int for n in value):
            raise TypeError
        return tuple(value)
    if isinstance(like, float) and type(value) in (int, float) and math.isfinite(value):
        return float(value)
    if type(value) is not type(like):
        raise TypeError
    return value


SIZES = {
    "compact": MasterConfig(
        stem=(12, 24),
        blocks=(24, 32, 32, 48),
        latent=64,
        hidden=64,
        dropout=0.4,
        residual=(8, 12, 16, 24),
        residual_kernel=9,
        channels=2,
        abstain=True,
        size="compact",
    ),
    "seed": MasterConfig(size="seed"),
}
"""By what they were drawn for: two processor cores; the original, mono and wide."""
