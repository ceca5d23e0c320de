"""The page of `fxlab train --model master --html`: songs degraded, brought back and released, and how that was learnt."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fxlab.audio.bands import CENTRES_HZ
from fxlab.models.model import title
from fxlab.pages.curves import spectrum
from fxlab.pages.listening import listening
from fxlab.pages.parts import Curves, Line, Listening, Page, Part
from fxlab.services.pages import seconds_heard
from fxlab.services.train import phases as train_phases
from fxlab.services.train.master import FIGURE, Result
from fxlab.services.train.master_tables import components, likeness, sentences, usage, variants
from fxlab.services.train.page import facts, history_of, losses
from fxlab.wording import counted

_MOST_CURVES = 4
_DEGRADED, _NETWORK, _RELEASED = "degraded", "brought back", "as released"


def page_of(result: Result, command: str = "") -> Page:
    """The page of one training; of one that was interrupted, of what there is."""
    summary = " ".join(sentences(result.evaluation)) if result.evaluation.songs else "It was stopped before it was judged."
    name = f"{title(result.card)}, phase {result.card['mastering']['phase']}, trained"
    return Page(name, summary, command, tuple(facts(result)), tuple(_parts(result)))


def page_of_phases(result: train_phases.Result, command: str = "") -> Page:
    """The page of all variants: their figures, and the same song brought back by each."""
    judged = {name: run for name, run in result.runs.items() if run.evaluation.songs}
    parts: list[Part] = []
    if judged:
        parts += [_heard(judged), variants(result)]
    parts += losses({name: (history_of(run), FIGURE) for name, run in result.runs.items()})
    summary = f"{counted(len(result.runs), 'variant')} trained on the same examples."
    return Page("Mastering networks: phases and ablations", summary, command, (("folder", str(result.output)),), tuple(parts))


def _parts(result: Result) -> Iterator[Part]:
    evaluation = result.evaluation
    if evaluation.songs:
        player = _heard({_NETWORK: result})
        yield player
        yield likeness(evaluation)
    yield components(result.card, evaluation)
    if evaluation.usage:
        yield usage(evaluation)
    yield from losses({"": (history_of(result), FIGURE)})
    for curve in evaluation.curves[:_MOST_CURVES]:
        lines = [
            Line(name, CENTRES_HZ, np.array(curve[key])) for name, key in (("undoes it", "wanted_db"), ("decided", "decided_db"))
        ]
        note = "The equaliser that undoes the degradation, and the one that was decided."
        yield Curves(f"Equaliser for {curve['song']}", "Hz", "dB", lines, x_log=True, note=note)
    if evaluation.songs:
        lines = [spectrum(version.name, version.audio, player.sample_rate_hz) for version in player.versions]
        yield Curves(
            "Spectrum", "Hz", "dB of full scale", lines, x_log=True, note="Twelfths of an octave of what is heard above."
        )


def _heard(runs: dict[str, Result]) -> Listening:
    """The first song that was kept back, as each of the networks brings it back."""
    first = next(iter(runs.values()))
    heard = first.evaluation.heard
    brought = {name: run.evaluation.heard["network"] for name, run in runs.items()}
    sounds = {_DEGRADED: heard["degraded"], **brought, _RELEASED: heard["released"]}
    song = first.evaluation.songs[0]["name"]
    note = f"{song}, never trained on, degraded at random."
    return listening(song, sounds, first.card["sample_rate_hz"], seconds_heard(len(sounds)), note)
