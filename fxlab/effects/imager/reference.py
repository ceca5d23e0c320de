"""The imager in plain NumPy: what the compiled loops and the torch form are compared with."""

from __future__ import annotations

import numpy as np

from fxlab.audio.biquad import reference_cascade
from fxlab.effects.imager.stream import ImagerStream


class ImagerReference(ImagerStream):
    """Streaming imager in NumPy, double precision inside."""

    def _run(self, block: np.ndarray, out: np.ndarray) -> None:
        x = np.where(np.isfinite(block), block, 0.0).astype(np.float64)
        if len(x) == 2:
            side = 0.5 * (x[:1] - x[1:])
            above, self.registers[None] = reference_cascade(side, self.sections, self.registers[None])
            change = self.base * side + self.high * above
            x += np.concatenate((change, -change))
        out[:] = x
