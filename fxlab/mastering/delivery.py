"""From a song and a chain to a master: as loud as wanted, under the ceiling, written, read back and measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fxlab.audio.programme import Programme
from fxlab.mastering.analysis import Analysis
from fxlab.mastering.chain import Chain
from fxlab.mastering.platforms import PlatformEffect
from fxlab.mastering.targets import Target
from fxlab.mastering.verification import Balance, Mono, Promise


@dataclass(frozen=True)
class Delivery:
    """How a master is made.

    Attributes:
        force: Overwrite an output that exists; an input never is.
        loudness_amount: Share 0..1 of the way from the song's own loudness to the target's; 0 changes no sample.
        edit: Trim and fades (`fxlab.mastering.edit.Edit`), None for neither.
        token: Part of the temporary file's name, see `fxlab.audio.atomic`.
        max_reduction_db: A song whose peaks the limiter would have to lower by more gets quieter than the target.
        keep_in_memory_s: Up to this length of stereo at 44.1 kHz, or as many samples, audio is kept between the passes; longer
            files are read again.
        codecs: Names of lossy codecs whose decoded peaks are measured ("aac", ...), none by default.
        analysis: Of the input, where it was made already.
    """

    force: bool = False
    loudness_amount: float = 1.0
    edit: object | None = None
    token: str | None = None
    max_reduction_db: float = 9.0
    keep_in_memory_s: float = 900.0
    codecs: tuple[str, ...] = ()
    analysis: Analysis | None = None


@dataclass(frozen=True)
class Reduction:
    """What the limiter took away over time: the most in each stretch, dB, 0 or more; both float32 (n,)."""

    at_s: np.ndarray
    reduction_db: np.ndarray


@dataclass(frozen=True)
class Delivered:
    """A master that was written.

    Attributes:
        output: The file.
        target: What it was made for.
        chain: What was played, its loudness stage filled in: from a chain file it makes the same samples again.
        before: Of the input, trimmed and faded as the output is.
        after: Of the written file, read back; its true peak at eight values a sample.
        iterations: How often the song went through the limiter.
        peak_reduction_db: Most that the limiter took away, 0 or more.
        reduction: The same over time.
        promises: What was promised; exit code 5 is for those that aren't kept.
        remarks: What deserves to be known, a sentence each.
        platforms: What streaming services do to it.
        codecs: What lossy codecs make of its peaks, where asked for.
        mono: None for what isn't stereo.
        balance: Spectrum before and after.
        elapsed_s: Time it took.
    """

    output: Path
    target: Target
    chain: Chain
    before: Programme
    after: Programme
    iterations: int
    peak_reduction_db: float
    reduction: Reduction
    promises: tuple[Promise, ...]
    remarks: tuple[str, ...]
    platforms: tuple[PlatformEffect, ...]
    codecs: tuple
    mono: Mono | None
    balance: Balance
    elapsed_s: float


def deliver(
    source: Path,
    chain: Chain,
    target: Target,
    output: Path,
    settings: Delivery | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> Delivered:
    """Makes one master.

    Args:
        source: The song.
        chain: What is done to it. One with a loudness stage is played as it says, others are made as loud as the target.
        target: What it is made for.
        output: The file to write: wav, flac or ogg.
        settings: How.
        progress: Is told the share that is done, 0..1.

    Raises:
        UsageError: The output exists, is the input, or its format can't hold what is wanted.
        InputError: The source can't be read.
        OutputError: The output can't be written.
    """
    raise NotImplementedError
