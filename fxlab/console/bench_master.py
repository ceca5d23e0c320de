"""How `fxlab bench --suite master` looks: means of all rivals, fxlab's lead, what became of good masters, and speed."""

from __future__ import annotations

from collections import Counter

from fxlab.console import output
from fxlab.console.tables import counted, duration, figure, percent, size, table
from fxlab.metrics.mastering import COLUMNS
from fxlab.metrics.paired import Difference
from fxlab.services.bench_master_report import LEFT_ALONE, MOVED_DB, Result
from fxlab.services.bench_master_rivals import FXLAB

_HEADINGS = {"spectrum_db": "spectrum (dB)", "mr_stft": "MR-STFT", "plr_db": "PLR (dB)", "width_db": "width (dB)"}


def show(result: Result) -> None:
    """Tables and sentences."""
    out = output.out()
    runs = len(result.songs[0].runs)
    title = f"Distance from the released song: {counted(len(result.songs), 'song')}, each degraded {_times(runs)}"
    means = [(rival, *(_mean(result.mean(rival, column)) for column in COLUMNS)) for rival in result.rivals]
    columns = ("by", *_HEADINGS.values())
    out.print(table(title, columns, means, columns[1:]))
    others = [rival for rival in result.rivals if rival != FXLAB]
    rows = [(rival, *(_lead(result.difference(rival, column)) for column in COLUMNS)) for rival in others]
    columns = ("fxlab minus", *columns[1:])
    out.print(table("Differences on the same songs, and 95 % intervals: less is better", columns, rows, columns[1:]))
    for rival in others:
        if refused := result.refused(rival):
            out.print(f"{rival} refused {counted(len(refused), 'song')}: {', '.join(refused[:5])}.", markup=False, soft_wrap=True)
    out.print(_untouched(result), markup=False, soft_wrap=True)
    out.print()
    _speeds(result)
    output.note(f"Columns: {'; '.join(f'{_HEADINGS[column]}: {text}' for column, text in COLUMNS.items())}.")
    if result.left_out:
        reasons = Counter(one.reason for one in result.left_out)
        listed = "; ".join(f"{number} ({reason})" for reason, number in reasons.most_common())
        output.note(f"Left out: {listed}.")
    output.note(f"The comparison took {duration(result.elapsed_s)}. {result.machine.cpu}.")


def _mean(value: float | None) -> str | None:
    return None if value is None else f"{value:.3f}"


def _lead(difference: Difference | None) -> str | None:
    if difference is None:
        return None
    return f"{difference.verdict} {difference.mean:+.3f}\n{difference.low:+.3f} .. {difference.high:+.3f}"


def _untouched(result: Result) -> str:
    most = result.most_moved
    return (
        f"Untouched masters: at equal loudness no third octave from 50 Hz to 16 kHz moves by more than {MOVED_DB:g} dB in "
        f"{percent(result.left_alone)} of the songs ({percent(LEFT_ALONE)} are wanted). The furthest moves by "
        f"{most.moved_db:.2f} dB, at {figure(most.moved_hz)} Hz in {most.name}."
    )


def _speeds(result: Result) -> None:
    rows = [
        (speed.name, duration(speed.seconds), speed.rtf, size(speed.peak_bytes) if speed.peak_bytes else None)
        for speed in result.speeds
    ]
    columns = ("by", "time", "real-time factor", "memory at most")
    length = duration(result.speeds[0].audio_s)
    output.out().print(table(f"A stereo song of {length}, file to file, compiled before", columns, rows, columns[1:]))


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
