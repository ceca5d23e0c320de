"""How `fxlab render` shows what it made."""

from __future__ import annotations

import math

from fxlab.console import output
from fxlab.console.tables import counted, duration, figure, table
from fxlab.services.render import Result
from fxlab.services.render_file import FileReport

_SAMPLES = {"PCM_16": "16 bit", "PCM_24": "24 bit", "FLOAT": "float", "VORBIS": "Vorbis"}


def show_render(result: Result) -> None:
    """One line per file, then whatever is worth knowing about single ones."""
    done = [report for report in result.files if report.error is None]
    if done:
        columns = ("output", "length", "format", "peak dB", "LUFS", "clipped")
        output.out().print(table("", columns, [_row(report) for report in done], numbers=columns[3:]))
    for text in dict.fromkeys(note for report in done for note in _notes(report, len(done) > 1)):
        output.note(text)
    for report in done:
        for text in _warnings(report):
            output.warn(text)
    for report in result.failed:
        output.warn(f"{report.error.message} {report.error.hint}".strip())
    if result.failed:
        rest = "the others are done" if done else "nothing was written"
        output.warn(f"{len(result.failed)} of {len(result.files)} files failed; {rest}.")
    if result.plot is not None:
        output.note(f"Picture: {result.plot}")


def _row(report: FileReport) -> tuple:
    return (
        report.output,
        duration(report.seconds),
        f"{report.sample_rate_hz / 1000:g} kHz, {report.channels} ch, {_SAMPLES[report.subtype]}",
        f"{_level(report.before.peak_db)} → {_level(report.after.peak_db)}",
        f"{_level(report.before.lufs)} → {_level(report.after.lufs)}",
        report.clipped,
    )


def _level(value: float) -> str:
    return f"{round(value, 1) + 0.0:.1f}" if value > -200 else "–"  # + 0.0: no minus sign before zero


def _notes(report: FileReport, many: bool) -> list[str]:
    notes = []
    about = f"{report.input}: " if many else ""
    if report.resampled_to_hz:
        rates = ", ".join(f"{rate} Hz" for rate in dict.fromkeys(report.resampled_to_hz))
        notes.append(f"{about}The model runs at {rates}: the audio was resampled to it and back to {report.sample_rate_hz} Hz.")
    if report.latency_ms:
        notes.append(f"A latency of {figure(report.latency_ms)} ms was taken out.")
    if report.tail_s:
        notes.append(f"{about}{duration(report.tail_s)} of tail added.")
    notes += [f"{about}{remark}" for remark in report.remarks]
    if report.dropped_tags:
        notes.append(f"{about}The output can't hold these tags: {', '.join(report.dropped_tags)}.")
    return notes


def _warnings(report: FileReport) -> list[str]:
    warnings = []
    if report.clipped:
        excess_db = math.ceil(10 * report.after.peak_db) / 10
        way_out = f"Lower the output by {excess_db:.1f} dB, or use --bit-depth float."
        warnings.append(f"{report.output}: {counted(report.clipped, 'sample')} clipped. {way_out}")
    if report.replaced_in:
        warnings.append(f"{report.input}: {counted(report.replaced_in, 'sample')} not a number (NaN, infinity), now silence.")
    if report.replaced_out:
        warnings.append(f"{report.output}: {counted(report.replaced_out, 'sample')} came out as not a number, now silence.")
    return warnings
