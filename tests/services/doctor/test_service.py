"""Probes may raise, die, hang or print: all are findings, and the others are still made."""

from __future__ import annotations

import sys

import pytest

from fxlab.errors import MissingError
from fxlab.services.doctor import packages, service
from fxlab.services.doctor.finding import Finding, Probe
from fxlab.services.doctor.plan import plan
from fxlab.services.doctor.service import Report, examine, require_whole

FINE = Probe("machine", "disk", "fxlab.services.doctor.machine:disk", needed=False)


def probe(function, *arguments, **settings):
    return Probe("t", function, function, arguments, **settings)


def test_whatever_a_probe_does_the_others_are_made():
    bad = [
        probe("os:abort", advice="mend it"),
        probe("signal:pause", limit_s=0.2, needed=False),
        probe("math:sqrt", "two"),
        probe("sys:exit", "that was all"),
        probe("nonesuch:nothing"),
        probe("os:_exit", "1"),  # a text isn't a code: raises
    ]
    said = []
    probes = [FINE, *bad, probe("builtins:print", "chatter"), FINE]
    report = examine(lambda task, done, total, **fields: said.append(done), probes)
    found = {finding.name: finding for finding in report.findings}
    assert [finding.name for finding in report.findings] == ["disk", *(one.name for one in bad), "builtins:print", "disk"]
    assert "SIGABRT" in found["os:abort"].found and found["os:abort"].advice == "mend it"
    assert "no answer within" in found["signal:pause"].found and found["signal:pause"].state == "optional"
    assert "TypeError" in found["math:sqrt"].found and "that was all" in found["sys:exit"].found
    assert "nonesuch" in found["nonesuch:nothing"].found
    assert found["builtins:print"].state == "broken"  # it found nothing that could be read
    assert {finding.state for finding in report.findings if finding.name in ("math:sqrt", "os:abort")} == {"broken"}
    assert said == sorted(said) and said[-1] == 9


def test_where_nothing_temporary_can_be_written_that_is_told(monkeypatch):
    def full(*_, **__):
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(service.tempfile, "TemporaryFile", full)
    (finding,) = examine(probes=[probe("os:getcwd")]).findings
    assert finding.state == "broken" and "No usable temporary directory" in finding.found


def test_what_is_needed_decides():
    fine, spare, broken = (Finding("t", state, state, "", "mend it") for state in ("ok", "optional", "broken"))
    require_whole(Report([fine, spare]))
    assert Report([fine, spare]).to_json()["whole"]
    with pytest.raises(MissingError, match="2 things that fxlab needs are missing or broken") as caught:
        require_whole(Report([fine, spare, broken, broken]))
    assert caught.value.hint == "mend it" and caught.value.exit_code == 4


def test_the_plan_needs_no_record_of_an_installation(monkeypatch):
    whole = plan()
    assert {"numpy", "numba", "torch", "dask (cluster)", "pyaudio (live)"} <= {one.name for one in whole}
    assert not {"pytest", "ruff"} & {one.name for one in whole}

    def damaged(name):
        raise ValueError("not a record")

    monkeypatch.setattr(packages.metadata, "distribution", damaged)
    assert [one.name for one in plan() if one.topic != "packages"] == [one.name for one in whole if one.topic != "packages"]


def test_nothing_of_the_folder_one_is_in_is_run(tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("raise RuntimeError('shadowed')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [place for place in sys.path if place not in ("", ".")])
    [finding] = examine(probes=[FINE]).findings
    assert finding.state != "broken", finding
