"""Effects whose whole work is one compiled kernel, so that it can also be played without the interpreter."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fxlab.effects.processor import Processor
from fxlab.kernels.stages import Stage, stage_of


class Compiled(Processor):
    """Base of the streaming effects that Numba compiles; stands first among an effect's bases.

    A subclass names its kernel, says how it is played as a stage (see `fxlab.kernels.stages`), and sets `_arguments` in
    `_allocate`.

    Attributes:
        kernel: Takes the block, the room for its output (both (channels, frames) float32), and `_arguments`.
        play: Takes a stage's address, the number of frames and a signature.
    """

    kernel: Callable
    play: Callable
    _arguments: tuple

    def _run(self, block: np.ndarray, out: np.ndarray) -> None:
        if not block.flags.writeable:
            block = block.copy()  # or Numba would compile the kernel once more, for arrays that are only read
        self.kernel(block, out, *self._arguments)

    def compiled(self) -> Stage:
        return stage_of(self.play, self._arguments, self.channels, self.max_block, self)
