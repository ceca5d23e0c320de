"""The little that has to be smoothed over between fxlab and libsndfile: paths, reasons, tags, channel maps."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import soundfile

TAGS = ("title", "artist", "album", "date", "genre", "tracknumber", "comment", "copyright", "license", "software")
"""The text tags libsndfile knows; a container may hold fewer."""

_GET_CHANNEL_MAP, _SET_CHANNEL_MAP = 0x1100, 0x1101  # SFC_GET/SET_CHANNEL_MAP_INFO of sndfile.h, which soundfile doesn't wrap
_UPDATE_HEADER = 0x1061  # SFC_SET_UPDATE_HEADER_AUTO


def native(path: Path) -> str | bytes:
    """The path as libsndfile takes it, any file name included."""
    return os.fsencode(path) if os.name == "posix" else str(path)


class _Muted:
    """How many threads have stderr muted, and where it went meanwhile."""

    lock = threading.Lock()
    depth, kept = 0, -1


@contextlib.contextmanager
def muted() -> Iterator[None]:
    """Keeps libmpg123, which libsndfile reads mp3 through, from writing its notes about damaged files to stderr."""
    with _Muted.lock:
        _Muted.depth += 1
        if _Muted.depth == 1:
            _Muted.kept = _divert()
    try:
        yield
    finally:
        with _Muted.lock:
            _Muted.depth -= 1
            if not _Muted.depth and _Muted.kept >= 0:
                os.dup2(_Muted.kept, 2)
                os.close(_Muted.kept)


def _divert() -> int:
    """Lets file descriptor 2 lead nowhere; returns a copy of what it was, -1 where there is no stderr."""
    try:
        kept = os.dup(2)
    except OSError:
        return -1
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    return kept


def reason(error: Exception) -> str:
    """libsndfile's own words for what went wrong, without its prefixes and full stop."""
    text = str(getattr(error, "error_string", error)).strip().rstrip(".")
    if "possibly a pipe" in text:  # what it says of mp3 files without a single frame
        return "there is no sound in it"
    return text.removeprefix("Error : ") or type(error).__name__


def tags(file: soundfile.SoundFile) -> dict[str, str]:
    """The text tags of an open file, those that are empty left out."""
    return {name: text for name in TAGS if (text := getattr(file, name))}


def channel_map(file: soundfile.SoundFile) -> tuple[int, ...] | None:
    """Which loudspeaker each channel is for, as `SF_CHANNEL_MAP_*` numbers; None where the file doesn't say."""
    import soundfile

    with contextlib.suppress(AttributeError):  # private names of soundfile: without them a file counts as not saying
        found = soundfile._ffi.new("int[]", file.channels)
        if soundfile._snd.sf_command(file._file, _GET_CHANNEL_MAP, found, 4 * file.channels):
            return tuple(found)
    return None


def keep_header(file: soundfile.SoundFile) -> None:
    """Has the header tell with every write how much there is, so that a file can be played that is never closed."""
    import soundfile

    with contextlib.suppress(AttributeError):
        soundfile._snd.sf_command(file._file, _UPDATE_HEADER, soundfile._ffi.NULL, 1)


def set_channel_map(file: soundfile.SoundFile, speakers: Sequence[int]) -> None:
    """Writes the map that `channel_map` read into a file just opened for writing (WAVEX, RF64)."""
    import soundfile

    with contextlib.suppress(AttributeError):
        wanted = soundfile._ffi.new("int[]", list(speakers))
        soundfile._snd.sf_command(file._file, _SET_CHANNEL_MAP, wanted, 4 * len(speakers))
