"""Several processors in a row as one processor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fxlab.effects.processor import Processor, State
from fxlab.effects.registry import effect
from fxlab.errors import UsageError

if TYPE_CHECKING:
    import torch


class Chain(Processor):
    """Processors in series; an empty chain passes the signal through.

    `latency` is the sum of the stages' latencies and `tail` the sum of their tails (each stage may ring on for its own tail
    after the one before has fallen silent). The state holds every stage's state under "<stage>.<name>".

    Stages that add noise get a stream each, numbered in order, and the first one's is that of the stage alone.

    Args:
        processors: The stages in order. They belong to the chain from here on.

    Raises:
        UsageError: Stages that run at different rates only, or one processor named twice.
    """

    def __init__(self, processors: Sequence[Processor]) -> None:
        super().__init__()
        self.processors = tuple(processors)
        if len({id(processor) for processor in self.processors}) != len(self.processors):
            raise UsageError("The same processor stands in a chain twice.", "Open it once for each place, it keeps a state.")
        rates = sorted({p.native_rate_hz for p in self.processors if p.native_rate_hz is not None})
        if len(rates) > 1:
            raise UsageError(
                f"These models run at different rates ({', '.join(f'{rate} Hz' for rate in rates)}), so they can't form a chain.",
                "Render them one after the other.",
            )
        self.native_rate_hz = rates[0] if rates else None
        self.number_noise(0)

    def number_noise(self, first: int) -> int:
        for processor in self.processors:
            first = processor.number_noise(first)
        return first

    def _allocate(self) -> None:
        for processor in self.processors:
            processor.prepare(self.sample_rate_hz, self.channels, self.max_block)
        self._between = np.zeros((2, self.channels * self.max_block), np.float32)
        self.latency = sum(processor.latency for processor in self.processors)
        self.tail = sum(processor.tail for processor in self.processors)

    def _run(self, block: np.ndarray, out: np.ndarray) -> None:
        if not self.processors:
            np.copyto(out, block)
        last = len(self.processors) - 1
        for at, processor in enumerate(self.processors):
            # Two buffers take turns: compiled loops are several times slower where input and output overlap.
            target = out if at == last else self._between[at % 2, : block.size].reshape(block.shape)
            processor.process(block, target)
            block = target

    def remarks(self) -> list[str]:
        return [remark for processor in self.processors for remark in processor.remarks()]

    def reset(self) -> None:
        for processor in self.processors:
            processor.reset()

    def state(self) -> State:
        stages = enumerate(processor.state() for processor in self.processors)
        return {f"{at}.{name}": array for at, state in stages for name, array in state.items()}

    def restore(self, state: State) -> None:
        for at, processor in enumerate(self.processors):
            prefix = f"{at}."
            processor.restore({name.removeprefix(prefix): array for name, array in state.items() if name.startswith(prefix)})


def chain_module(stages: Iterable[tuple[str, Mapping[str, object]]], sample_rate_hz: int) -> torch.nn.Sequential:
    """The differentiable form of a chain of effects, mapping (..., frames) to (..., frames).

    Args:
        stages: (effect name, parameters) in order.

    Raises:
        UsageError: An unknown effect or parameter.
    """
    from torch import nn

    modules = [effect(name).torch_module(sample_rate_hz, **parameters) for name, parameters in stages]
    stream = 0
    for module in modules:
        number: Callable[[int], int] | None = getattr(module, "number_noise", None)
        if number is not None:
            stream = number(stream)
    return nn.Sequential(*modules)
