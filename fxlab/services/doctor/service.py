"""Looks at everything that fxlab needs or can use, whatever state it is in."""

from __future__ import annotations

import contextlib
import json
import platform
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TextIO

import fxlab
from fxlab.errors import MissingError
from fxlab.progress import Progress, silent
from fxlab.services.doctor.finding import Finding, Probe
from fxlab.services.doctor.plan import plan

_START = "import sys; sys.path[:] = {!r}; from fxlab.services.doctor.child import main; main()"
_PATIENCE_S = 10.0


@dataclass(frozen=True)
class Report:
    """All findings, in the order in which they are told."""

    findings: list[Finding]

    @property
    def broken(self) -> list[Finding]:
        """What fxlab needs and hasn't got."""
        return [finding for finding in self.findings if finding.state == "broken"]

    def to_json(self) -> dict[str, Any]:
        return {
            "fxlab": fxlab.__version__,
            "python": platform.python_version(),
            "whole": not self.broken,
            "findings": [finding.to_json() for finding in self.findings],
        }


def examine(progress: Progress = silent, probes: Sequence[Probe] | None = None) -> Report:
    """Runs all probes one after the other in a process of their own; where one kills it, the others run in a new one.

    Never raises for what is wrong with the installation or the machine.

    Args:
        probes: None for all of them.
    """
    waiting = list(plan() if probes is None else probes)
    total, findings = len(waiting), []

    def begun(number: int) -> None:
        progress(_TASK, total - len(waiting) + number, total, at=waiting[number].name)

    while waiting:
        done = _run(waiting, begun)
        findings += [finding for found in done for finding in found]
        del waiting[: len(done)]
    progress(_TASK, total, total)
    return Report(findings)


def require_whole(report: Report) -> None:
    """Raises `MissingError` if something that fxlab needs is missing or broken."""
    if broken := report.broken:
        names = ", ".join(finding.name for finding in broken)
        what = "Something that fxlab needs is" if len(broken) == 1 else f"{len(broken)} things that fxlab needs are"
        raise MissingError(f"{what} missing or broken: {names}.", broken[0].advice)


_TASK = "Examining"


def _run(probes: Sequence[Probe], begun: Callable[[int], None]) -> list[list[Finding]]:
    """What the first probes found, up to one that ended the process or took too long, or all."""
    done: list[list[Finding]] = []
    with contextlib.ExitStack() as stack:
        try:
            said = stack.enter_context(tempfile.TemporaryFile("w+", errors="replace"))
            child = _start(said)
        except OSError as error:
            return [[probe.failed(f"no process can be started to look: {error}")] for probe in probes]
        try:
            lines = _lines(child, [asdict(probe) for probe in probes])
            for number, probe in enumerate(probes):
                begun(number)
                try:
                    line = lines.get(timeout=probe.limit_s)
                except queue.Empty:
                    return [*done, [probe.failed(f"no answer within {probe.limit_s:g} s")]]
                if line is None:
                    return [*done, [probe.failed(_died(child, said))]]
                done.append([Finding(**found) for found in json.loads(line)])
        finally:
            child.kill()
            child.communicate()
    return done


def _start(said: TextIO) -> subprocess.Popen[str]:
    code = _START.format(sys.path)  # before anything is imported: the current folder would come first
    return subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True, encoding="utf-8"
    )


def _lines(child: subprocess.Popen[str], probes: list[dict[str, Any]]) -> queue.Queue[str | None]:
    """The child's answers as they come, None when it has ended."""
    found: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        try:
            assert child.stdin is not None and child.stdout is not None
            child.stdin.write(json.dumps(probes) + "\n")
            child.stdin.flush()
            for line in child.stdout:
                found.put(line)
        except (OSError, ValueError):
            pass  # it has ended, or is being ended
        found.put(None)

    threading.Thread(target=read, daemon=True).start()
    return found


def _died(child: subprocess.Popen[str], said: TextIO) -> str:
    try:
        code = child.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        return "it closed its output"
    said.seek(0)
    words = [line.strip() for line in said if line.strip()]
    why = f"Python died of {signal.Signals(-code).name}" if code < 0 else f"Python ended with {code}"
    return f"{why}: {words[-1]}" if words else why
