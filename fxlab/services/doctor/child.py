"""Runs probes in this process, which has been started for them, and tells their findings on stdout, a line of JSON each."""

from __future__ import annotations

import json
import os
import sys

from fxlab.plugins import load
from fxlab.services.doctor.finding import Finding, Probe, reason


def main() -> None:
    """Takes the probes from a line of stdin. What anything else prints goes to stderr."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)
        for probe in json.loads(sys.stdin.readline()):
            found = [finding.to_json() for finding in look(Probe(**probe))]
            answers.write(json.dumps(found) + "\n")
            answers.flush()
        os._exit(0)  # whatever libraries would still do


def look(probe: Probe) -> list[Finding]:
    """What a probe finds; an exception is a finding too."""
    try:
        return list(load(probe.function)(*probe.arguments))
    except (Exception, SystemExit) as error:
        return [probe.failed(reason(error))]
