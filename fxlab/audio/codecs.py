"""What lossy coding makes of a file's peaks: it is encoded and decoded by ffmpeg, in pipes, and measured as it comes back."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

import numpy as np

from fxlab import getting
from fxlab.audio.files import AudioInfo, probe
from fxlab.audio.true_peak import TruePeakMeter
from fxlab.errors import InputError, MissingError, UsageError, nearest

_BLOCK = 65_536


@dataclass(frozen=True)
class Decoded:
    """Peaks of a file after lossy coding.

    Attributes:
        true_peak_db: Of the decoded audio, dB of full scale; -inf for digital silence.
        overs: How often a channel of it leaves full scale: each run of successive samples beyond 1 is one. These are what a
            player clips that decodes to integers.
    """

    true_peak_db: float
    overs: int


@dataclass(frozen=True)
class Codec:
    """How ffmpeg is asked to encode.

    Attributes:
        encoder: Name of ffmpeg's encoder.
        container: One that can be read from a pipe.
        bit_rate: Bits per second, of a whole stereo stream.
        sample_format: Floating point, so that nothing is clipped on the way in.
        rates_hz: Sample rates it is given; audio at others is converted to the last of the same family, or the last.
        most_channels: Files with more can't be encoded.
    """

    encoder: str
    container: str
    bit_rate: int
    sample_format: str
    rates_hz: tuple[int, ...] = (44_100, 48_000)
    most_channels: int = 8

    def rate_hz(self, rate_hz: int) -> int:
        """The sample rate at which audio of `rate_hz` is encoded."""
        related = [rate for rate in self.rates_hz if rate == rate_hz or max(rate, rate_hz) % min(rate, rate_hz) == 0]
        return (related or self.rates_hz)[-1]


CODECS = {
    "aac": Codec("aac", "adts", 256_000, "fltp"),
    "mp3": Codec("libmp3lame", "mp3", 320_000, "fltp", most_channels=2),
    "opus": Codec("libopus", "ogg", 160_000, "flt", rates_hz=(48_000,)),
}
"""As the stores and streaming services do it at their best quality."""


def has_ffmpeg() -> bool:
    """Whether there is an ffmpeg to encode and decode with."""
    return shutil.which("ffmpeg") is not None


def decoded_peaks(
    path: str | os.PathLike, codecs: Sequence[str] = tuple(CODECS), section_s: tuple[float, float] | None = None
) -> dict[str, Decoded | None]:
    """Encodes and decodes a file, in constant memory and by all codecs at once, and measures what comes back.

    Args:
        path: Any file that fxlab and ffmpeg read.
        codecs: Names from `CODECS`.
        section_s: Where to start and how much to take, in seconds; None is the whole file. A minute of stereo costs about
            6 s of a processor, all codecs together.

    Returns:
        By name of the codec, in that order; None for one that this ffmpeg can't encode, or not with so many channels.

    Raises:
        UsageError: No such codec.
        MissingError: There is no ffmpeg, see `has_ffmpeg`.
        InputError: The file can't be used, by fxlab or by ffmpeg.
    """
    for name in codecs:
        if name not in CODECS:
            raise UsageError(f"There is no codec '{name}'.", nearest(name, CODECS))
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        raise MissingError("There is no ffmpeg to encode with.", f"{getting.FFMPEG}. Or leave lossy codecs out.")
    info, encoders = probe(path), encoders_of(ffmpeg)
    able = [name for name in codecs if CODECS[name].encoder in encoders and info.channels <= CODECS[name].most_channels]
    with ThreadPoolExecutor(len(CODECS)) as pool:
        found = list(pool.map(lambda name: _decoded(ffmpeg, info, name, section_s), able))
    return dict.fromkeys(codecs) | dict(zip(able, found, strict=True))


@functools.cache
def encoders_of(ffmpeg: str) -> frozenset[str]:
    """Names of all that an ffmpeg can encode with."""
    said = subprocess.run([ffmpeg, "-hide_banner", "-encoders"], stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout
    return frozenset(words[1] for line in said.splitlines() if len(words := line.split()) > 1)


def _decoded(ffmpeg: str, info: AudioInfo, name: str, section_s: tuple[float, float] | None) -> Decoded:
    meter = TruePeakMeter(CODECS[name].rate_hz(info.sample_rate_hz), info.channels)
    overs, frames, outside = 0, 0, np.zeros((info.channels, 1), bool)
    with _round_trip(ffmpeg, info, name, section_s) as decoded:
        while data := decoded.read(4 * info.channels * _BLOCK):
            block = np.frombuffer(data, "<f4").reshape(-1, info.channels).T
            meter.add(block)
            beyond = np.concatenate([outside, np.abs(block) > 1], axis=1)
            overs += int(np.count_nonzero(beyond[:, 1:] & ~beyond[:, :-1]))
            outside, frames = beyond[:, -1:], frames + block.shape[1]
    if not frames:
        raise _failed(info, name, "nothing came back")
    return Decoded(meter.peak_db(), overs)


@contextmanager
def _round_trip(ffmpeg: str, info: AudioInfo, name: str, section_s: tuple[float, float] | None) -> Iterator[IO[bytes]]:
    """float32 samples, channel by channel in turn, that an encoder and a decoder side by side pass on."""
    codec, quiet = CODECS[name], [ffmpeg, "-nostdin", "-v", "error"]
    coding = ["-c:a", codec.encoder, "-b:a", str(codec.bit_rate), "-sample_fmt", codec.sample_format]
    coding += ["-ar", str(codec.rate_hz(info.sample_rate_hz)), "-f", codec.container, "pipe:1"]
    where = ["-ss", str(section_s[0]), "-t", str(section_s[1])] if section_s else []
    encode = [
        *quiet,
        *where,
        "-protocol_whitelist",
        "file,pipe",
        "-i",
        f"file:{info.path}",
        "-map",
        "0:a:0",
        "-map_metadata",
        "-1",
        *coding,
    ]
    decode = [*quiet, "-f", "aac" if codec.container == "adts" else codec.container, "-i", "pipe:0"]
    decode += ["-ac", str(info.channels), "-c:a", "pcm_f32le", "-f", "f32le", "pipe:1"]
    with tempfile.TemporaryFile() as complaints:
        started: list[subprocess.Popen] = []
        pipe: IO[bytes] | int = subprocess.DEVNULL
        try:
            for command in (encode, decode):
                started.append(subprocess.Popen(command, stdin=pipe, stdout=subprocess.PIPE, stderr=complaints))
                if started[1:]:
                    pipe.close()  # only the decoder holds it now, so that the encoder hears when that one ends
                pipe = started[-1].stdout
            yield pipe
            if any([process.wait() for process in started]):
                complaints.seek(0)
                lines = complaints.read().decode(errors="replace").strip().splitlines()
                raise _failed(info, name, lines[0] if lines else "it gives no reason")
        finally:
            for process in started:
                process.stdout.close()
                process.kill()
                process.wait()


def _failed(info: AudioInfo, name: str, why: str) -> InputError:
    return InputError(f"ffmpeg can't encode {info.path} as {name} ({why}).", "Leave that codec out, or try another file.")
