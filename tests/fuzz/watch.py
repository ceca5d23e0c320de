"""Runs one input after the other and says what is wrong with how it was taken: all but an answer and fxlab's own errors."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from fxlab.errors import FxlabError

try:
    import resource
except ImportError:  # Windows, where nothing is watched
    resource = None

SECONDS = 30.0
"""After so long an input counts as one that never ends; the slowest take a tenth of a second of a processor."""
SPARE_BYTES = 3 << 30
"""Address space that may be taken over what the process has already."""
GROWTH_KIB = 256 << 10
"""Memory by which one input may raise the most that the process ever had."""
LONGEST_MESSAGE = 2000


class Hang(BaseException):
    """What the alarm raises; no handler of `Exception` stops it."""


class Watch:
    """Use it in a `with` block; what is written to stdout and stderr meanwhile goes into a file and counts as wrong.

    Args:
        run: Takes an input and the folder it may use.
        kinds: Errors that are right.
        prepare: Puts into that folder what belongs there.
        valid: Inputs to begin with, which must raise nothing.

    Attributes:
        folder: That folder.
        accepted: Inputs that raised nothing.
        slowest_s: Longest time that one took, of the process.
    """

    def __init__(
        self,
        run: Callable[[bytes, Path], object],
        kinds: tuple[type[FxlabError], ...],
        prepare: Callable[[Path], object],
        valid: Sequence[bytes],
    ) -> None:
        self._run, self._kinds, self._prepare, self._valid = run, kinds, prepare, valid
        self.accepted, self.slowest_s = 0, 0.0

    def __enter__(self) -> Watch:
        with contextlib.ExitStack() as stack:
            self.folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
            stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
            self._prepare(self.folder)
            for data in self._valid:
                self._run(data, self.folder)  # which loads and compiles what it takes: nothing that an input is to blame for
            self._said = stack.enter_context(_diverted())
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("always")
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.simplefilter("ignore", PendingDeprecationWarning)
            before = signal.signal(signal.SIGALRM, self._alarm)
            stack.callback(signal.signal, signal.SIGALRM, before)
            stack.callback(signal.setitimer, signal.ITIMER_REAL, 0)
            stack.enter_context(_confined(SPARE_BYTES))
            self._stack = stack.pop_all()
        self._there, self._heard = self._files(), os.fstat(self._said).st_size
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def wrong(self, data: bytes) -> str:
        """What is wrong with how an input was taken, in a line; "" where all is well."""
        most, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, _cpu_s()
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        found = ""
        try:
            self._run(data, self.folder)
            self.accepted += 1
        except self._kinds as error:
            found = _about(error)
        except Hang:
            found = f"hangs {_place(sys.exc_info()[2])}"
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            found = f"{type(error).__name__} {_place(error.__traceback__)}: {str(error)[:100]}"
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        self.slowest_s = max(self.slowest_s, _cpu_s() - began)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - most
        if grown > GROWTH_KIB:
            found = found or f"took {grown >> 10} MiB"
        heard = os.fstat(self._said).st_size
        if heard != self._heard:
            found = found or f"said {os.pread(self._said, 200, self._heard)!r}"
            self._heard = heard
        if (left := self._files()) != self._there:
            found = found or f"left {sorted(left ^ self._there)}"
            for path in left - self._there:
                os.unlink(path)
        return found

    def _files(self) -> set[str]:
        return {os.path.join(here, name) for here, _, names in os.walk(self.folder) for name in names}

    def _alarm(self, *_: object) -> None:
        raise Hang


def _about(error: FxlabError) -> str:
    if not error.message or len(error.message) > LONGEST_MESSAGE or len(error.hint) > LONGEST_MESSAGE:
        return f"{type(error).__name__} {_place(error.__traceback__)} with a message of {len(error.message)} characters"
    return ""


def _place(trace) -> str:
    frames = traceback.extract_tb(trace)
    ours = [frame for frame in frames if f"{os.sep}fxlab{os.sep}" in frame.filename] or list(frames)
    return "in " + " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in ours[:-4:-1])


def _cpu_s() -> float:
    times = os.times()
    return times.user + times.system


@contextlib.contextmanager
def _diverted() -> Iterator[int]:
    """stdout and stderr, the process's own, lead into a file: its descriptor."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    kept = {number: os.dup(number) for number in (1, 2)}
    streams = sys.stdout, sys.stderr
    with tempfile.TemporaryFile() as file:
        for number in kept:
            os.dup2(file.fileno(), number)
        with open(1, "w", closefd=False) as out, open(2, "w", buffering=1, closefd=False) as err:
            sys.stdout, sys.stderr = out, err
            try:
                yield file.fileno()
            finally:
                sys.stdout, sys.stderr = streams
        for number, old in kept.items():
            os.dup2(old, number)
            os.close(old)


@contextlib.contextmanager
def _confined(spare: int) -> Iterator[None]:
    """The process's address space bounded to what it has and so much more."""
    size = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (size + spare, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
