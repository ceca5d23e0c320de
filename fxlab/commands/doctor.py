"""`fxlab doctor`."""

from __future__ import annotations

import typer

from fxlab.commands.options import examples


def register(app: typer.Typer) -> None:
    """Adds `doctor`."""
    app.command("doctor", epilog=examples("fxlab doctor", "fxlab doctor --json > report.json"))(doctor)


def doctor() -> None:
    """Look at what fxlab needs and can use: versions, engines, models, devices.

    What is missing or broken is named with a way to get it. The exit code is 4 if fxlab needs it, 0 if it can do without.
    """
    from fxlab.console import output
    from fxlab.console.doctor import show_report
    from fxlab.console.progress import bars
    from fxlab.services.doctor.service import examine, require_whole

    with bars() as progress:
        report = examine(progress)
    output.finish(report, show_report)
    require_whole(report)
