"""What became of rendered files as a table and sentences, for the terminal and for pages."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fxlab.pages.parts import Table
from fxlab.services.pages import table
from fxlab.services.render.file import FileReport
from fxlab.wording import counted, duration, figure

_SILENT_DB = -200.0
_SAMPLES = {"PCM_16": "16 bit", "PCM_24": "24 bit", "FLOAT": "float", "VORBIS": "Vorbis"}


def files(reports: Sequence[FileReport], note: str = "") -> Table:
    """A row for each file that was rendered."""
    rows = [
        (
            str(report.output).replace("\n", "?"),  # the only cell whose line ends nobody meant
            duration(report.seconds),
            f"{report.sample_rate_hz / 1000:g} kHz, {report.channels} ch, {_SAMPLES[report.subtype]}",
            f"{_level(report.before.peak_db)} → {_level(report.after.peak_db)}",
            f"{_level(report.before.lufs)} → {_level(report.after.lufs)}",
            report.clipped,
        )
        for report in reports
    ]
    return table("", ("output", "length", "format", "peak dB", "LUFS", "clipped"), rows, note)


def notes(report: FileReport, many: bool) -> list[str]:
    """What is worth knowing of a file; of several the sentences begin with its name."""
    found = []
    about = f"{report.input}: " if many else ""
    if report.resampled_to_hz:
        rates = ", ".join(f"{rate} Hz" for rate in dict.fromkeys(report.resampled_to_hz))
        found.append(f"{about}The model runs at {rates}: the audio was resampled to it and back to {report.sample_rate_hz} Hz.")
    if report.latency_ms:
        found.append(f"A latency of {figure(report.latency_ms)} ms was taken out.")
    if report.tail_s:
        found.append(f"{about}{duration(report.tail_s)} of tail added.")
    found += [f"{about}{remark}" for remark in report.remarks]
    if report.dropped_tags:
        found.append(f"{about}The output can't hold these tags: {', '.join(report.dropped_tags)}.")
    return found


def warnings(report: FileReport) -> list[str]:
    """What is wrong with a file, and how to get out of it."""
    found = []
    if report.clipped:
        excess_db = math.ceil(10 * report.after.peak_db) / 10
        way_out = f"Lower the output by {excess_db:.1f} dB, or use --bit-depth float."
        found.append(f"{report.output}: {counted(report.clipped, 'sample')} clipped. {way_out}")
    if report.before.peak_db < _SILENT_DB:
        found.append(f"{report.input} is silent.")
    elif report.after.peak_db < _SILENT_DB:
        found.append(f"{report.output} came out silent.")
    if report.replaced_in:
        found.append(f"{report.input}: {counted(report.replaced_in, 'sample')} not a number (NaN, infinity), now silence.")
    if report.replaced_out:
        found.append(f"{report.output}: {counted(report.replaced_out, 'sample')} came out as not a number, now silence.")
    return found


def failures(reports: Sequence[FileReport]) -> list[str]:
    """Why files failed, a sentence each."""
    return [f"{report.error.message} {report.error.hint}".strip() for report in reports if report.error is not None]


def _level(value: float) -> str:
    return f"{round(value, 1) + 0.0:.1f}" if value > _SILENT_DB else "–"  # + 0.0: no minus sign before zero
