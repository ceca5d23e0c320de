"""What the training of an instrument found as a table and sentences, for the terminal and for pages."""

from __future__ import annotations

from collections.abc import Sequence

from fxlab.models.model import Card
from fxlab.pages.parts import Table
from fxlab.timbre.evaluation import GOOD_LOSS, GOOD_LOUDNESS_DB, GOOD_PITCH, Score
from fxlab.wording import counted, duration, percent


def scores(found: Sequence[Score], overall: Score) -> Table:
    """Every recording and all together."""
    rows = []
    for one in [*found, overall] if len(found) > 1 else found:
        pitch = "none" if one.pitch is None else percent(one.pitch)
        good = "good" if one.good else "not yet"
        rows.append((one.name, f"{one.seconds:.1f} s", f"{one.loss:.2f}", pitch, f"{one.loudness_db:.1f} dB", good))
    kept = "What was kept back" if overall.kept else "Nothing was kept back of recordings so short; these are what it learnt from"
    return Table(kept, ("recording", "length", "spectral loss", "pitch", "loudness", "verdict"), rows)


def verdict(overall: Score) -> str:
    """The judgement in a sentence."""
    limits = (
        f"loss up to {GOOD_LOSS:g}, {percent(GOOD_PITCH)} of the pitch within 50 cents, loudness within {GOOD_LOUDNESS_DB:g} dB"
    )
    return f"A good instrument ({limits})." if overall.good else f"Not a good instrument yet ({limits}): train it longer."


def recordings(card: Card) -> str:
    """What it was learnt from."""
    listed = card["data"]["recordings"]
    seconds = sum(one["seconds"] for one in listed)
    return f"{counted(len(listed), 'recording')}, {duration(seconds)}, {card['data']['kept_back_s']:.1f} s of it kept back"
