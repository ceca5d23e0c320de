"""What the bench's pages let their reader hear: of effects its audio dry, through the DSP, and through networks that copy it."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fxlab.effects.processor import Processor, apply
from fxlab.engines.loader import Opened
from fxlab.pages.curves import spectrum
from fxlab.pages.listening import listening
from fxlab.pages.parts import Curves, Part
from fxlab.services.bench.report import QualityReport
from fxlab.services.bench.subjects import Subject, described
from fxlab.services.pages import seconds_heard
from fxlab.services.scoring import open_target


@dataclass(frozen=True)
class Heard:
    """Sounds to compare: name to float32 (1, frames), in step, latency taken out; `about` names what they have in common."""

    about: str
    rate_hz: int
    versions: dict[str, np.ndarray]


def heard(subjects: Iterable[Subject], quality: Sequence[QualityReport]) -> list[Heard]:
    """Every effect once, on the engine that its quality was judged on; networks beside what they copy."""
    judged = {(report.effect, report.engine) for report in quality}
    found: dict[Hashable, Heard] = {}

    def group(of: Opened, label: str, subject: Subject) -> Heard:
        key = of.name, *sorted(of.parameters.items()), subject.rate_hz
        if key not in found:
            versions = {"dry": subject.audio, label: aligned(of.processor, subject.audio, subject.rate_hz)}
            found[key] = Heard(described(of), subject.rate_hz, versions)
        return found[key]

    for subject in subjects:
        if (subject.effect, subject.engine) not in judged:
            continue
        target = open_target(subject.opened.copied)
        if target is None:
            group(subject.opened, f"{subject.effect}{' (DSP)' if subject.opened.card is None else ''}", subject)
        else:
            wet = aligned(subject.processor, subject.audio, subject.rate_hz)
            group(target, f"{target.name} (DSP)", subject).versions[subject.effect] = wet
    return list(found.values())


def aligned(processor: Processor, audio: np.ndarray, rate_hz: int) -> np.ndarray:
    """Audio (channels, frames) through a processor, its latency taken out; it is prepared anew."""
    processor.prepare(rate_hz, len(audio), 8192)
    late = processor.latency
    return apply(processor, np.pad(audio, ((0, 0), (0, late))), rate_hz)[:, late:]


def played(audio: str) -> str:
    """What a player of the bench's audio, which has that name, tells of it."""
    return f"{audio}, mono; latency is taken out."


def players(found: Sequence[Heard], note: str) -> Iterator[Part]:
    """A player and spectra for each group of sounds, without those that hold no numbers; `note` says what is heard."""
    seconds = seconds_heard(sum(len(group.versions) for group in found))
    for group in found:
        sounds = {name: sound for name, sound in group.versions.items() if np.isfinite(sound).all()}
        yield listening(f"Listen: {group.about}", sounds, group.rate_hz, seconds, note)
        lines = [spectrum(name, sound, group.rate_hz) for name, sound in sounds.items()]
        yield Curves(f"Spectra: {group.about}", "Hz", "dB of full scale", lines, x_log=True, note="In twelfths of octaves.")
