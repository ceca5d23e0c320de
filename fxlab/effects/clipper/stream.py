"""What the compiled and the plain clipper share: parameters and latency."""

from __future__ import annotations

from fxlab.effects import shaping
from fxlab.effects.clipper.curves import clipper_curve
from fxlab.effects.processor import Processor
from fxlab.effects.shapers import Shaper


class ClipperStream(Processor):
    """Base of the streaming clippers; parameters as declared in `fxlab.effects.clipper`."""

    def __init__(
        self,
        *,
        mode: str,
        threshold_db: float,
        knee_db: float,
        drive_db: float,
        makeup_db: float,
        oversample: int,
        antialias: str,
    ) -> None:
        super().__init__()
        kind, knee, span = clipper_curve(mode, knee_db > 0.0, 10.0 ** (threshold_db / 20.0), knee_db)
        self.shaper = Shaper(kind, knee, span, 10.0 ** (drive_db / 20.0))
        self.makeup = 10.0 ** (makeup_db / 20.0)
        self.oversample, self.antialias = oversample, antialias

    def _allocate(self) -> None:
        self.latency = shaping.latency(self.oversample)
        self.tail = shaping.tail(self.oversample, self.antialias)
