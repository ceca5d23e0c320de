"""What the suite "ace" found as a table and sentences, and its page: ACE's gradients, and what ACE does to the bench's clip."""

from __future__ import annotations

from collections.abc import Iterator

from fxlab.engines.loader import open_processor
from fxlab.metrics.contrast import Contrast, band_powers, contrast_of
from fxlab.pages.parts import Curves, Line, Page, Part, Table
from fxlab.services.bench.ace import BANDS, BATCH, FORWARD_S, RATE_HZ, Result
from fxlab.services.bench.heard import Heard, aligned, played, players
from fxlab.services.bench.page import facts, in_words
from fxlab.services.bench.session import CLIP
from fxlab.services.bench.tables import interval
from fxlab.services.clip import load_clip
from fxlab.services.pages import table
from fxlab.wording import counted, duration, figure


def cases(result: Result) -> Table:
    """A row for each case."""
    request = result.request
    clips = f"{BATCH} x {request.clip_s:g} s"
    rows = [
        (
            case.what,
            f"{FORWARD_S} s" if case.key == "forward" else clips,
            duration(case.seconds.median),
            interval(case.seconds.low * 1e3, case.seconds.high * 1e3),
            figure(case.times_realtime),
            f"{case.peak_bytes / 2**20:.0f} MiB",
        )
        for case in result.cases
    ]
    columns = ("torch", "audio", "time", "95 % interval (ms)", "times real time", "memory at most")
    return table(
        f"{BANDS} bands at {RATE_HZ} Hz, {counted(request.threads, 'thread')}; all but the first backward too", columns, rows
    )


def comparisons(result: Result) -> Iterator[str]:
    """ACE's parts against what they are often made of, a sentence each."""
    for ours, theirs in (("bank", "seed_bank"), ("follower", "seed_follower")):
        a, b = result.case(ours), result.case(theirs)
        yield (
            f"{a.what[0].upper()}{a.what[1:]} takes {figure(a.seconds.median / b.seconds.median)} of the time, and "
            f"{figure(a.peak_bytes / max(1, b.peak_bytes))} of the memory, of {b.what}."
        )


def page_of(result: Result) -> Page:
    """The page of a result."""
    about = facts(result.machine, ("runs", f"{result.request.runs} of each case, in turns"))
    summary = "The torch form of auditory contrast enhancement, forward and backward, beside its usual building blocks."
    return Page("Bench: ACE's gradients", summary, result.request.command, about, tuple(_parts(result)))


def _parts(result: Result) -> Iterator[Part]:
    clip = load_clip(CLIP)
    after = aligned(open_processor("ace").processor, clip.audio, clip.rate_hz)
    yield from players([Heard("ace", clip.rate_hz, {"before": clip.audio, "after": after})], played(clip.name))
    was, has = (contrast_of(*band_powers(audio[0], clip.rate_hz)) for audio in (clip.audio, after))
    for name, what in (("spectral", "above the bands within 3 ERB"), ("temporal", "above the band's own mean level")):
        lines = [_contrast(when, name, found) for when, found in (("before", was), ("after", has))]
        yield Curves(f"{name.capitalize()} contrast", "Hz", "dB", lines, x_log=True, note=f"In the ear's bands: {what}.")
    yield cases(result)
    yield in_words(comparisons(result))


def _contrast(when: str, name: str, found: Contrast) -> Line:
    return Line(f"{when}: {getattr(found, name):.1f} dB", found.centres_hz, getattr(found, f"{name}_db"))
