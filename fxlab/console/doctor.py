"""How `fxlab doctor` looks."""

from __future__ import annotations

from itertools import groupby

from fxlab.console import output
from fxlab.console.tables import table
from fxlab.services.doctor.finding import Finding
from fxlab.services.doctor.service import Report
from fxlab.wording import counted

_STYLES = {"ok": "green", "optional": "yellow", "broken": "bold red"}


def show_report(report: Report) -> None:
    """A line for each finding, then what to do about those that aren't as they should be."""
    from rich.text import Text

    out, rows = output.out(), []
    for topic, of_topic in groupby(report.findings, key=lambda finding: finding.topic):
        rows.append((Text(topic, "bold"), "", ""))
        rows += [(f"  {one.name}", Text(one.state, _STYLES[one.state]), one.found) for one in of_topic]
    out.print(table("", ("what", "state", "found"), rows))
    helped: dict[str, list[Finding]] = {}
    for one in report.findings:
        helped.setdefault(one.advice, []).append(one)
    for advice, findings in helped.items():
        if advice:
            names = Text(", ").join(Text(one.name, _STYLES[one.state]) for one in findings)
            out.print(Text.assemble(names, f": {output.printable(advice)}"), soft_wrap=True)
    lacking = sum(one.state == "optional" for one in report.findings)
    if not report.broken:
        more = f" {counted(lacking, 'optional thing')} could be added or improved." if lacking else ""
        output.note(f"All that fxlab needs is there.{more}")
