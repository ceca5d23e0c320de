"""What befalls a forked run of `fxlab`: it is killed where it writes, or its files may not grow any more."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

_OTHERS = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "shutil.rmtree")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def install(folder: str, log: str = "", at: int = -1, after: bool = False, largest: int = 0) -> None:
    """Called in the fork, before anything of fxlab is imported.

    Args:
        folder: Only what is written in it counts.
        log: File that gets a line for every point at which something is written, moved or removed.
        at: Number of the point at which the process kills itself, from 0.
        after: Right after that point, not before it.
        largest: Bytes that a file may have; 0 for any number.
    """
    sys.dont_write_bytecode = True  # Python doesn't notice where it is written in part
    if largest:
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    if log or at >= 0:
        _watch(_Points(os.path.realpath(folder), log, at, after))


class _Points:
    def __init__(self, folder: str, log: str, at: int, after: bool) -> None:
        self._folder, self._at, self._after, self._count = folder, at, after, -1
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND) if log else -1

    def reached(self, what: str, path: Any) -> None:
        if isinstance(path, int) or path is None:
            return
        place = os.path.realpath(os.fsdecode(path))
        if not place.startswith(self._folder + os.sep):
            return
        self._count += 1
        if self._log >= 0:
            os.write(self._log, f"{what} {os.path.relpath(place, self._folder)}\n".encode())
        if self._count == self._at:
            if self._after:
                sys.setprofile(_die_outside)
            else:
                os.kill(os.getpid(), signal.SIGKILL)


def _die_outside(frame: Any, *event: Any) -> None:
    """Is called for whatever comes next; outside of this file, that is when what was about to be done has been done."""
    if frame.f_code.co_filename != __file__:
        os.kill(os.getpid(), signal.SIGKILL)


def _watch(points: _Points) -> None:
    synchronise = os.fsync

    def fsync(file: int) -> None:
        points.reached("fsync", os.readlink(f"/proc/self/fd/{file}"))
        synchronise(file)

    os.fsync = fsync

    def hook(event: str, arguments: tuple) -> None:
        if event == "open":
            path, _, flags = arguments
            if flags & _WRITING:
                points.reached(event, path)
        elif event in _OTHERS:
            points.reached(event, arguments[1] if event == "os.rename" else arguments[0])

    sys.addaudithook(hook)
