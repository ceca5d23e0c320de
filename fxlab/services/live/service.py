"""`fxlab live`: effects and networks in real time, on devices or on a virtual one."""

from __future__ import annotations

from collections.abc import Callable

from fxlab.errors import CheckError
from fxlab.live.realtime import undisturbed
from fxlab.live.report import Report
from fxlab.services.live.session import Session
from fxlab.services.live.setup import Request, set_up

__all__ = ["Request", "Session", "prepare", "require_no_more_xruns", "run"]


def prepare(request: Request) -> Session:
    """Opens what is to be played and heard; the notes of the request then say what the user should know.

    Raises:
        UsageError, InputError, MissingError, OutputError: What can't be played, heard, or recorded.
    """
    return Session(request, set_up(request))


def run(session: Session, between: Callable[[Session], None]) -> Report:
    """Plays until it is over.

    Args:
        session: As `prepare` made it.
        between: Called some fifty times a second, in between; it waits, reads keys and calls `session.act`.

    Raises:
        MissingError, UsageError: The device can't be opened.
        OutputError, InputError: The recording or the file that is played failed.
    """
    try:
        with undisturbed():
            session.start()
            while not session.done:
                session.tick()
                between(session)
        return session.close()
    except BaseException:  # a second Ctrl-C may come while it ends
        session.abandon()
        raise


def require_no_more_xruns(report: Report, allowed: int | None) -> None:
    """Raises `CheckError` if there were more gaps than allowed."""
    if allowed is not None and report.gaps > allowed:
        raise CheckError(
            f"{report.gaps} gaps in {report.seconds:.0f} s, {allowed} allowed.",
            "A larger --buffer, a lighter effect or real-time priority helps; the events are above.",
        )
