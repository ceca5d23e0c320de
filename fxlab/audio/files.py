"""Audio files in: what they are and their samples, whole or block by block, every defect a clear `InputError`.

Read through libsndfile (wav, rf64, flac, ogg vorbis, opus, mp3, aiff and others). `Writer` and `expand` live in modules of their
own and are found here too.
"""

from __future__ import annotations

import contextlib
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np

from fxlab.audio import MAX_RATE_HZ, MIN_RATE_HZ, sndfile
from fxlab.audio.quantise import finite
from fxlab.audio.sources import expand
from fxlab.audio.writer import Writer
from fxlab.errors import InputError

if TYPE_CHECKING:
    import soundfile

__all__ = ["AudioInfo", "Reader", "Writer", "expand", "probe", "read", "read_blocks"]

LOSSY = ("VORBIS", "OPUS", "MPEG_LAYER_I", "MPEG_LAYER_II", "MPEG_LAYER_III")

_FFMPEG = "If a player opens it, convert it first: `ffmpeg -i FILE fixed.wav`."
_MP3_SLACK = 2 * 1152  # frames by which encoders' and editors' frame counts in mp3 headers are off without any loss
_UNKNOWN_FRAMES = 2**62


@dataclass(frozen=True)
class AudioInfo:
    """What a file says about itself.

    Attributes:
        frames: Samples per channel, as announced by the header.
        format: Container as libsndfile names it ("WAV", "FLAC", "OGG", "MP3", "AIFF", ...).
        subtype: Sample format as libsndfile names it ("PCM_16", "FLOAT", "VORBIS", ...).
        tags: Text tags by name (`sndfile.TAGS`).
        channel_map: Loudspeaker of each channel as libsndfile numbers them, None where the file doesn't say.
    """

    path: Path
    sample_rate_hz: int
    channels: int
    frames: int
    format: str
    subtype: str
    tags: dict[str, str] = field(default_factory=dict)
    channel_map: tuple[int, ...] | None = None

    @property
    def seconds(self) -> float:
        return self.frames / self.sample_rate_hz

    @property
    def lossy(self) -> bool:
        """Whether its coding loses detail, so that it has no bit depth."""
        return self.subtype in LOSSY


class Reader:
    """An open audio file; use it in a `with` block.

    Args:
        path: The file.

    Attributes:
        info: Its `AudioInfo`.
        replaced: Samples so far that were not numbers (NaN, infinity) and became silence.

    Raises:
        InputError: It is missing, a folder, unreadable, empty, no audio, without samples, cut short, or at a rate outside
            8-192 kHz.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.replaced = 0
        _check_is_file(self.path)
        self._file = _open(self.path)
        try:
            self.info = self._info()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    def blocks(self, block: int = 65_536) -> Iterator[np.ndarray]:
        """Successive float32 blocks (channels, n), n at most `block`; raises `InputError` where the file turns out damaged."""
        import soundfile

        frames = 0
        while True:
            try:
                with self._quietly():
                    piece = self._file.read(block, dtype="float32", always_2d=True)
            except soundfile.SoundFileError as error:
                raise self._damaged(frames, sndfile.reason(error)) from None
            if not len(piece):
                break
            frames += len(piece)
            audio, replaced = finite(np.ascontiguousarray(piece.T))
            self.replaced += replaced
            yield audio
        slack = _MP3_SLACK if self.info.format == "MP3" else 0
        if frames + slack < self.info.frames:
            raise self._damaged(frames, f"its header announces {self.info.seconds:.2f} s")

    def _quietly(self) -> contextlib.AbstractContextManager[None]:
        return sndfile.muted() if self._file.format == "MP3" else contextlib.nullcontext()

    def _info(self) -> AudioInfo:
        file = self._file
        if not MIN_RATE_HZ <= file.samplerate <= MAX_RATE_HZ:
            raise InputError(
                f"{self.path} has a sample rate of {file.samplerate} Hz.",
                f"fxlab works from {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz; resample it first.",
            )
        if _cut_short(file.extra_info) or (_JUNK in file.extra_info and _ends_within_a_page(self.path)):
            raise self._damaged(file.frames, "its header announces more")
        if file.frames < 1:
            raise InputError(f"{self.path} holds no samples.", "Record or export it again.")
        if file.frames > _UNKNOWN_FRAMES:
            raise InputError(f"{self.path} doesn't say how long it is.", "Give it a length: `ffmpeg -i FILE fixed.wav`.")
        return AudioInfo(
            path=self.path,
            sample_rate_hz=file.samplerate,
            channels=file.channels,
            frames=file.frames,
            format=file.format,
            subtype=file.subtype,
            tags=sndfile.tags(file),
            channel_map=sndfile.channel_map(file),
        )

    def _damaged(self, frames: int, why: str) -> InputError:
        seconds = frames / self._file.samplerate
        return InputError(
            f"{self.path} is cut short or damaged: it ends after {seconds:.2f} s ({why}).",
            "Copy it again from where it came. To keep what is left: `ffmpeg -i FILE fixed.wav`.",
        )


def probe(path: str | Path) -> AudioInfo:
    """What the file is, without reading its samples; raises `InputError` as `Reader` does."""
    with Reader(path) as reader:
        return reader.info


def read(path: str | Path) -> tuple[np.ndarray, int]:
    """The whole file: float32 (channels, frames) and its sample rate in Hz; raises `InputError` as `Reader` does."""
    with Reader(path) as reader:
        audio = np.concatenate(list(reader.blocks()), axis=1)
        return audio, reader.info.sample_rate_hz


def read_blocks(path: str | Path, block: int = 65_536) -> Iterator[np.ndarray]:
    """The file's float32 blocks (channels, n) in constant memory; raises `InputError` as `Reader` does."""
    with Reader(path) as reader:
        yield from reader.blocks(block)


