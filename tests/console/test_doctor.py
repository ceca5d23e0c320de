"""How findings look."""

from __future__ import annotations

from fxlab.console.doctor import show_report
from fxlab.services.doctor.finding import Finding
from fxlab.services.doctor.service import Report

LONG = "/somewhere/" + "deep/" * 30


def test_a_report_fits_a_narrow_terminal_and_its_commands_are_whole(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    command = f"pip install --force-reinstall 'numba>=0.60' --target {LONG}"
    fine = Finding("engines", "fused", "ok", f"plays [bold]well[/bold] from {LONG}")
    show_report(Report([fine, Finding("engines", "Numba", "broken", "can't be\x1b[2J imported", command)]))
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert f"Numba: {command}" in lines and all(len(line) <= 80 for line in lines if command not in line)
    assert "\x1b" not in shown.out and "[bold]well[/bold]" in shown.out and not shown.err
    show_report(Report([fine]))
    assert capsys.readouterr().err == "All that fxlab needs is there.\n"


def test_what_helps_with_several_findings_is_said_once(capsys):
    lacking = [Finding("sound", name, "optional", "missing", "pip install 'fxlab[midi]'") for name in ("MIDI", "mido")]
    show_report(Report(lacking))
    assert capsys.readouterr().out.splitlines()[-1] == "MIDI, mido: pip install 'fxlab[midi]'"
