"""A long stream whose parameters keep changing: does memory stay what it was?"""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from fxlab.live.report import Report
from fxlab.progress import Progress, silent
from fxlab.services import live
from fxlab.services.bench_live_report import Soak
from fxlab.services.live_session import Session
from fxlab.settings import EffectSettings, LiveSettings

TASK = "Soaking"
EVERY_S = 1.0
"""Between changes, and between looks at the memory."""

_SETTLE_S = 30.0
_TICK_S = 0.02
_GOLDEN = 0.618034


def soak(
    effect: EffectSettings,
    buffer: int,
    seconds: float,
    progress: Progress = silent,
    resident: Callable[[], int | None] | None = None,
) -> Soak:
    """Plays on the virtual device, and changes something every second: knobs, bypass, A/B with the twin.

    Args:
        effect: What is played.
        buffer: Frames of blocks.
        seconds: How long.
        resident: Tells the bytes of memory that the process occupies, or None.

    Raises:
        UsageError, InputError: What can't be played.
    """
    resident = resident or resident_bytes
    request = live.Request([effect], LiveSettings(buffer=buffer), virtual=True, duration_s=seconds)
    session = live.prepare(request)
    playing = session.board.side.text
    memory: list[tuple[float, int]] = []
    programs: list[weakref.ref] = []
    began, changes = time.monotonic(), 0

    def between(session: Session) -> None:
        nonlocal changes
        elapsed_s = time.monotonic() - began
        if elapsed_s >= (changes + 1) * EVERY_S:
            changes += 1
            _change(session, changes)
            now = resident()
            if now is not None:
                memory.append((elapsed_s, now))
            progress(TASK, min(elapsed_s, seconds), seconds)
        if not programs or programs[-1]() is not session.rack.program:
            programs.append(weakref.ref(session.rack.program))
        time.sleep(_TICK_S)

    report = live.run(session, between)
    progress(TASK, seconds, seconds)
    return _soak(report, playing, changes, programs, memory)


def _change(session: Session, number: int) -> None:
    """The next of a round of changes: a knob goes elsewhere, now and then bypass and A/B; nothing happens by chance."""
    knobs = [knob.name for knob in session.board.knobs() if knob.movable]
    if number % 10 in (4, 5):
        session.act("bypass")
    elif len(session.board.compared) > 1 and (number % 10 in (8, 9) or not knobs):
        session.act("twin")
    elif knobs:
        session.board.move(knobs[number % len(knobs)], number * _GOLDEN % 1)
    else:
        session.act("bypass")


def _soak(
    report: Report, playing: str, changes: int, programs: Sequence[weakref.ref], memory: Sequence[tuple[float, int]]
) -> Soak:
    settle_s = min(_SETTLE_S, report.seconds / 2)
    growth, slope = trend(memory, settle_s)
    return Soak(
        playing=playing,
        path=report.path,
        priority=report.priority,
        seconds=report.seconds,
        blocks=report.blocks,
        late_own=report.late_own,
        late_woken=report.late_woken,
        xruns=report.xruns,
        faults=report.faults,
        changes=changes,
        programs=len(programs),
        programs_kept=len({id(program()) for program in programs} - {id(None)}),
        settle_s=settle_s,
        memory=tuple(memory),
        growth_bytes=growth,
        slope_bytes=slope,
    )


def trend(memory: Sequence[tuple[float, int]], settle_s: float) -> tuple[float | None, float | None]:
    """Growth in bytes (median of the last tenth less that of the first) and slope in bytes per minute, after the beginning.

    Args:
        memory: (seconds, bytes) in order.
        settle_s: Length of the beginning. With fewer than two looks after it both figures are None.
    """
    rest = np.array([look for look in memory if look[0] >= settle_s], dtype=np.float64)
    if len(rest) < 2:
        return None, None
    tenth = max(1, len(rest) // 10)
    growth = np.median(rest[-tenth:, 1]) - np.median(rest[:tenth, 1])
    return float(growth), float(60 * np.polyfit(rest[:, 0] - rest[0, 0], rest[:, 1], 1)[0])


def resident_bytes() -> int | None:
    """Physical memory that this process occupies; None where the system doesn't tell (other than Linux)."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError, AttributeError):
        return None
