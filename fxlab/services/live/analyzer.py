"""Spectra and harmonics of what is playing, of the dry input and of every voice on the same input, side by side.

The voices are played here once more, by processors of their own, so that one that isn't heard can be seen too and the audio
thread has nothing to do with it. Levels are those of sines: one at full scale reads 0 dB, in its band and as a
harmonic.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fxlab.audio.quantise import finite
from fxlab.effects.processor import Processor, blocks
from fxlab.metrics.pitch import fundamental_hz

DRY = "dry"
HARMONICS = 10
FLOOR_DB = -150.0
"""What a level of zero is reported as; float32 audio has nothing of interest below."""

_WINDOW_S = 8192 / 48_000
_PADDING = 4  # the largest bin is at most 0.06 dB below a sine's peak, and that is interpolated
_LOBE = 4  # bins from the middle of the window's main lobe to its end
_REACH = 2.5  # bins around its place in which a harmonic is looked for: strings are a little sharp up there
_MISSING_DB = 30.0  # a fundamental so far below its harmonics is only what the notes of a chord have in common
_BLOCK = 4096
_LOWEST_HZ, _HIGHEST_HZ = 25.0, 20_000.0


@dataclass(frozen=True)
class Spectra:
    """What was heard in the last moment.

    Args:
        frequencies_hz: Middles of the bands, evenly spaced on a logarithmic axis, (bands,).
        levels_db: For "dry" and each voice the largest level in each band, (bands,), in dB of a sine at full scale.
        f0_hz: The note that the dry input plays, None where it plays no single one.
        harmonics_db: For each the levels of the harmonics 1..10, (10,); NaN above half the sample rate, and without a note.
        thd_db: For each its total harmonic distortion (RMS sum of harmonics 2..10 / fundamental) in dB; NaN without a note.
    """

    frequencies_hz: np.ndarray
    levels_db: dict[str, np.ndarray]
    f0_hz: float | None
    harmonics_db: dict[str, np.ndarray]
    thd_db: dict[str, float]


class Analyzer:
    """Plays the voices on the dry input and looks at the last sixth of a second of all of them. For one thread.

    Args:
        sample_rate_hz: Of the input.
        voices: Name to a processor that plays nowhere else; it is prepared here.
        channels: Of the input. The one that is loudest at the moment is shown, the same of every voice.
        bands_per_octave: Of the spectra.

    Raises:
        UsageError: A voice that can't run at this rate or with so many channels.
    """

    def __init__(
        self, sample_rate_hz: int, voices: Mapping[str, Processor], channels: int = 1, bands_per_octave: int = 6
    ) -> None:
        self._rate, self._channels = sample_rate_hz, channels
        self._window = 2 ** round(math.log2(_WINDOW_S * sample_rate_hz))
        self._shape = _blackman_harris(self._window)
        self._padded = _PADDING * self._window
        number = np.arange(
            math.ceil(bands_per_octave * math.log2(_LOWEST_HZ / 1000)),
            math.floor(bands_per_octave * math.log2(min(_HIGHEST_HZ, 0.47 * sample_rate_hz) / 1000)) + 1,
        )
        self._frequencies = 1000.0 * 2.0 ** (number / bands_per_octave)
        edges = 1000.0 * 2.0 ** ((np.append(number, number[-1] + 1) - 0.5) / bands_per_octave)
        self._edges = np.rint(edges * self._padded / sample_rate_hz).astype(int)
        self._voices: dict[str, Processor] = {}
        self._kept = {DRY: np.zeros((channels, 0), np.float32)}
        self.change(voices)

    def change(self, voices: Mapping[str, Processor]) -> None:
        """Other voices from here on; one that stays goes on, and one of the same name takes over the picture.

        Raises:
            UsageError: As the constructor does; then all stay as they were.
        """
        playing = {id(processor) for processor in self._voices.values()}
        for processor in voices.values():
            if id(processor) not in playing:
                processor.prepare(self._rate, self._channels, _BLOCK)
        self._voices = dict(voices)
        latest = max((processor.latency for processor in voices.values()), default=0)
        kept = {name: np.zeros((self._channels, self._window + latest), np.float32) for name in (DRY, *voices)}
        for name, audio in self._kept.items():
            if name in kept and audio.size:
                n = min(audio.shape[1], kept[name].shape[1])
                kept[name][:, -n:] = audio[:, -n:]
        self._kept = kept

    def feed(self, dry: np.ndarray) -> None:
        """Takes the input on, float32 (channels, frames), in order; a gap is heard as a click."""
        dry = finite(np.ascontiguousarray(dry, np.float32))[0]
        self._keep(DRY, dry)
        for name, processor in self._voices.items():
            wet = np.empty_like(dry)
            done = 0
            for block in blocks(dry, _BLOCK):
                out = np.empty_like(block)
                processor.process(block, out)
                wet[:, done : done + block.shape[1]] = out
                done += block.shape[1]
            self._keep(name, wet)

    def spectra(self) -> Spectra:
        """Of the last moment; the voices' delays are taken out."""
        dry = self._aligned(DRY, 0)
        channel = int(np.argmax(np.einsum("cn,cn->c", dry, dry)))
        heard = {DRY: dry[channel]}
        heard |= {name: self._aligned(name, voice.latency)[channel] for name, voice in self._voices.items()}
        spectra = {name: self._spectrum_db(audio) for name, audio in heard.items()}
        f0_hz = self._note(heard[DRY], spectra[DRY])
        harmonics = {name: self._harmonics(spectrum, f0_hz) for name, spectrum in spectra.items()}
        return Spectra(
            self._frequencies,
            {name: np.maximum.reduceat(spectrum, self._edges)[:-1] for name, spectrum in spectra.items()},
            f0_hz,
            harmonics,
            {name: _thd_db(levels) for name, levels in harmonics.items()},
        )

    def _keep(self, name: str, audio: np.ndarray) -> None:
        kept = self._kept[name]
        n = min(audio.shape[1], kept.shape[1])
        if n:
            kept[:, :-n] = kept[:, n:].copy()
            kept[:, -n:] = audio[:, -n:]

    def _aligned(self, name: str, latency: int) -> np.ndarray:
        return self._kept[name][:, latency : latency + self._window]

    def _spectrum_db(self, audio: np.ndarray) -> np.ndarray:
        """Level of a sine at each frequency of the padded transform."""
        found = np.abs(np.fft.rfft(audio * self._shape, self._padded))
        return 20 * np.log10(np.maximum(found, 10 ** (FLOOR_DB / 20)))

    def _peak(self, spectrum: np.ndarray, f0_hz: float, k: int) -> tuple[float, float]:
        """Level and frequency of the highest point near the place of a harmonic, not so far that the next one's lobe is met."""
        reach = max(0.5, min(_REACH, f0_hz * self._window / self._rate - _LOBE)) * _PADDING
        middle = k * f0_hz * self._padded / self._rate
        low, high = max(1, round(middle - reach)), min(len(spectrum) - 1, round(middle + reach) + 1)
        at = low + int(np.argmax(spectrum[low:high]))
        before, top, after = (float(value) for value in spectrum[at - 1 : at + 2])
        bend = before - 2 * top + after
        shift = 0.5 * (before - after) / bend if top >= max(before, after) and bend < 0 else 0.0  # a lobe in dB is a parabola
        return top - 0.25 * (before - after) * shift, (at + shift) * self._rate / self._padded

    def _audible(self, f0_hz: float) -> int:
        """How many harmonics there are whose lobes are whole below half the sample rate."""
        return min(HARMONICS, int((self._rate / 2 - _LOBE * self._rate / self._window) / f0_hz))

    def _note(self, dry: np.ndarray, spectrum: np.ndarray) -> float | None:
        """The fundamental, by the strongest of its first harmonics, which a spectrum places better than a period does."""
        f0_hz = fundamental_hz(dry, self._rate)
        if f0_hz is None or not self._audible(f0_hz):
            return None
        peaks = [(*self._peak(spectrum, f0_hz, k), k) for k in range(1, self._audible(f0_hz) + 1)]
        if peaks[0][0] < max(peaks)[0] - _MISSING_DB:
            return None
        _, at_hz, k = max(peaks[:4])
        return at_hz / k

    def _harmonics(self, spectrum: np.ndarray, f0_hz: float | None) -> np.ndarray:
        levels = np.full(HARMONICS, np.nan)
        if f0_hz is not None:
            for k in range(1, self._audible(f0_hz) + 1):
                levels[k - 1] = self._peak(spectrum, f0_hz, k)[0]
        return levels


def _thd_db(harmonics_db: np.ndarray) -> float:
    energy = 10 ** (harmonics_db / 10)
    above = float(np.nansum(energy[1:]))
    return 10 * math.log10(above / float(energy[0])) if above > 0 else math.nan


def _blackman_harris(length: int) -> np.ndarray:
    """The four-term window with sidelobes below -92 dB (F. J. Harris, 1978), scaled so that a sine's amplitude is read."""
    phase = 2 * np.pi / length * np.arange(length)
    window = sum(a * np.cos(k * phase) for k, a in enumerate((0.35875, -0.48829, 0.14128, -0.01168)))
    return window * (2 / window.sum())
