"""The base of configurations of networks that other packages add: from their fields follows what fxlab asks of one."""

from __future__ import annotations

import dataclasses
import functools
from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

from fxlab.errors import InputError, UsageError

MEMORY = 1 << 20
"""Samples that a network may look back."""


@dataclass(frozen=True)
class NetworkConfig(ABC):
    """What a network looks like: numbers, texts and truth values with defaults, as fields of a frozen dataclass.

    A model's file states them, and may state anything: `__post_init__` raises `ValueError` for what no such network has.

    Args:
        size: As in `--size NAME`.

    Attributes:
        kind: Name of the architecture, under which the entry point `fxlab.models` names it.
        network: "module:Class" of its `fxlab.models.network.Network`, which takes the configuration.
        recurrent: Whether it remembers more than its last `receptive_field` samples. It then learns from windows in a row,
            through which it carries its states.
    """

    kind: ClassVar[str]
    network: ClassVar[str]
    recurrent: ClassVar[bool] = False

    size: str = "custom"

    @abstractmethod
    def state_shapes(self) -> dict[str, tuple[int, int]]:
        """Name to (features, frames) of every memory, in the order in which `Network.stream` takes them."""

    @property
    def receptive_field(self) -> int:
        """Input samples that one output sample depends on; of a recurrent network, notably. At most 2^20.

        By default 1 and all the frames that it remembers, 8192 more if it is recurrent.
        """
        return 1 + sum(frames for _, frames in self.state_shapes().values()) + (8192 if self.recurrent else 0)

    @property
    def controls(self) -> int:
        """Knobs. A network that takes some overrides this with a field `controls: int = 0`."""
        return 0

    def with_controls(self, controls: int) -> NetworkConfig:
        """The same with so many knobs; raises `UsageError` for a network that takes none."""
        if not any(field.name == "controls" for field in dataclasses.fields(self)):
            raise UsageError(f"A network of type '{self.kind}' takes no knobs.", "Make a dataset with one setting of the effect.")
        return dataclasses.replace(self, controls=controls)  # type: ignore[call-arg]

    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """Name to shape of every weight, in the order of the network's state dict."""
        return dict(_shapes(self))

    @property
    def parameters_count(self) -> int:
        return sum(prod(shape) for shape in self.weight_shapes().values())

    @property
    def macs_per_sample(self) -> int:
        """Multiply-accumulates per output sample; by default every number of a matrix is used once."""
        return sum(prod(shape) for shape in self.weight_shapes().values() if len(shape) > 1)

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> NetworkConfig:
        """The configuration from its plain form; raises `InputError` for anything else."""
        try:
            found = cls(**data)
            plain = all(type(value) is type(getattr(cls(), name)) for name, value in found.to_json().items())
            if not plain or not 1 <= found.receptive_field <= MEMORY:
                raise ValueError
        except (TypeError, ValueError, OverflowError, ArithmeticError):
            raise InputError(
                f"The model's configuration of a '{cls.kind}' can't be understood.", "Export it again with `fxlab export`."
            ) from None
        return found


@functools.cache
def _shapes(config: NetworkConfig) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Found without allocating the weights."""
    import torch

    from fxlab.models.registry import build

    with torch.device("meta"):
        return tuple((name, tuple(tensor.shape)) for name, tensor in build(config).state_dict().items())
