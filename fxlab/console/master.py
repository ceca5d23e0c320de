"""How `fxlab master` shows what it heard, did and wrote."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from fxlab.console import output
from fxlab.console.tables import duration, pairs, table
from fxlab.mastering.delivered import Delivered
from fxlab.services.master.report import FileReport, Result
from fxlab.services.master.wording import lines, measures, shown

if TYPE_CHECKING:
    from rich.text import Text

_COLUMNS = 4
"""Masters of one song that are shown side by side; more get a line each."""


def show_master(result: Result, explain: bool) -> None:
    """A song's figures before and after; of several songs a line for each master. Then whatever is worth knowing."""
    done = [report for report in result.files if report.error is None]
    many = len(result.files) > 1
    if many or any(len(report.masters) > _COLUMNS for report in done):
        columns = ("master", "LUFS", "peak dBTP", "PLR dB", "limiter dB", "as promised")
        rows = [_row(master) for report in done for master in report.masters]
        if rows:
            output.out().print(table("", columns, rows, numbers=columns[1:5]))
    else:
        for report in done:
            _show_song(report)
    if explain:
        for report in done:
            output.out().print(pairs(str(report.source) if many else "", [("•", line) for line in report.explained()]))
    for report in result.files:
        about = f"{report.source}: " if many else ""
        for finding in report.study.findings:
            where = "" if finding.seconds is None else f" (at {duration(finding.seconds)})"
            output.warn(f"{about}{finding.text.removesuffix('.')}{where}. {finding.hint}".strip())
        _say(report, about)
    if result.album_lufs is not None:
        output.note(
            f"The album as a whole measured {result.album_lufs:.1f} LUFS before; its songs kept their levels among each other."
        )
    for text in _beside(result):
        output.note(text)
    if result.failed:
        rest = "the others are done" if done else "nothing was written"
        output.warn(f"{len(result.failed)} of {len(result.files)} songs failed; {rest}.")


def _beside(result: Result) -> Iterator[str]:
    """What else was written."""
    if result.chain is not None:
        yield f"Chain: {result.chain}"
    if (preview := result.preview) is not None:
        level = f"both at {preview.lufs:.1f} LUFS" if math.isfinite(preview.lufs) else "both silent"
        what = f"{duration(preview.seconds)} from {duration(preview.start_s)} on, before, then after, {level}"
        yield f"Preview: {preview.output}: {what}."
    if (delta := result.delta) is not None:
        level = f"{delta.level_db:.1f} dB from the master's level" if math.isfinite(delta.level_db) else "nothing but silence"
        yield f"Delta: {delta.output}: {level}."
    if result.plot is not None:
        yield f"Picture: {result.plot}"


def _say(report: FileReport, about: str) -> None:
    for master in report.masters:
        for remark in master.remarks:
            output.note(f"{about}{remark}")
        for promise in master.promises:
            if not promise.kept:
                output.warn(f"{master.output}: promised {promise.name} {promise.wanted}, got {promise.got}. The file was kept.")
    if report.error is not None:
        output.warn(f"{report.error.message} {report.error.hint}".strip())


def _row(master: Delivered) -> tuple:
    broken = [promise.name for promise in master.promises if not promise.kept]
    return (
        master.output,
        f"{shown(master.before.integrated_lufs)} → {shown(master.after.integrated_lufs)}",
        f"{shown(master.before.true_peak_db)} → {shown(master.after.true_peak_db)}",
        f"{shown(master.before.plr_db)} → {shown(master.after.plr_db)}",
        shown(-master.peak_reduction_db),
        f"no: {', '.join(broken)}" if broken else "yes",
    )


def _show_song(report: FileReport) -> None:
    out = output.out()
    for master in report.masters:
        out.print(f"{report.source} → {master.output}", style="bold", markup=False, soft_wrap=True)
    analysis = report.study.analysis
    shape = {1: "mono", 2: "stereo"}.get(analysis.channels, f"{analysis.channels} channels")
    out.print(f"{duration(analysis.seconds)}, {analysis.sample_rate_hz / 1000:g} kHz, {shape}", markup=False)
    single = len(report.masters) == 1
    names = ["after"] if single else [master.target.name for master in report.masters]
    columns = ["", "before", *names, *(["promised"] if single else [])]
    out.print(table("", columns, _measures(report.masters), numbers=["before", *names]))
    for master in report.masters:
        out.print(pairs("" if single else master.target.name, lines(master, report.codecs_s)))


def _measures(masters: Sequence[Delivered]) -> Iterator[list[str]]:
    """A row for each measure: before, after of each master, and of a single one what was promised."""
    promised = {promise.name: _kept(promise) for promise in masters[0].promises} if len(masters) == 1 else None
    for label, unit, cells in measures(masters):
        yield [f"{label}, {unit}", *cells, *([promised.pop(label, "")] if promised is not None else [])]


def _kept(promise: Any) -> Text:
    from rich.text import Text

    return Text(promise.wanted if promise.kept else f"{promise.wanted}: NOT KEPT", "" if promise.kept else "bold red")
