"""What a page lets its reader hear: a passage of all versions, as loud as each other."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fxlab.audio.loudness import HOPS_PER_SECOND, WeightedPower, integrated_lufs, mean_lufs
from fxlab.audio.quantise import quantise
from fxlab.audio.resampling import resample
from fxlab.pages.parts import Listening, Version
from fxlab.wording import place

SECONDS = 12.0
MAX_BYTES = 3_000_000
"""What the sounds of one player may take as FLAC; a third more in the page."""

MAX_RATE_HZ = 48_000


@dataclass(frozen=True)
class Excerpt:
    """The same passage of several versions.

    Attributes:
        start_s: Where it begins in them.
        audio: Each version's, float32 (1 or 2 channels, frames).
        sample_rate_hz: Theirs.
    """

    start_s: float
    audio: Sequence[np.ndarray]
    sample_rate_hz: int

    @property
    def seconds(self) -> float:
        return self.audio[0].shape[1] / self.sample_rate_hz


def excerpt(sources: Sequence[np.ndarray], sample_rate_hz: int, seconds: float = SECONDS) -> Excerpt:
    """The loudest passage, each version counting alike, shortened where its FLAC files would be too large for a page.

    Args:
        sources: One version each, float (channels, frames) or (frames,), finite and in step; the shortest one's length counts.
            Of more than two channels the first two are heard.
        sample_rate_hz: Theirs, 8-192 kHz.
        seconds: Wished length; shorter sources are taken whole.
    """
    frames = min(source.shape[-1] for source in sources)
    heard = [np.atleast_2d(source)[:2, :frames] for source in sources]
    start = _loudest(heard, sample_rate_hz, seconds)
    chosen = _passage(heard, start, round(seconds * sample_rate_hz))
    size = sum(len(flac(audio, sample_rate_hz)) for audio in chosen)
    if size > MAX_BYTES:
        seconds = 0.97 * chosen[0].shape[1] / sample_rate_hz * MAX_BYTES / size
        start = _loudest(heard, sample_rate_hz, seconds)
        chosen = _passage(heard, start, round(seconds * sample_rate_hz))
    return Excerpt(start / sample_rate_hz, chosen, sample_rate_hz)


def listening(
    title: str, sources: Mapping[str, np.ndarray], sample_rate_hz: int, seconds: float = SECONDS, note: str = ""
) -> Listening:
    """A player of the loudest passage (`excerpt`) of the sources, versions by name; its note tells where that is."""
    found = excerpt(list(sources.values()), sample_rate_hz, seconds)
    where = f"The loudest passage: {found.seconds:.1f} s from {place(found.start_s)}."
    versions = [Version(name, audio) for name, audio in zip(sources, found.audio, strict=True)]
    return Listening(title, versions, sample_rate_hz, f"{note} {where}".strip())


def gains_db(versions: Sequence[np.ndarray], sample_rate_hz: int) -> list[float]:
    """What brings each version to the loudness of the quietest, dB: none is above 0, so that nothing clips.

    Loudness after BS.1770-4. Where a version is too short for it (0.4 s), or nowhere above its gate of -70 LUFS, all versions
    are measured without gates. Digital silence stays as it is and isn't counted as the quietest. Mono beside stereo is
    measured as it is heard, from both loudspeakers.
    """
    stereo = any(len(audio) == 2 for audio in versions)
    heard = [np.repeat(audio, 2, axis=0) if stereo and len(audio) == 1 else audio for audio in versions]
    sounding = [index for index, audio in enumerate(heard) if np.any(audio)]
    lufs = {index: integrated_lufs(heard[index], sample_rate_hz) for index in sounding}
    if not all(map(math.isfinite, lufs.values())):
        lufs = {index: mean_lufs(heard[index], sample_rate_hz) for index in sounding}
    quietest = min(lufs.values(), default=0.0)
    return [quietest - lufs.get(index, quietest) for index in range(len(versions))]


def flac(audio: np.ndarray, sample_rate_hz: int) -> bytes:
    """A FLAC file of 16 bits with TPDF dither, at 48 kHz at most; the same audio gives the same bytes.

    Args:
        audio: (channels, frames), finite; beyond full scale it is clipped.
        sample_rate_hz: Its rate, 8-192 kHz.
    """
    import soundfile

    rate_hz = min(sample_rate_hz, MAX_RATE_HZ)
    if rate_hz != sample_rate_hz:
        audio = resample(audio, sample_rate_hz, rate_hz)
    samples, _ = quantise(audio, 16, np.random.default_rng(0))
    file = io.BytesIO()
    soundfile.write(file, samples.T.astype(np.int16), rate_hz, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def _loudest(sources: Sequence[np.ndarray], sample_rate_hz: int, seconds: float) -> int:
    """First frame of the passage of `seconds` in which the versions hold the largest shares of their own energy."""
    shares = 0.0
    for source in sources:
        power = WeightedPower(sample_rate_hz, source.shape[0], None, HOPS_PER_SECOND).add(source)
        shares = shares + power / max(power.sum(), 1e-30)
    wanted = math.ceil(seconds * HOPS_PER_SECOND)
    if np.size(shares) <= wanted:
        return 0
    return int(np.argmax(np.convolve(shares, np.ones(wanted), "valid"))) * sample_rate_hz // HOPS_PER_SECOND


def _passage(sources: Sequence[np.ndarray], start: int, frames: int) -> list[np.ndarray]:
    return [np.ascontiguousarray(source[:, start : start + frames], np.float32) for source in sources]
