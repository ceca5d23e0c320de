"""What a program that uses fxlab looks like to a type checker. It is checked by mypy, never run."""

from pathlib import Path

import numpy as np
from torch import nn
from typing_extensions import assert_type

import fxlab
from fxlab.effects.params import Param
from fxlab.effects.processor import Processor, State
from fxlab.effects.registry import Effect
from fxlab.engines.loader import Opened
from fxlab.models.model import Model
from fxlab.progress import Progress

dry, rate_hz = fxlab.read(Path("guitar.wav"))
assert_type(dry, np.ndarray)
assert_type(rate_hz, int)

effect = fxlab.effect("saturator")
assert_type(effect, Effect)
assert_type(effect.processor(drive_db=18), Processor)
assert_type(effect.torch_module(rate_hz, drive_db=18), nn.Module)
wet = fxlab.apply(fxlab.Chain([effect.processor(), effect.processor("numpy")]), dry, rate_hz)
assert_type(fxlab.esr(dry, wet) + fxlab.mr_stft(dry, wet) + fxlab.pre_emphasised_esr(dry, wet), float)

opened = fxlab.open_processor("tcn", engine="fused")
assert_type(opened, Opened)
assert_type(opened.processor.state(), State)
assert_type(fxlab.build(fxlab.architecture("tcn").config("nano")), nn.Module)

mix = Param("mix", default=0.5, low=0.0, high=1.0, unit="", help="Share of the processed signal.")
try:
    assert_type(mix.parse("0.3"), float)
except fxlab.FxlabError as problem:
    assert_type(problem.hint, str)


def report(task: str, done: float, total: float | None, **fields: object) -> None:
    """A progress of one's own."""


progress: Progress = report


class Half(Processor):
    """An effect of one's own."""

    def _run(self, block: np.ndarray, out: np.ndarray) -> None:
        np.multiply(block, 0.5, out=out)


def size_of(model: Model) -> int:
    """Weights in a model."""
    return sum(array.size for array in model.weights.values())
