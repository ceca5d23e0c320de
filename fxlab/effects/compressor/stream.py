"""What the compiled and the plain compressor share: parameters and states."""

from __future__ import annotations

import numpy as np

from fxlab.effects.compressor.curve import kept
from fxlab.effects.processor import Processor

SILENT = 1e-12
"""Excesses in dB below this are flushed to zero: far under anything audible, far above denormals."""


class CompressorStream(Processor):
    """Base of the streaming compressors; parameters as declared in `fxlab.effects.compressor`. Neither latency nor tail.

    Its state holds each channel's held and smoothed excess, (channels, 2) in dB, linked or not: so one setting takes it over from
    the other.

    Attributes:
        linked: How many channels get the same gain.
    """

    def __init__(
        self,
        *,
        threshold_db: float,
        ratio: float,
        attack_ms: float,
        release_ms: float,
        knee_db: float,
        makeup_db: float,
        mix: float,
        link: bool,
    ) -> None:
        super().__init__()
        self.threshold_db, self.slope, self.knee_db = float(threshold_db), 1.0 - 1.0 / ratio, float(knee_db)
        self.attack_ms, self.release_ms = attack_ms, release_ms
        self.makeup_db, self.mix, self.link = float(makeup_db), float(mix), link

    def _allocate(self) -> None:
        self.rise, self.fall = (kept(time, self.sample_rate_hz) for time in (self.attack_ms, self.release_ms))
        self.linked = self.channels if self.link else 1
        self._state = {"excess": np.zeros((self.channels, 2))}
