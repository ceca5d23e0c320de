"""The page of `fxlab master --html`: songs before and after, to listen to and to look at."""

from __future__ import annotations

from collections.abc import Iterator

import fxlab
from fxlab.pages.parts import Page, Part, Table
from fxlab.progress import Progress, silent
from fxlab.services.master.page_song import main_parts_of, parts_of, promises
from fxlab.services.master.report import FileReport, Result
from fxlab.services.master.wording import shown
from fxlab.services.pages import MOST_HEARD, seconds_heard
from fxlab.wording import counted, duration


def page_of(result: Result, command: str = "", progress: Progress = silent) -> Page:
    """The page of what was mastered.

    Args:
        result: At least one song that was mastered.
        command: What was typed.
        progress: Is told how far it is.

    Raises:
        InputError: A song or a master can't be read any more.
    """
    done = [report for report in result.files if report.error is None]
    many = len(result.files) > 1
    title = f"{len(result.files)} songs, mastered" if many else f"{result.files[0].source.name}, mastered"
    return Page(title, _summary(result, done), command, tuple(_facts(result, done)), tuple(_parts(result, done, progress)))


def _parts(result: Result, done: list[FileReport], progress: Progress) -> Iterator[Part]:
    many = len(result.files) > 1
    if many:
        yield _songs(result)
    heard = done[:MOST_HEARD]
    versions = sum(1 + len(report.masters) for report in heard)
    seconds = seconds_heard(versions)
    for number, report in enumerate(heard):
        told = lambda share, number=number: progress("Making the page", number + share, len(heard))  # noqa: E731
        yield from main_parts_of(report, seconds, told) if many else parts_of(report, seconds, told)
    if many and done:
        yield promises([master for report in done for master in report.masters])


def _songs(result: Result) -> Table:
    """A row for each master, and for each song that failed."""
    rows = []
    for report in result.files:
        for master in report.masters:
            change = (f"{shown(one.integrated_lufs)}" for one in (master.before, master.after))
            peak, limiter = shown(master.after.true_peak_db), shown(-master.peak_reduction_db)
            rows.append((report.source.name, str(master.output), *change, peak, limiter, "yes" if master.kept else "NO"))
        if report.error is not None:
            rows.append((report.source.name, f"failed: {report.error.message}", *["–"] * 5))
    columns = ("song", "master", "before, LUFS", "after, LUFS", "true peak, dBTP", "limiter, dB", "as promised")
    left = len([report for report in result.files if report.error is None]) - MOST_HEARD
    note = f"Below are the first {MOST_HEARD}; {counted(left, 'song')} more are in this table alone." if left > 0 else ""
    return Table("Songs", columns, rows, note)


def _summary(result: Result, done: list[FileReport]) -> str:
    broken = [master for report in done for master in report.masters if not master.kept]
    made = sum(len(report.masters) for report in done)
    kept = "The master is what was promised." if made == 1 else "Every master is what was promised."
    promised = f"{counted(len(broken), 'master')} broke a promise." if broken else kept
    if len(result.files) > 1:
        failed = f" {counted(len(result.failed), 'song')} failed." if result.failed else ""
        return f"{counted(len(done), 'song')} mastered.{failed} {promised}"
    ways = [
        f"{one.target.name}: {shown(one.before.integrated_lufs)} to {shown(one.after.integrated_lufs)} LUFS, "
        f"true peak {shown(one.after.true_peak_db)} dBTP"
        for one in done[0].masters
    ]
    return f"Mastered for {'; for '.join(ways)}. {promised}"


def _facts(result: Result, done: list[FileReport]) -> Iterator[tuple[str, str]]:
    yield "fxlab", fxlab.__version__
    if len(result.files) == 1:
        report = done[0]
        analysis = report.study.analysis
        shape = {1: "mono", 2: "stereo"}.get(analysis.channels, f"{analysis.channels} channels")
        yield "song", f"{report.source}: {duration(analysis.seconds)}, {analysis.sample_rate_hz / 1000:g} kHz, {shape}"
        for master in report.masters:
            yield "master", f"{master.output}: {master.target.name}. {master.target.about}".strip()
        if report.study.need is not None:
            yield "need of mastering", f"{100 * report.study.need:.0f} %"
    if result.album_lufs is not None:
        yield "album", f"{shown(result.album_lufs)} LUFS before; its songs kept their levels among each other"
    compared = done[0].study.compared if done else None
    if compared is not None:
        yield "compared with", ", ".join(compared.names) or f"{compared.count} comparable songs"
    if done and done[0].study.preset != "none":
        yield "preset", done[0].study.preset
    yield "time", duration(sum(report.elapsed_s for report in result.files))
