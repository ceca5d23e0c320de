"""The page of `fxlab render --html`: what went in and what came out, to listen to and to look at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import fxlab
from fxlab.engines.loader import Opened
from fxlab.metrics.quality import esr, verdict
from fxlab.pages.curves import level_of, spectrum
from fxlab.pages.listening import excerpt
from fxlab.pages.parts import Curves, Listening, Page, Part, Version
from fxlab.progress import Progress, silent
from fxlab.services.pages import MOST_HEARD, seconds_heard
from fxlab.services.render.file import FileReport, Settings
from fxlab.services.render.heard import Heard, heard
from fxlab.services.render.tables import failures, files, notes, warnings
from fxlab.wording import counted, duration, percent, place, told

_MOST_ROWS = 500
_TASK = "Making the page"


def page_of(
    reports: Sequence[FileReport], settings: Settings, opened: Sequence[Opened], command: str = "", progress: Progress = silent
) -> Page:
    """The page of a rendering.

    Args:
        reports: What became of the files; the written ones are read again, a passage at a time.
        settings: How they were rendered.
        opened: The chain.
        command: What was typed.
        progress: Is told how far it is.

    Raises:
        InputError: A file can't be read any more.
    """
    name = " + ".join(one.name for one in opened)
    done = [report for report in reports if report.error is None]
    where = reports[0].input.name if len(reports) == 1 else counted(len(reports), "file")
    parts = tuple(_parts(reports, done, settings, name, progress))
    return Page(f"{where} through {name}", _summary(reports, done), command, tuple(_facts(settings, opened)), parts)


def _parts(
    reports: Sequence[FileReport], done: Sequence[FileReport], settings: Settings, name: str, progress: Progress
) -> Iterator[Part]:
    listened = done[:MOST_HEARD]
    for number, report in enumerate(listened):
        progress(_TASK, number, len(listened), file=report.input.name)
        yield from _file(heard(report, settings, name, seconds_heard(2 * len(listened))), report, len(reports) > 1)
    progress(_TASK, len(listened), len(listened))
    if done:
        yield replace(files(done[:_MOST_ROWS], " ".join(_notes(reports, done))), title="Files")


def _file(found: Heard, report: FileReport, many: bool) -> Iterator[Part]:
    of = f": {report.input.name}" if many else ""
    chosen = excerpt(list(found.versions.values()), found.rate_hz, found.seconds)
    names, start_s = list(found.versions), found.start_s + chosen.start_s
    passage = f"The loudest {chosen.seconds:.1f} s, from {place(start_s)} on"
    if chosen.seconds > 0.99 * report.seconds:
        passage = f"All of it, {duration(chosen.seconds)}"
    where = f"{passage}; latency is taken out."
    if len(names) > 2:
        dsp, network = names[1:]
        error = esr(found.versions[dsp], found.versions[network])
        where += f" Here the network's error against the DSP is {percent(error)} (ESR): {verdict(error)}."
    versions = [Version(name, audio) for name, audio in zip(names, chosen.audio, strict=True)]
    yield Listening(f"Listen{of}", versions, found.rate_hz, where)
    spectra = [spectrum(name, audio, found.rate_hz) for name, audio in found.versions.items()]
    yield Curves(
        f"Spectra{of}", "Hz", "dB of full scale", spectra, x_log=True, note="Of the passage above, in twelfths of octaves."
    )
    levels = [level_of(name, series) for name, series in found.levels.items()]
    if all(len(line.x) > 1 for line in levels):
        yield Curves(
            f"Loudness{of}", "s", "LUFS", levels, note="Short-term (3 s) over the whole file; of shorter ones momentary."
        )


def _summary(reports: Sequence[FileReport], done: Sequence[FileReport]) -> str:
    failed = len(reports) - len(done)
    if len(reports) > 1:
        return f"{counted(len(done), 'file')} rendered" + (f", {failed} failed." if failed else ".")
    report = done[0]
    change = report.after.lufs - report.before.lufs
    told = f", {change:+.1f} LU" if abs(change) < 200 else ""
    return f"Written to {report.output}{told}."


def _notes(reports: Sequence[FileReport], done: Sequence[FileReport]) -> Iterator[str]:
    many = len(reports) > 1
    if len(done) > MOST_HEARD:
        yield f"The first {MOST_HEARD} can be heard above; the other {len(done) - MOST_HEARD} only have a row here."
    if len(done) > _MOST_ROWS:
        yield f"The first {_MOST_ROWS} of {counted(len(done), 'file')}."
    yield from dict.fromkeys(note for report in done[:_MOST_ROWS] for note in notes(report, many))
    yield from (text for report in done[:_MOST_ROWS] for text in warnings(report))
    yield from failures(reports)[:_MOST_ROWS]


def _facts(settings: Settings, opened: Sequence[Opened]) -> Iterator[tuple[str, str]]:
    yield "fxlab", fxlab.__version__
    for number, one in enumerate(opened, 1):
        values = ", ".join(f"{name} {told(value)}" for name, value in one.parameters.items())
        yield f"effect {number}" if len(opened) > 1 else "effect", f"{one.name} ({one.engine}){f': {values}' if values else ''}"
    if settings.mix != 1.0:
        yield "mix", percent(settings.mix)
