"""What an instrument looks like: the network that plays it (DDSP, Engel et al. 2020) and the automaton that grows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, ClassVar

from fxlab.audio import MAX_RATE_HZ, MIN_RATE_HZ
from fxlab.errors import InputError, UsageError

Shape = tuple[int, ...]

SEED_PARAMETERS = 3_007_617
"""Of the size "seed", as its source counts them."""

MAX_PARAMETERS = 1 << 25
_RANGES = {
    "sample_rate_hz": (MIN_RATE_HZ, MAX_RATE_HZ),
    "hop": (16, 8192),
    "harmonics": (2, 256),
    "bands": (2, 256),
    "mfcc": (0, 128),
    "hidden": (1, 2048),
    "layers": (1, 4),
    "dense": (1, 2048),
    "reverb": (0, 1 << 19),
    "channels": (0, 256),
    "cell_hidden": (1, 1024),
}


@dataclass(frozen=True)
class InstrumentConfig:
    """An instrument: performance -> controls of a synthesizer, and gains of its cells by age.

    Args:
        sample_rate_hz: Rate that it was learnt at; it plays at any.
        hop: Samples from frame to frame at that rate.
        harmonics: Oscillators at multiples of the fundamental.
        bands: Noise bands of equal width from 0 Hz to half the rate.
        mfcc: Mel-frequency cepstral coefficients that it can be told of.
        hidden: Units of each recurrent layer (GRU).
        layers: Recurrent layers.
        dense: Units of the layer before each of the two outputs.
        reverb: Samples of the impulse response that it plays in; 0 for none.
        automaton: "" for none, "grown" for fxlab's, "classic" for the one-channel one that it is compared with.
        channels: Of the automaton's cells.
        cell_hidden: Hidden units of the automaton's rule.
        size: Its name.
    """

    sample_rate_hz: int = 22_050
    hop: int = 512
    harmonics: int = 64
    bands: int = 64
    mfcc: int = 30
    hidden: int = 512
    layers: int = 2
    dense: int = 512
    reverb: int = 0
    automaton: str = ""
    channels: int = 12
    cell_hidden: int = 48
    size: str = "custom"
    kind: ClassVar[str] = "ddsp"
    controls: ClassVar[int] = 0

    @property
    def inputs(self) -> int:
        """Pitch, whether there is one, loudness, and coefficients."""
        return 3 + self.mfcc

    @property
    def cells(self) -> int:
        """Of the automaton: harmonics, then noise bands."""
        return self.harmonics + self.bands

    @property
    def frame_rate_hz(self) -> float:
        return self.sample_rate_hz / self.hop

    @property
    def parameters_count(self) -> int:
        total = 0
        for shape in self.weight_shapes().values():
            size = 1
            for length in shape:
                size *= length
            total += size
        return total

    def with_automaton(self, name: str) -> InstrumentConfig:
        return replace(self, automaton=name)

    def network_shapes(self) -> dict[str, Shape]:
        """Weights of the network that plays; a GRU's are torch's."""
        shapes: dict[str, Shape] = {}
        for layer in range(self.layers):
            width = self.inputs if layer == 0 else self.hidden
            shapes[f"gru.weight_ih_l{layer}"] = (3 * self.hidden, width)
            shapes[f"gru.weight_hh_l{layer}"] = (3 * self.hidden, self.hidden)
            shapes[f"gru.bias_ih_l{layer}"] = shapes[f"gru.bias_hh_l{layer}"] = (3 * self.hidden,)
        for head, outputs in (("harmonic", 1 + self.harmonics), ("noise", self.bands)):
            shapes |= {f"{head}.0.weight": (self.dense, self.hidden), f"{head}.0.bias": (self.dense,)}
            shapes |= {f"{head}.2.weight": (outputs, self.dense), f"{head}.2.bias": (outputs,)}
        return shapes | ({"impulse": (self.reverb,)} if self.reverb else {})

    def automaton_shapes(self) -> dict[str, Shape]:
        """Weights of the automaton."""
        if not self.automaton:
            return {}
        from fxlab.timbre.rule import rule_shapes

        return rule_shapes(self)

    def weight_shapes(self) -> dict[str, Shape]:
        """Name to shape of every weight, the automaton's under "automaton."."""
        return self.network_shapes() | {f"automaton.{name}": shape for name, shape in self.automaton_shapes().items()}

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> InstrumentConfig:
        """What `to_json` gave; raises `InputError` for anything that is no possible instrument."""
        try:
            found = cls(**{field.name: data[field.name] for field in fields(cls) if field.name in data})
            for name, (low, high) in _RANGES.items():
                value = getattr(found, name)
                if type(value) is not int or not low <= value <= high:
                    raise ValueError
            if found.automaton not in ("", "grown", "classic") or not isinstance(found.size, str):
                raise ValueError
            if found.parameters_count > MAX_PARAMETERS:
                raise ValueError
        except (TypeError, ValueError):
            raise InputError("The instrument's header describes no possible network.", "Train it again.") from None
        return found


SIZES: dict[str, InstrumentConfig] = {
    "tiny": InstrumentConfig(hidden=128, layers=1, dense=128, size="tiny"),
    "full": InstrumentConfig(hidden=256, layers=1, dense=256, size="full"),
    "seed": InstrumentConfig(size="seed"),
}


def sized(size: str) -> InstrumentConfig:
    """The configuration called `size`, "auto" being tiny; raises `UsageError` for an unknown one."""
    size = "tiny" if size == "auto" else size
    if size not in SIZES:
        raise UsageError(f"There is no ddsp of size '{size}'.", f"Choose one of: {', '.join(SIZES)}.")
    return SIZES[size]
