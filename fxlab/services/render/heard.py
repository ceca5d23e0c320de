"""What a page lets its reader hear of a rendering: the same passage of the dry file, of the DSP, and of what was written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fxlab.audio.files import Reader
from fxlab.audio.loudness import HOPS_PER_SECOND, power_of, windows
from fxlab.audio.passages import passage
from fxlab.audio.programme import ProgrammeMeter, Series
from fxlab.services.render.file import FileReport, Settings, wet_of
from fxlab.services.twin import dsp_twin

_DRY = "dry"
_LEAD_S, _REST_S = 10.0, 1.0
"""Played to the DSP before the passage and after it: its filters and followers then stand where they would, had it heard the
whole file, and what looks ahead sees what comes."""


@dataclass(frozen=True)
class Heard:
    """A passage, and the loudness of the whole files.

    Attributes:
        start_s: Where it begins.
        rate_hz: Of all of it.
        versions: Name to float32 (channels, frames): what went in, the DSP that a network of the chain stands for, if one does,
            and what came out.
        levels: Loudness over time of what went in and what came out.
    """

    start_s: float
    rate_hz: int
    versions: dict[str, np.ndarray]
    levels: dict[str, Series]

    @property
    def seconds(self) -> float:
        return next(iter(self.versions.values())).shape[1] / self.rate_hz


def heard(report: FileReport, settings: Settings, name: str, seconds: float) -> Heard:
    """The loudest passage of an output and what belongs to it, in memory that doesn't grow with the file.

    Args:
        report: A file that was rendered.
        settings: How.
        name: Of the chain.
        seconds: Length of the passage; less of shorter files.

    Raises:
        InputError: A file can't be read any more.
    """
    rate, twin = report.sample_rate_hz, dsp_twin(settings.effects)
    name = f"{name} (network)" if twin is not None else "wet" if name == _DRY else name
    levels = {_DRY: _loudness(report.input), name: _loudness(report.output)}
    frames = max(1, min(round(seconds * rate), round(report.seconds * rate)))
    start = _loudest(levels[name], seconds) * rate // HOPS_PER_SECOND
    start = max(0, min(start, round(report.seconds * rate) - frames))
    versions = {_DRY: _part(report.input, start, frames)}
    if twin is not None:
        lead = min(start, round(_LEAD_S * rate))
        dry = _part(report.input, start - lead, lead + frames + round(_REST_S * rate))
        process, _ = wet_of(replace(settings, effects=twin), rate, len(dry))
        blocks = (dry[:, at : at + settings.block] for at in range(0, dry.shape[1], settings.block))
        wet = np.concatenate(list(process(blocks)), axis=1)[:, lead : lead + frames]
        versions[f"{' + '.join(stage.name for stage in twin)} (DSP)"] = wet
    versions[name] = _part(report.output, start, frames)
    return Heard(start / rate, rate, versions, levels)


def _loudness(path: Path) -> Series:
    with Reader(path) as reader:
        info = reader.info
        meter = ProgrammeMeter(info.sample_rate_hz, info.channels, info.channel_map, true_peak=0)
        for block in reader.blocks():
            meter.add(block)
    return meter.series()


def _loudest(series: Series, seconds: float) -> int:
    """The tenth of a second at which the passage with the most power begins."""
    powers = windows(power_of(series.momentary_lufs.astype(np.float64)), max(1, round(seconds * HOPS_PER_SECOND)))
    return int(np.argmax(powers)) if len(powers) else 0


def _part(path: Path, start: int, frames: int) -> np.ndarray:
    with Reader(path) as reader:
        found = passage(reader.blocks(), start, frames)
    return np.zeros((1, frames), np.float32) if found is None else found
