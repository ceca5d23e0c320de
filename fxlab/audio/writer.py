"""Audio files out: whole or not at all, dithered and rounded by us, tags carried over."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np

from fxlab.audio import MAX_RATE_HZ, MIN_RATE_HZ, sndfile
from fxlab.audio.atomic import output_error, replacing
from fxlab.audio.leftovers import irreplaceable_token
from fxlab.audio.quantise import finite, quantise
from fxlab.errors import OutputError, UsageError

if TYPE_CHECKING:
    import soundfile

FORMATS = {".wav": "WAV", ".flac": "FLAC", ".ogg": "OGG"}
"""File-name suffix to container, as far as fxlab writes them."""

BYTES_PER_SAMPLE = {"PCM_16": 2, "PCM_24": 3, "FLOAT": 4}

_RIFF_LIMIT = 2**32 - 2**20  # bytes of samples; the rest is room for the header, tags and padding
_CHUNK = 8192  # libvorbis keeps what it is given on the stack
_VORBIS_LEVEL = 0.3  # libsndfile's scale, 0 the best; this is Vorbis quality 7, about 224 kbit/s in stereo
_BITS = {"PCM_16": 16, "PCM_24": 24}
_SUBTYPES = {"16": "PCM_16", "24": "PCM_24", "float": "FLOAT"}


class Writer:
    """An audio file being written; use it in a `with` block, and it appears when the block ends well.

    16-bit samples are TPDF-dithered, 24-bit ones rounded; NaN and infinity become silence.

    Args:
        path: The file; its suffix decides the container unless `format` does.
        sample_rate_hz: 8-192 kHz.
        channels: 1 or more.
        subtype: "PCM_16", "PCM_24", "FLOAT" or "VORBIS".
        format: "WAV" (turns into RF64 by itself past 4 GB), "FLAC" or "OGG".
        tags: Text tags by name (`sndfile.TAGS`).
        dither_seed: Same seed, same samples.
        force: Overwrite a file that exists.
        frames: Length if it is known; needed for a WAV that will pass 4 GB.
        channel_map: Loudspeaker of each channel (`AudioInfo.channel_map`), kept by WAV.
        token: Part of the temporary file's name, see `fxlab.audio.atomic`.
        irreplaceable: What was written is left, and can be played, where the disk is full or the process killed: `rescued` of
            `fxlab.audio.leftovers` finds it.

    Attributes:
        frames: Written so far.
        clipped: Samples beyond full scale that an integer format clipped.
        replaced: Samples that were not numbers and became silence.
        dropped_tags: Names of tags that the container can't hold, known after the end.

    Raises:
        UsageError: The file exists and `force` is off, it is a folder, or the format can't hold that subtype or channel count.
        OutputError: The place can't be written, or the disk is full (also from `write` and at the end of the block).
    """

    def __init__(
        self,
        path: str | Path,
        sample_rate_hz: int,
        channels: int,
        subtype: str = "PCM_24",
        format: str | None = None,
        tags: Mapping[str, str] | None = None,
        dither_seed: int = 0,
        force: bool = False,
        frames: int | None = None,
        channel_map: Sequence[int] | None = None,
        token: str | None = None,
        irreplaceable: bool = False,
    ) -> None:
        self.path = Path(path)
        self.format = format or _format_of(self.path)
        self.sample_rate_hz, self.channels, self.subtype = sample_rate_hz, channels, subtype
        self.frames = self.clipped = self.replaced = 0
        self.dropped_tags: list[str] = []
        self._tags = {name: text for name, text in (tags or {}).items() if text}
        self._rng = np.random.default_rng(dither_seed)
        self._map = channel_map
        self._token = irreplaceable_token() if irreplaceable else token
        self._irreplaceable = irreplaceable
        self._container = self._container_for(frames)
        check_vacant(self.path, force)

    def _container_for(self, frames: int | None) -> str:
        import soundfile

        container = self.format
        if container == "WAV" and self._bytes(frames or 0) > _RIFF_LIMIT:
            container = "RF64"
        elif container == "WAV" and self._map is not None:
            container = "WAVEX"
        if self.subtype not in (*BYTES_PER_SAMPLE, "VORBIS") or not soundfile.check_format(container, self.subtype):
            raise UsageError(
                f"{self.format} can't hold {self.subtype} samples.", "WAV holds 16, 24 and float; FLAC 16 and 24; OGG is Vorbis."
            )
        if container == "FLAC" and self.channels > 8:
            raise UsageError(f"FLAC holds up to 8 channels, not {self.channels}.", "Write a .wav file.")
        return container

    def _bytes(self, frames: int) -> int:
        return frames * self.channels * BYTES_PER_SAMPLE.get(self.subtype, 0)

    def __enter__(self) -> Writer:
        with contextlib.ExitStack() as stack:
            self._temporary = stack.enter_context(replacing(self.path, self._token, keep=self._irreplaceable))
            self._file = self._open()
            stack.callback(self._close)
            self._stack = stack.pop_all()
        return self

    def _open(self) -> soundfile.SoundFile:
        import soundfile

        try:
            file = soundfile.SoundFile(
                sndfile.native(self._temporary),
                "w",
                self.sample_rate_hz,
                self.channels,
                self.subtype,
                format=self._container,
                compression_level=_VORBIS_LEVEL if self.format == "OGG" else None,
            )
        except soundfile.SoundFileError as error:
            raise self._failed(error) from None
        if self._map is not None:
            sndfile.set_channel_map(file, self._map)
        if self._irreplaceable:
            sndfile.keep_header(file)
        for name, text in self._tags.items():
            with contextlib.suppress(soundfile.SoundFileError):  # what didn't arrive is found in `finish`
                setattr(file, name, text)
        return file

    def write(self, block: np.ndarray) -> None:
        """Appends float audio (channels, n)."""
        import soundfile

        if self._container in ("WAV", "WAVEX") and self._bytes(self.frames + block.shape[1]) > _RIFF_LIMIT:
            raise OutputError(f"{self.path} would pass 4 GB, the limit of WAV.", "Write a .flac file, or tell the length ahead.")
        audio, replaced = finite(block)
        self.replaced += replaced
        if self.subtype in _BITS:
            bits = _BITS[self.subtype]
            audio, clipped = quantise(audio, bits, self._rng if bits == 16 else None)
            self.clipped += clipped
            audio = audio.astype(np.int16) if bits == 16 else audio << 8  # libsndfile takes the upper 24 bits
        try:
            for start in range(0, audio.shape[1], _CHUNK):
                self._file.write(np.ascontiguousarray(audio[:, start : start + _CHUNK].T))
        except soundfile.SoundFileError as error:
            raise self._failed(error) from None
        self.frames += audio.shape[1]

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._stack:
            if error is not None:
                raise error
            if not self._file.closed:
                self.finish()

    def finish(self) -> Path:
        """Ends the file, and reads back what only then is certain: its length and its tags.

        For whoever wants to look at the file before it takes its place, which it does when the block ends well.

        Returns:
            Where it is until then.
        """
        import soundfile

        try:
            self._file.close()
            if self.frames:
                with soundfile.SoundFile(sndfile.native(self._temporary)) as written:
                    if written.frames != self.frames:
                        raise OutputError(
                            f"{self.path} didn't arrive whole on the disk.", "Check the disk, or choose another place with -o."
                        )
                    kept = sndfile.tags(written)
                    # libsndfile signs the software tag with its own name.
                    self.dropped_tags = [name for name, text in self._tags.items() if not kept.get(name, "").startswith(text)]
        except soundfile.SoundFileError as error:
            raise self._failed(error) from None
        return self._temporary

    def _close(self) -> None:
        """Lets go of a file that may have failed already; a success was closed, and checked, by `finish`."""
        import soundfile

        with contextlib.suppress(soundfile.SoundFileError):
            self._file.close()

    def _failed(self, error: Exception) -> OutputError:
        """libsndfile only says "System error": writing a little by hand tells the true reason."""
        try:
            with self._temporary.open("ab") as file:
                file.write(bytes(65_536))
                file.flush()
                os.fsync(file.fileno())
        except OSError as true:
            return output_error(self.path, true)
        return OutputError(
            f"Can't write {self.path}: {sndfile.reason(error)}.", "Choose another format, or another place with -o."
        )


def write(path: str | Path, audio: np.ndarray, sample_rate_hz: int, bit_depth: str = "24", force: bool = False) -> int:
    """Writes a whole file, or leaves what was there.

    Args:
        path: Its suffix decides: .wav, .flac, or .ogg (Vorbis, whatever the bit depth).
        audio: Shape (channels, frames) or (frames,), any float type, full scale -1..1; NaN and infinity become silence.
        sample_rate_hz: 8-192 kHz.
        bit_depth: "16" (TPDF-dithered, the same in every run), "24" (rounded) or "float".
        force: Overwrite a file that exists.

    Returns:
        Samples beyond full scale, which an integer format clipped.

    Raises:
        UsageError: The file exists, a suffix, bit depth or rate that fxlab doesn't write, or audio of another shape.
        OutputError: The place can't be written, or the disk is full.
    """
    shaped = np.atleast_2d(np.asarray(audio))
    channels, frames = shaped.shape if shaped.ndim == 2 else (0, 0)
    if shaped.dtype.kind != "f" or not frames or channels > max(64, frames):
        raise UsageError(
            f"An array of {shaped.dtype} of shape {shaped.shape} can't be written as audio.",
            "It must be floats (channels, frames).",
        )
    if not MIN_RATE_HZ <= sample_rate_hz <= MAX_RATE_HZ:
        raise UsageError(f"A sample rate of {sample_rate_hz} Hz is out of range.", "fxlab works from 8000 to 192000 Hz.")
    if bit_depth not in _SUBTYPES:
        raise UsageError(f"There is no bit depth '{bit_depth}'.", f"Choose one of: {', '.join(_SUBTYPES)}.")
    path = Path(path)
    subtype = "VORBIS" if path.suffix.lower() == ".ogg" else _SUBTYPES[bit_depth]
    with Writer(path, sample_rate_hz, channels, subtype, force=force, frames=frames) as writer:
        writer.write(shaped)
    return writer.clipped


def check_vacant(path: Path, force: bool) -> None:
    """Raises `UsageError` where `path` can't be taken: it is a folder, or it exists and may not be overwritten;
    `OutputError` where the path itself can't be used."""
    try:
        exists, folder = path.exists(), path.is_dir()
    except OSError as error:
        raise output_error(path, error) from None
    if folder:
        raise UsageError(f"{path} is a folder.", "Name a file.")
    if exists and not force:
        raise UsageError(f"{path} exists already.", "Choose another name, or overwrite it with --force.")


def _format_of(path: Path) -> str:
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"{path}: fxlab doesn't write '{path.suffix}' files.", f"Choose one of: {', '.join(FORMATS)}.")
    return FORMATS[path.suffix.lower()]
