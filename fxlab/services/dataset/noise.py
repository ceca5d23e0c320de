"""The noise that a dataset's inputs are mixed with: made, or out of a recording."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fxlab.errors import InputError
from fxlab.hashing import value_sha256
from fxlab.metrics.speech_level import ActiveLevel
from fxlab.progress import Progress
from fxlab.services.dataset.sources import Take, scan
from fxlab.settings import DatasetSettings

SHAPED, WHITE, PINK = "speech-shaped", "white", "pink"
_VERSION = 1  # of what is made; counts as part of a pair's identity
_FFT = 16_384
_WINDOW_S = 0.04
_SMOOTHING = 2 ** (1 / 12)  # a sixth of an octave: what voices have in common, not their harmonics


@dataclass(frozen=True, eq=False)
class Noise:
    """A kind of noise.

    Args:
        kind: As the settings call it; of a recording its name.
        sha256: Identifies how it sounds.
        filter: Impulse response that Gaussian noise goes through, (taps,), with the energy 1; None for a recording.
        take: The recording, played from a random place on and over again.
    """

    kind: str
    sha256: str
    filter: np.ndarray | None = None
    take: Take | None = None

    def blocks(self, rng: np.random.Generator, rate: int) -> Iterator[np.ndarray]:
        """Noise without an end, (frames,) blocks of any size; raises `InputError` if the recording can't be read."""
        if self.take is not None:
            start = int(rng.integers(self.take.frames(rate)))
            yield from self.take.part(start, self.take.frames(rate) - start, rate).blocks(rate)
            while True:
                yield from self.take.blocks(rate)
        taps = len(self.filter)
        response = np.fft.rfft(self.filter, _FFT)
        heard = rng.standard_normal(taps)
        while True:
            heard = np.concatenate((heard[-taps:], rng.standard_normal(_FFT - taps)))
            yield np.fft.irfft(np.fft.rfft(heard) * response, _FFT)[taps:]


def noise_of(settings: DatasetSettings, takes: Sequence[tuple[Take, str]], rate: int, progress: Progress) -> Noise | None:
    """The noise that the settings ask for; None where inputs stay clean.

    Args:
        settings: `snr_db` and `noise`.
        takes: Each with its split. Speech-shaped noise has the long-term spectrum of those that are trained on.
        rate: The dataset's sample rate.
        progress: Told how many takes were listened to.

    Raises:
        InputError: A recording of noise that can't be used.
    """
    if not settings.snr_db:
        return None
    if settings.noise == WHITE:
        return Noise(WHITE, value_sha256([WHITE, _VERSION]), np.ones(1))
    if settings.noise == PINK:
        bins = np.arange(_window(rate) // 2 + 1) * rate / _window(rate)
        return Noise(PINK, value_sha256([PINK, _VERSION]), _filter(1 / np.maximum(bins, 20.0)))
    if settings.noise == SHAPED:
        heard = [take for take, split in takes if split == "train"] or [take for take, _ in takes]
        parts = sorted([take.sha256, take.channel, take.start, take.stop] for take in heard)
        return Noise(SHAPED, value_sha256([SHAPED, _VERSION, parts]), _filter(_long_term_power(heard, rate, progress)))
    return _recording(Path(settings.noise), settings.trim_db)


def mixed(clean: Take, noise: Noise, snr_db: float, seed: Sequence[object], rate: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Blocks of a take, and of the same with noise.

    Args:
        clean: Speech, or whatever is to be heard through the noise.
        noise: Its power over the whole take counts; of the take, that while it is active.
        snr_db: The ratio of these two.
        seed: Decides the noise, together with the take.
        rate: Sample rate in Hz.

    Raises:
        InputError: One of them can't be read.
    """
    digest = value_sha256([*seed, noise.sha256, clean.sha256, clean.channel, clean.start, snr_db])
    level, energy, frames = ActiveLevel(rate), 0.0, 0
    for sound, added in _beside(clean, noise, digest, rate):
        level.add(sound)
        energy, frames = energy + float(added @ added), frames + len(added)
    gain = (level.power * 10 ** (-snr_db / 10) * frames / energy) ** 0.5 if energy else 0.0
    for sound, added in _beside(clean, noise, digest, rate):
        yield sound, (sound + gain * added).astype(np.float32)


def _beside(clean: Take, noise: Noise, digest: str, rate: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    endless = noise.blocks(np.random.default_rng(int(digest[:32], 16)), rate)
    ready = np.zeros(0)
    for sound in clean.blocks(rate):
        while len(ready) < len(sound):
            ready = np.concatenate((ready, next(endless)))
        yield sound, ready[: len(sound)].astype(np.float64)
        ready = ready[len(sound) :]


def _window(rate: int) -> int:
    return 2 ** round(np.log2(_WINDOW_S * rate))


def _long_term_power(takes: Sequence[Take], rate: int, progress: Progress) -> np.ndarray:
    """Power spectrum of all takes as one, (window / 2 + 1,), each bin the mean over a sixth of an octave."""
    size = _window(rate)
    power, shape = np.zeros(size // 2 + 1), np.hanning(size)
    for done, take in enumerate(takes):
        progress("Shaping noise", done, len(takes))
        rest = np.zeros(0, np.float32)
        for sound in take.blocks(rate):
            rest = np.concatenate((rest, sound))
            whole = len(rest) // size * size
            power += np.sum(np.abs(np.fft.rfft(rest[:whole].reshape(-1, size) * shape)) ** 2, axis=0)
            rest = rest[whole:]
        power += np.abs(np.fft.rfft(rest, size)) ** 2
    progress("Shaping noise", len(takes), len(takes))
    bins = np.arange(len(power))
    first = np.floor(bins / _SMOOTHING).astype(int)
    last = np.minimum(np.ceil(bins * _SMOOTHING).astype(int) + 1, len(power))
    total = np.concatenate(([0.0], np.cumsum(power)))
    return (total[last] - total[first]) / (last - first)


def _filter(power: np.ndarray) -> np.ndarray:
    """Taps (2 len - 2,) that give white noise this power spectrum, with the energy 1 and no phase but a delay."""
    taps = np.fft.fftshift(np.fft.irfft(np.sqrt(power))) * np.hanning(2 * len(power) - 2)
    return taps / np.sqrt(np.sum(taps**2))


def _recording(path: Path, trim_db: float) -> Noise:
    source = scan(path, path.name, trim_db)
    if not source.takes:
        kinds = f"{SHAPED}, {WHITE} and {PINK} are made."
        raise InputError(f"The noise {path} can't be used. {source.reason}", f"Name an audio file; {kinds}")
    take = source.takes[0]
    return Noise(path.name, value_sha256([take.sha256, take.channel, take.start, take.stop]), take=take)
