"""What the compiled and the plain saturator share: parameters, filter design, latency."""

from __future__ import annotations

import numpy as np

from fxlab.audio import biquad
from fxlab.effects import shaping
from fxlab.effects.processor import Processor
from fxlab.effects.shapers import TANH, Shaper


class SaturatorStream(Processor):
    """Base of the streaming saturators; parameters as declared in `fxlab.effects.saturator`."""

    def __init__(
        self,
        *,
        drive_db: float,
        bias: float,
        makeup_db: float,
        dc_block_hz: float,
        cutoff_hz: float,
        lowpass: str,
        oversample: int,
        antialias: str,
    ) -> None:
        super().__init__()
        self.shaper = Shaper(TANH, gain=10.0 ** (drive_db / 20.0), bias=bias)
        self.makeup = 10.0 ** (makeup_db / 20.0)
        self.dc_block_hz, self.cutoff_hz, self.lowpass = dc_block_hz, cutoff_hz, lowpass
        self.oversample, self.antialias = oversample, antialias

    def _allocate(self) -> None:
        cutoff_hz = min(self.cutoff_hz, biquad.HIGHEST * self.sample_rate_hz)
        if self.lowpass == "biquad":
            low = biquad.lowpass(cutoff_hz, biquad.BUTTERWORTH_Q, self.sample_rate_hz)
        else:
            low = biquad.one_pole_lowpass(cutoff_hz, self.sample_rate_hz)
        self.sections = np.stack([biquad.dc_blocker(self.dc_block_hz, self.sample_rate_hz), low])
        self.latency = shaping.latency(self.oversample)
        ringing = biquad.tail_samples(self.sections, self.makeup * self.shaper.largest)
        self.tail = shaping.tail(self.oversample, self.antialias) + ringing
