"""The compressor in plain NumPy: what the compiled loops and the torch form are compared with."""

from __future__ import annotations

import numpy as np

from fxlab.effects.compressor.curve import FLOOR, excess_db
from fxlab.effects.compressor.stream import SILENT, CompressorStream


class CompressorReference(CompressorStream):
    """Streaming compressor in NumPy, double precision inside."""

    def _run(self, block: np.ndarray, out: np.ndarray) -> None:
        x = np.where(np.isfinite(block), block, 0.0).astype(np.float64)
        states = self._state["excess"].reshape(-1, self.linked, 2)
        grouped = x.reshape(-1, self.linked, x.shape[1])
        levels = 20.0 * np.log10(np.maximum(np.abs(grouped).max(axis=1), FLOOR))
        excess = excess_db(levels, self.threshold_db, self.knee_db)
        smooth = np.array([self._smooth(*pair) for pair in zip(excess, states[:, 0], strict=True)])
        states[:] = states[:, :1]
        gains = 10.0 ** ((self.makeup_db - self.slope * smooth) / 20.0)
        out[:] = (grouped * (1.0 + self.mix * (gains - 1.0))[:, None]).reshape(x.shape)

    def _smooth(self, excess: np.ndarray, state: np.ndarray) -> list[float]:
        held, smooth = state.tolist()
        smoothed = []
        for now in excess.tolist():
            held = max(now, self.fall * held + (1.0 - self.fall) * now)
            smooth = self.rise * smooth + (1.0 - self.rise) * held
            smoothed.append(smooth)
        state[:] = [value if value > SILENT else 0.0 for value in (held, smooth)]
        return smoothed
