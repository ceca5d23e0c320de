"""Renders one file: read, process, meter, write, all block by block."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fxlab.audio.files import Reader, Writer
from fxlab.audio.levels import LevelMeter, Levels
from fxlab.audio.quantise import finite
from fxlab.effects import pipeline
from fxlab.engines.loader import Opened, open_processor
from fxlab.errors import FxlabError
from fxlab.services.render.plan import Job, subtype
from fxlab.settings import EffectSettings


@dataclass(frozen=True)
class Settings:
    """How every file is rendered.

    Attributes:
        effects: The chain.
        mix: Share of the processed signal, 0..1.
        tail_s: Seconds rendered after the end, None for as long as the chain rings.
        bit_depth: "auto", "16", "24" or "float".
        force: Overwrite an existing output.
        block: Frames processed at once.
        token: Marks this run's temporary files.
    """

    effects: Sequence[EffectSettings]
    mix: float = 1.0
    tail_s: float | None = 0.0
    bit_depth: str = "auto"
    force: bool = False
    block: int = 16_384
    token: str | None = None


@dataclass
class FileReport:
    """What became of one file.

    Attributes:
        seconds: Length of the output.
        subtype: Sample format written, as libsndfile names it.
        before: Levels of the input.
        after: Levels of the output, before an integer format clips it.
        clipped: Samples beyond full scale that the output's integer format clipped.
        replaced_in: Samples of the input that were not numbers and became silence.
        replaced_out: The same of the output.
        dropped_tags: Names of tags that the output's container can't hold.
        resampled_to_hz: Rates of models that differ from the file's, in the order of the chain.
        latency_ms: Delay of the chain, taken out.
        tail_s: Seconds by which the output is longer than the input.
        remarks: What the effects decided by themselves, a sentence each.
        elapsed_s: Time it took.
        error: Why it failed; everything but input, output and this is then meaningless.
    """

    input: Path
    output: Path
    seconds: float = 0.0
    sample_rate_hz: int = 0
    channels: int = 0
    subtype: str = ""
    before: Levels = field(default_factory=Levels)
    after: Levels = field(default_factory=Levels)
    clipped: int = 0
    replaced_in: int = 0
    replaced_out: int = 0
    dropped_tags: list[str] = field(default_factory=list)
    resampled_to_hz: list[int] = field(default_factory=list)
    latency_ms: float = 0.0
    tail_s: float = 0.0
    remarks: list[str] = field(default_factory=list)
    elapsed_s: float = 0.0
    error: FxlabError | None = None

    def to_json(self) -> dict[str, Any]:
        names = {"input": str(self.input), "output": str(self.output)}
        if self.error is not None:
            return names | {"error": {"kind": type(self.error).__name__, "message": self.error.message, "hint": self.error.hint}}
        return names | {
            "seconds": self.seconds,
            "sample_rate_hz": self.sample_rate_hz,
            "channels": self.channels,
            "subtype": self.subtype,
            "peak_db_in": self.before.peak_db,
            "peak_db_out": self.after.peak_db,
            "lufs_in": self.before.lufs,
            "lufs_out": self.after.lufs,
            "clipped_samples": self.clipped,
            "replaced_samples_in": self.replaced_in,
            "replaced_samples_out": self.replaced_out,
            "dropped_tags": self.dropped_tags,
            "resampled_to_hz": self.resampled_to_hz,
            "latency_ms": self.latency_ms,
            "tail_s": self.tail_s,
            "remarks": self.remarks,
            "elapsed_s": self.elapsed_s,
            "error": None,
        }


def open_chain(effects: Sequence[EffectSettings]) -> list[Opened]:
    """Every stage, opened; raises `UsageError` or `InputError` for what can't be played."""
    return [open_processor(stage.name, stage.set, stage.engine) for stage in effects]


def render_file(
    job: Job,
    settings: Settings,
    progress: Callable[[float], None] = lambda share: None,
    listen: Callable[[np.ndarray], None] | None = None,
) -> FileReport:
    """Renders one file; what goes wrong with it comes back in the report.

    Args:
        job: From where to where.
        settings: How.
        progress: Is told the share that is done, 0..1.
        listen: Is shown every block written, float32 (channels, n).
    """
    report = FileReport(job.source, job.output)
    started = time.perf_counter()
    try:
        _render(job, settings, report, progress, listen)
    except FxlabError as error:
        report.error = error
    report.elapsed_s = time.perf_counter() - started
    return report


def _render(
    job: Job,
    settings: Settings,
    report: FileReport,
    progress: Callable[[float], None],
    listen: Callable[[np.ndarray], None] | None,
) -> None:
    with Reader(job.source) as reader:
        info = reader.info
        rate, channels = info.sample_rate_hz, info.channels
        process, made = wet_of(settings, rate, channels)
        tail = tail_frames(settings, made, rate)
        report.sample_rate_hz, report.channels = rate, channels
        report.subtype = subtype(info, job.output, settings.bit_depth)
        report.resampled_to_hz = [stage.rate_hz for stage in made if stage.rate_hz != rate]
        report.latency_ms, report.tail_s = pipeline.latency_ms(made), tail / rate
        before, after = LevelMeter(rate, channels, info.channel_map), LevelMeter(rate, channels, info.channel_map)

        def heard() -> Iterator[np.ndarray]:
            for block in reader.blocks(settings.block):
                before.add(block)
                yield block

        writer = Writer(
            job.output,
            rate,
            channels,
            report.subtype,
            tags=info.tags,
            force=settings.force,
            frames=info.frames + tail,
            channel_map=info.channel_map,
            token=settings.token,
        )
        with writer:
            for wet in process(pipeline.extended(heard(), tail, channels, settings.block)):
                block, replaced = finite(wet)
                report.replaced_out += replaced
                after.add(block)
                if listen is not None:
                    listen(block)
                writer.write(block)
                progress(min(1.0, writer.frames / (info.frames + tail)))
        report.seconds = writer.frames / rate
        report.before, report.after = before.levels(), after.levels()
        report.clipped, report.replaced_in = writer.clipped, reader.replaced
        report.dropped_tags = writer.dropped_tags
        report.remarks = pipeline.remarks(made)


def wet_of(
    settings: Settings, sample_rate_hz: int, channels: int
) -> tuple[Callable[[pipeline.Blocks], pipeline.Blocks], list[pipeline.Stage]]:
    """The whole treatment of audio, mix included, as a function of its blocks; and the prepared stages."""
    processors = [opened.processor for opened in open_chain(settings.effects)]
    made = pipeline.stages(processors, sample_rate_hz, channels, settings.block)

    def process(blocks: pipeline.Blocks) -> pipeline.Blocks:
        return pipeline.mixed(blocks, lambda dry: pipeline.through(dry, made, sample_rate_hz), settings.mix)

    return process, made


def tail_frames(settings: Settings, made: Sequence[pipeline.Stage], sample_rate_hz: int) -> int:
    """Frames to render after the end of a file."""
    if settings.tail_s is None:
        return pipeline.tail_frames(made, sample_rate_hz)
    return round(settings.tail_s * sample_rate_hz)
