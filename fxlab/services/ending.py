"""Ends work in progress, here or on the workers of a cluster, so that it leaves no half-written file."""

from __future__ import annotations

import secrets
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE_S = 10.0
"""How long the end of work is waited for: a block of audio takes far less."""


class Stopped(Exception):
    """A piece of work was told to stop; its unfinished files are gone."""


class Ending:
    """Tells work in progress to stop and waits until it has cleared up.

    Sent to another process it arrives there as that process's own, the same for all work that came with it; `end_here` ends
    what runs there.
    """

    def __init__(self, token: str | None = None) -> None:
        self.token = token or secrets.token_hex(6)
        self._changed = threading.Condition()
        self._working, self._wanted = 0, False

    def __reduce__(self):
        return _known, (self.token,)

    def check(self, share: float = 0.0) -> None:
        """Raises `Stopped` once the end is wanted; takes the share that is done so that it can stand for a progress."""
        if self._wanted:
            raise Stopped

    @contextmanager
    def working(self) -> Iterator[None]:
        """Around a piece of work; `now` waits for its end, and after it raises `Stopped` instead of beginning."""
        with self._changed:
            self.check()
            self._working += 1
        try:
            yield
        finally:
            with self._changed:
                self._working -= 1
                self._changed.notify_all()

    def now(self) -> None:
        """Ends all work; returns when it has ended, after `PATIENCE_S` at the latest."""
        with self._changed:
            self._wanted = True
            self._changed.wait_for(lambda: not self._working, PATIENCE_S)


_lock = threading.Lock()
_alive: weakref.WeakValueDictionary[str, Ending] = weakref.WeakValueDictionary()
_ended: dict[str, Ending] = {}


def _known(token: str) -> Ending:
    with _lock:
        return _ended.get(token) or _alive.setdefault(token, Ending(token))


def end_here(token: str) -> None:
    """`Ending.now` for all work in this process that came with the `Ending` of `token`, and for what may yet come with it."""
    with _lock:
        ending = _ended[token] = _alive.get(token) or Ending(token)
    ending.now()
