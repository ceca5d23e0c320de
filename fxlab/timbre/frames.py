"""What an instrument is told and what it answers, frame by frame. Frame f stands at sample f * hop of the instrument's rate."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

A4_HZ, A4_MIDI = 440.0, 69.0
SILENCE_DB = -120.0
"""The lowest loudness."""


def midi_of(f0_hz: np.ndarray) -> np.ndarray:
    """Pitch as a MIDI note, 69 being 440 Hz, with its fraction."""
    return A4_MIDI + 12 * np.log2(np.maximum(f0_hz, 1e-3) / A4_HZ)


def hertz_of(midi: np.ndarray) -> np.ndarray:
    """Frequency of a MIDI note."""
    return A4_HZ * 2 ** ((np.asarray(midi, np.float64) - A4_MIDI) / 12)


@dataclass(frozen=True)
class Features:
    """A performance: what is heard of a recording, or asked of an instrument.

    Args:
        f0_hz: Fundamental frequency, (frames,), positive; through unvoiced frames the last one is held.
        voiced: 1 where there is a pitch, 0 where there is none, (frames,).
        loudness_db: A-weighted level in dB of full scale, (frames,), `SILENCE_DB` and above.
        frame_rate_hz: Frames per second.
        mfcc: Mel-frequency cepstral coefficients, (frames, n), or None where timbre isn't prescribed.
    """

    f0_hz: np.ndarray
    voiced: np.ndarray
    loudness_db: np.ndarray
    frame_rate_hz: float
    mfcc: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.f0_hz)

    def __getitem__(self, part: slice) -> Features:
        mfcc = None if self.mfcc is None else self.mfcc[part]
        return replace(self, f0_hz=self.f0_hz[part], voiced=self.voiced[part], loudness_db=self.loudness_db[part], mfcc=mfcc)

    @property
    def seconds(self) -> float:
        return len(self) / self.frame_rate_hz

    def without_timbre(self) -> Features:
        """The same performance with the timbre left to the instrument."""
        return replace(self, mfcc=None)


@dataclass(frozen=True)
class Controls:
    """What the synthesizer plays.

    Args:
        f0_hz: Fundamental frequency, (frames,).
        harmonics: Linear amplitude of each harmonic, (frames, harmonics), none of them above half the rate that it was learnt at.
        noise: Linear magnitude of each noise band, (frames, bands); white noise of standard deviation 1 through a band of
            magnitude 1 in all bands has standard deviation 1.
        frame_rate_hz: Frames per second.
    """

    f0_hz: np.ndarray
    harmonics: np.ndarray
    noise: np.ndarray
    frame_rate_hz: float

    def __len__(self) -> int:
        return len(self.f0_hz)

    def __getitem__(self, part: slice) -> Controls:
        return replace(self, f0_hz=self.f0_hz[part], harmonics=self.harmonics[part], noise=self.noise[part])

    def gated(self, gains: np.ndarray) -> Controls:
        """With cells' gains, (frames, harmonics + bands), linear, harmonics first."""
        count = self.harmonics.shape[1]
        return replace(self, harmonics=self.harmonics * gains[:, :count], noise=self.noise * gains[:, count:])

    def cells(self) -> np.ndarray:
        """Harmonics and noise bands side by side, (frames, harmonics + bands)."""
        return np.concatenate([self.harmonics, self.noise], axis=1)
