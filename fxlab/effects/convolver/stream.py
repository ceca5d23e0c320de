"""What the compiled and the plain convolver share: the filter, its tail, and which channel gets which response."""

from __future__ import annotations

from fxlab.effects.convolver import impulse
from fxlab.effects.processor import Processor
from fxlab.errors import UsageError


class ConvolverStream(Processor):
    """Base of the streaming convolvers; parameters as declared in `fxlab.effects.convolver`. Without latency.

    Attributes:
        taps: The filter at the prepared rate, float64 (1 or channels, N); known after `prepare`.

    Raises:
        InputError: The file can't be used as an impulse response.
    """

    def __init__(self, *, ir: str, gain_db: float, normalize: str, max_s: float, mix: float) -> None:
        super().__init__()
        self.impulse = impulse.load(ir, max_s)
        self.treatment = {"gain_db": gain_db, "normalize": normalize, "mix": mix}

    def _allocate(self) -> None:
        given = len(self.impulse.audio)
        if given not in (1, self.channels):
            raise UsageError(
                f"The impulse response {self.impulse.name} has {given} channels, the audio has {self.channels}.",
                f"It takes one for all or {self.channels}; `ffmpeg -i FILE -ac 1 mono.wav` mixes it down.",
            )
        self.taps = impulse.taps(self.impulse, self.sample_rate_hz, **self.treatment)
        self.tail = self.taps.shape[1] - 1