def _check_is_file(path: Path) -> None:
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise InputError(f"{path} is a folder, not an audio file.", "Name a file in it.")
        if not stat.S_ISREG(found.st_mode):
            raise InputError(f"{path} is not an ordinary file.", "Save the audio to a file first.")
        if found.st_size == 0:
            raise InputError(f"{path} is empty (0 bytes).", "Record, export or copy it again.")
        with path.open("rb"):
            pass
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"There is no file {path}.", "Check its name; folders and 'takes/*.wav' work too.") from None
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}.", "Check its permissions, or copy it elsewhere.") from None


def _open(path: Path) -> soundfile.SoundFile:
    import soundfile

    try:
        with sndfile.muted():
            return soundfile.SoundFile(sndfile.native(path))
    except (soundfile.SoundFileError, TypeError) as error:
        # soundfile asks for a rate (TypeError) where a name ends in .raw: samples without any header.
        why = "it has no header" if isinstance(error, TypeError) else sndfile.reason(error)
        raise InputError(
            f"{path} isn't an audio file that fxlab can read ({why}).", f"It reads wav, flac, ogg, opus, mp3 and aiff. {_FFMPEG}"
        ) from None


_CHUNK = re.compile(r"^\s*(?:data|SSND) : (\d+) \(should be (\d+)\)", re.MULTILINE)
_TELLTALES = (
    "does not match value from 'ds64' chunk",
    "Frame count read from 'COMM' chunk",
    "Last page lacks an end-of-stream bit",
)
_JUNK = "Junk after the last page"  # half a page, or a tag that some program appended
_LARGEST_PAGE = 65_307


def _cut_short(log: str) -> bool:
    """Whether libsndfile found less audio than the header or the Ogg stream announces.

    Writers to a pipe can't know the length and announce about 2 or 4 GB (or nothing); that is no damage.
    """
    for announced, present in _CHUNK.findall(log):
        placeholder = int(announced) >= 0xFFFFF000 or 0x7FFFF000 <= int(announced) <= 0x80000000
        if int(announced) > int(present) and not placeholder:
            return True
    return any(telltale in log for telltale in _TELLTALES)


def _ends_within_a_page(path: Path) -> bool:
    """Whether the last page of an Ogg file (RFC 3533, section 6) is longer than what is left of the file."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _LARGEST_PAGE))
        end = file.read()
    page = end[end.rfind(b"OggS") :]
    header = 27 + page[26] if len(page) > 26 else 27
    return len(page) < header + sum(page[27:header])
