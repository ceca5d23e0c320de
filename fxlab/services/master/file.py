"""Masters one song: listens to it, decides what is to be done, writes a file for each target."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from fxlab.audio.files import Reader, read_blocks
from fxlab.errors import FxlabError
from fxlab.mastering import presets
from fxlab.mastering.advice import advise
from fxlab.mastering.analysis import Analyser, Analysis
from fxlab.mastering.beside import Beside
from fxlab.mastering.chain import Amounts, Chain
from fxlab.mastering.comparable import Comparable, mean_of
from fxlab.mastering.delivery import Delivery, deliver
from fxlab.mastering.edit import Edit
from fxlab.mastering.explain import describe
from fxlab.mastering.preflight import Inspector
from fxlab.mastering.reference import Weights, chain_towards
from fxlab.mastering.windows import WindowTaker
from fxlab.services.master.codecs import SECTION_S, with_codecs
from fxlab.services.master.plan import Job
from fxlab.services.master.report import FileReport, Study

HIGHPASS_HZ = 15.0
"""Cutoff of what takes out a DC offset: a tenth of a decibel at 39 Hz."""

_LISTENING = 0.2  # share of the time until the first master is begun

Share = Callable[[float], None]


@dataclass(frozen=True)
class Settings:
    """How every song is mastered.

    Attributes:
        amounts: How much of each stage is applied, shares 0..1.
        chain: What is done; None to find out by listening.
        references: Analyses of songs to sound like, none of them silent.
        names: Theirs.
        weights: How far towards them.
        preset: Character that is added; "none" for none.
        model: Checkpoint of the network that advises, None for the one that ships.
        insist: Correct songs that measure like finished masters, too.
        edit: Trim and fades.
        codecs: Lossy codecs to try, by name.
        whole_codecs: On the whole song, not only where the limiter works most.
        force: Overwrite existing outputs.
        token: Marks this run's temporary files.
        block: Frames read at once.
    """

    amounts: Amounts = field(default_factory=Amounts)
    chain: Chain | None = None
    references: tuple[Analysis, ...] = ()
    names: tuple[str, ...] = ()
    weights: Weights = field(default_factory=Weights)
    preset: str = "none"
    model: Path | None = None
    insist: bool = False
    edit: Edit | None = None
    codecs: tuple[str, ...] = ()
    whole_codecs: bool = False
    force: bool = False
    token: str | None = None
    block: int = 65_536


def study_file(job: Job, settings: Settings, study: Study | None = None, progress: Share = lambda share: None) -> Study:
    """Listens to a song and decides what is to be done; what goes wrong comes back in the study.

    Args:
        job: The song.
        settings: How.
        study: One that failed already, and is what comes back then.
        progress: Is told the share that is done, 0..1.
    """
    study = study or Study(job.source)
    if study.error is None:
        try:
            _study(study, settings, progress)
        except FxlabError as error:
            study.error = error
    return study


def master_file(job: Job, settings: Settings, study: Study | None = None, progress: Share = lambda share: None) -> FileReport:
    """Writes all masters of a song; what goes wrong comes back in the report.

    Args:
        job: The song, its targets and their files.
        settings: How.
        study: What was heard of it, if it was listened to already.
        progress: Is told the share that is done, 0..1.
    """
    started = time.perf_counter()
    begin = 0.0
    if study is None:
        begin = _LISTENING
        study = study_file(job, settings, None, lambda share: progress(begin * share))
    report = FileReport(study, codecs_s=SECTION_S if settings.codecs and not settings.whole_codecs else None, error=study.error)
    whole, step = settings.whole_codecs, (1.0 - begin) / len(job.targets)
    if report.error is None:
        try:
            delivery = Delivery(
                force=settings.force,
                loudness_amount=settings.amounts.loudness,
                edit=study.edit,
                token=settings.token,
                codecs=settings.codecs if whole else (),
                analysis=study.analysis,
            )
            for number, (target, output) in enumerate(zip(job.targets, job.outputs, strict=True)):
                at = begin + number * step
                shown = lambda share, at=at: progress(at + step * share)  # noqa: E731
                master = deliver(job.source, study.chain, target, output, delivery, shown)
                report.masters.append(with_codecs(master, settings.codecs) if settings.codecs and not whole else master)
        except FxlabError as error:
            report.error = error
    report.elapsed_s = time.perf_counter() - started
    return report


def analysis_of(path: Path, progress: Share = lambda share: None, block: int = 65_536) -> Analysis:
    """What a song measures; raises `InputError` where it can't be read."""
    with Reader(path) as reader:
        info = reader.info
        analyser = Analyser(info.sample_rate_hz, info.channels, info.channel_map)
        frames = 0
        for piece in reader.blocks(block):
            analyser.add(piece)
            frames += piece.shape[1]
            progress(min(1.0, frames / info.frames))
        return analyser.analysis()


def _study(study: Study, settings: Settings, progress: Share) -> None:
    with Reader(study.source) as reader:
        info = reader.info
        analyser = Analyser(info.sample_rate_hz, info.channels, info.channel_map)
        inspector = Inspector(info.sample_rate_hz, info.channels, info.lossy)
        taker = WindowTaker(info.sample_rate_hz, info.frames)
        frames = 0
        with Beside(analyser.add) as analyse:
            for piece in reader.blocks(settings.block):
                analyse(piece)
                inspector.add(piece)
                taker.add(piece)
                frames += piece.shape[1]
                progress(min(1.0, frames / info.frames))
    study.analysis = analyser.analysis()
    study.findings = inspector.findings(study.analysis.programme)
    study.edit = settings.edit and settings.edit.located(read_blocks(study.source), info.sample_rate_hz)
    decided, study.compared = _decided(study, taker, settings)
    study.finished = not decided.stages() and (study.need is not None or bool(settings.references))
    if settings.chain is None and any(finding.code == "offset" for finding in study.findings):
        decided = dataclasses.replace(decided, tone={**decided.tone, "highpass_hz": HIGHPASS_HZ})
    study.preset = settings.preset
    study.chain = _scaled(presets.applied(settings.preset, decided, study.analysis), settings.amounts)
    study.reasons = describe(study.chain, study.analysis, study.compared)


def _decided(study: Study, taker: WindowTaker, settings: Settings) -> tuple[Chain, Comparable | None]:
    """What is to be done before any preset, and what the song was compared with."""
    song = study.analysis
    if settings.chain is not None:
        return settings.chain, None
    if song.silent:
        return Chain(), None
    if settings.references:
        compared = mean_of(settings.references, settings.names)
        return chain_towards(song, settings.references, settings.weights)[0], compared
    advice = advise(song, taker.windows(), settings.model, settings.insist)
    study.need = advice.need
    return advice.chain, advice.comparable


def _scaled(chain: Chain, amounts: Amounts) -> Chain:
    # All of it is exactly what the chain says: no rounding may stand between a chain file and its replay.
    whole = amounts.tone == amounts.dynamics == amounts.width == 1.0
    return chain if whole else chain.scaled(amounts)
