"""What the suite "master" found as tables and sentences, and its page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from fxlab.metrics.mastering import COLUMNS
from fxlab.metrics.paired import Difference
from fxlab.pages.parts import Page, Part, Table
from fxlab.services.bench.heard import players
from fxlab.services.bench.master_plot import figure as drawing
from fxlab.services.bench.master_report import LEFT_ALONE, MOVED_DB, Result
from fxlab.services.bench.master_rivals import FXLAB, MATCHERING
from fxlab.services.bench.output import picture
from fxlab.services.bench.page import facts, in_words, titled
from fxlab.services.pages import table
from fxlab.wording import counted, duration, figure, percent, size

_HEADINGS = {"spectrum_db": "spectrum (dB)", "mr_stft": "MR-STFT", "plr_db": "PLR (dB)", "width_db": "width (dB)"}


def means(result: Result) -> Table:
    """Every rival's mean distance."""
    runs = len(result.songs[0].runs)
    times = "once" if runs == 1 else f"{runs} times"
    title = f"Distance from the released song: {counted(len(result.songs), 'song')}, each degraded {times}"
    found = [[result.mean(rival, column) for column in COLUMNS] for rival in result.rivals]
    rows = [
        (rival, *(None if mean is None else f"{mean:.3f}" for mean in row))
        for rival, row in zip(result.rivals, found, strict=True)
    ]
    return table(title, ("by", *_HEADINGS.values()), rows)


def differences(result: Result) -> Table:
    """fxlab's lead over every rival."""
    rows = [(rival, *(_lead(result.difference(rival, column)) for column in COLUMNS)) for rival in _others(result)]
    title = "Differences on the same songs, and 95 % intervals: less is better"
    return table(title, ("fxlab minus", *_HEADINGS.values()), rows)


def sentences(result: Result) -> Iterator[str]:
    """Who refused songs, and what became of good masters."""
    for rival in _others(result):
        if refused := result.refused(rival):
            yield f"{rival} refused {counted(len(refused), 'song')}: {', '.join(refused[:5])}."
    most = result.most_moved
    yield (
        f"Untouched masters: at equal loudness no third octave from 50 Hz to 16 kHz moves by more than {MOVED_DB:g} dB in "
        f"{percent(result.left_alone)} of the songs ({percent(LEFT_ALONE)} are wanted). The furthest moves by "
        f"{most.moved_db:.2f} dB, at {figure(most.moved_hz)} Hz in {most.name}."
    )


def speeds(result: Result) -> Table:
    """How fast rivals are."""
    rows = [
        (speed.name, duration(speed.seconds), speed.rtf, size(speed.peak_bytes) if speed.peak_bytes else None)
        for speed in result.speeds
    ]
    title = f"A stereo song of {duration(result.speeds[0].audio_s)}, file to file, compiled before"
    return table(title, ("by", "time", "real-time factor", "memory at most"), rows)


def notes(result: Result) -> Iterator[str]:
    """What columns mean, which songs weren't judged on, and how long it took."""
    yield f"Columns: {'; '.join(f'{_HEADINGS[column]}: {text}' for column, text in COLUMNS.items())}."
    if result.left_out:
        reasons = Counter(one.reason for one in result.left_out)
        listed = "; ".join(f"{number} ({reason})" for reason, number in reasons.most_common())
        yield f"Left out: {listed}."
    yield f"The comparison took {duration(result.elapsed_s)}. {result.machine.cpu}."


def page_of(result: Result, command: str = "") -> Page:
    """The page of a result; `command` is what was typed."""
    others = ", ".join(_others(result))
    summary = f"{counted(len(result.songs), 'song')} degraded and mastered again, by fxlab beside {others}: who comes nearer?"
    about = facts(result.machine, ("seed", str(result.seed)), ("took", duration(result.elapsed_s)))
    return Page("Bench: mastering beside its rivals", summary, command, about, tuple(_parts(result)))


def _parts(result: Result) -> Iterator[Part]:
    reference = " matchering had another song for a reference." if MATCHERING in result.rivals else ""
    yield from players(result.heard, f"Degraded as in its first run.{reference}")
    yield titled(means(result))
    yield titled(differences(result))
    yield in_words([*sentences(result), *notes(result)])
    alt = "Above, the error of every song before and after fxlab; below, what every rival made of each song, and means."
    yield picture("Songs", drawing(result), alt, "Less is better; below the diagonal fxlab came nearer to the released song.")
    yield _songs(result)
    yield speeds(result)


def _songs(result: Result) -> Table:
    columns = ("song", *(f"{rival}: {heading}" for heading in _HEADINGS.values() for rival in result.rivals), "moved, dB")
    rows = []
    for song in result.songs:
        scores = [song.score(rival, column) for column in _HEADINGS for rival in result.rivals]
        rows.append((song.name, *(None if score is None else f"{score:.3f}" for score in scores), f"{song.moved_db:.2f}"))
    return table("Every song", columns, rows, "Moved: the third octave that fxlab moved most, of the untouched song.")


def _others(result: Result) -> list[str]:
    return [rival for rival in result.rivals if rival != FXLAB]


def _lead(difference: Difference | None) -> str | None:
    if difference is None:
        return None
    return f"{difference.verdict} {difference.mean:+.3f}\n{difference.low:+.3f} .. {difference.high:+.3f}"
