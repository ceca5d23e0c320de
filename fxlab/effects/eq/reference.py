"""The equaliser in plain NumPy."""

from __future__ import annotations

import numpy as np

from fxlab.audio.biquad import reference_cascade
from fxlab.effects.eq import kernel


class Equaliser(kernel.Equaliser):
    """The same stream, filtered by the NumPy cascade."""

    def _run(self, block: np.ndarray, out: np.ndarray) -> None:
        registers = self.registers.transpose(1, 0, 2)
        out[:], registers[:] = reference_cascade(block, self.sections, registers)

    def compiled(self) -> None:
        return None
