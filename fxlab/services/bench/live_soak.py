"""A long stream whose parameters and effects keep changing, and whose programs fail: does it go on, does memory stay?"""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from fxlab.live.program import Program
from fxlab.live.report import Report
from fxlab.progress import Progress, silent
from fxlab.services.bench.live_report import Soak
from fxlab.services.live import service as live
from fxlab.services.live.session import Session
from fxlab.services.live.side import Side
from fxlab.settings import EffectSettings, LiveSettings

TASK = "Soaking"
EVERY_S = 1.0
"""Between changes, and between looks at the memory."""

_SETTLE_S = 30.0
_TICK_S = 0.02
_GOLDEN = 0.618034


def soak(
    effects: Sequence[EffectSettings],
    buffer: int,
    seconds: float,
    progress: Progress = silent,
    resident: Callable[[], int | None] | None = None,
) -> Soak:
    """Plays on the virtual device, and changes something every second: knobs, bypass, A/B with the twin, which effect it is.

    Every tenth second what plays is made to fail.

    Args:
        effects: What is played, by turns.
        buffer: Frames of blocks.
        seconds: How long.
        resident: Tells the bytes of memory that the process occupies, or None.

    Raises:
        UsageError, InputError: What can't be played.
    """
    resident = resident or resident_bytes
    presets = [(effect.name, [effect]) for effect in effects]
    request = live.Request([effects[0]], LiveSettings(buffer=buffer), virtual=True, duration_s=seconds, presets=presets)
    session = live.prepare(request)
    playing = " / ".join(dict.fromkeys(Side([effect], session.setup.format).text for effect in effects))
    failures = _Failures()
    memory: list[tuple[float, int]] = []
    programs: list[weakref.ref] = []
    began, changes = time.monotonic(), 0

    def between(session: Session) -> None:
        nonlocal changes
        elapsed_s = time.monotonic() - began
        if elapsed_s >= (changes + 1) * EVERY_S:
            changes += 1
            _change(session, changes, failures)
            now = resident()
            if now is not None:
                memory.append((elapsed_s, now))
            progress(TASK, min(elapsed_s, seconds), seconds)
        failures.end(session)
        if not programs or programs[-1]() is not session.rack.program:
            programs.append(weakref.ref(session.rack.program))
        time.sleep(_TICK_S)

    report = live.run(session, between)
    progress(TASK, seconds, seconds)
    return _soak(report, playing, changes, failures, programs, memory)


class _Failures:
    """Programs that are made to fail.

    Attributes:
        made: How many failures there were; `recovered` were over when the next change came.
    """

    def __init__(self) -> None:
        self.made = self.recovered = 0
        self._failing: Program | None = None
        self._faults, self._over = 0, True

    def begin(self, session: Session) -> None:
        self._failing, self._faults, self._over = session.rack.program, session.rack["faults"], False
        self._failing.spoil(True)
        self.made += 1

    def end(self, session: Session) -> None:
        """Ends the failure that the rack has noticed."""
        if self._failing is not None and session.rack["faults"] > self._faults:
            self._failing.spoil(False)
            self._failing = None

    def look(self, session: Session) -> None:
        """Counts a failure that is over."""
        if not self._over and self._failing is None and not session.rack["dropped"]:
            self.recovered += 1
        self._over = True


def _change(session: Session, number: int, failures: _Failures) -> None:
    """The next of a round of changes; nothing happens by chance."""
    failures.look(session)
    knobs = [knob.name for knob in session.board.knobs() if knob.movable]
    if number % 10 == 6:
        failures.begin(session)
    elif number % 10 == 0:
        session.act(f"profile {number // 10 % session.board.presets + 1}")
    elif number % 10 in (4, 5):
        session.act("bypass")
    elif len(session.board.compared) > 1 and (number % 10 in (8, 9) or not knobs):
        session.act("twin")
    elif knobs:
        session.board.move(knobs[number % len(knobs)], number * _GOLDEN % 1)
    else:
        session.act("bypass")


def _soak(
    report: Report,
    playing: str,
    changes: int,
    failures: _Failures,
    programs: Sequence[weakref.ref],
    memory: Sequence[tuple[float, int]],
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
        injected=failures.made,
        recovered=failures.recovered,
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
