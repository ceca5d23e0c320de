"""From a song and a chain to a master: as loud as wanted, under the ceiling, written, read back and measured."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fxlab.audio.codecs import Decoded, decoded_peaks, has_ffmpeg
from fxlab.audio.files import AudioInfo
from fxlab.audio.loudness import HOPS_PER_SECOND, MOMENTARY_HOPS
from fxlab.audio.writer import FORMATS, check_vacant
from fxlab.errors import UsageError
from fxlab.mastering import solver
from fxlab.mastering.analysis import Analyser, Analysis
from fxlab.mastering.beside import Beside
from fxlab.mastering.chain import Chain
from fxlab.mastering.delivered import Delivered
from fxlab.mastering.edit import Edit
from fxlab.mastering.platforms import effects_of
from fxlab.mastering.press import MARGIN_DB, Order, Pressed, press
from fxlab.mastering.sketch import Sketch
from fxlab.mastering.solver import Aim
from fxlab.mastering.song import Song
from fxlab.mastering.targets import Target
from fxlab.mastering.verification import WITHIN_LU, Measured, balance, mono, promises

_LISTENED = 0.45  # share of the work that is done when the song has been through the chain
_UNITS = 2 * 44_100  # samples per second that `keep_in_memory_s` counts in


@dataclass(frozen=True)
class Delivery:
    """How a master is made.

    Attributes:
        force: Overwrite an output that exists; an input never is.
        loudness_amount: Share 0..1 of the way from the song's own loudness to the target's; 0 changes no sample.
        edit: Trim and fades, None for neither.
        token: Part of the temporary file's name, see `fxlab.audio.atomic`.
        max_reduction_db: A song whose peaks the limiter would have to lower by more gets quieter than the target.
        keep_in_memory_s: Up to this length of stereo at 44.1 kHz, or as many samples, audio is kept between the passes; longer
            files are read and processed again.
        codecs: Names of lossy codecs (`fxlab.audio.codecs.CODECS`) whose decoded peaks are measured.
        analysis: Of the whole input, where it was made already.
    """

    force: bool = False
    loudness_amount: float = 1.0
    edit: Edit | None = None
    token: str | None = None
    max_reduction_db: float = 9.0
    keep_in_memory_s: float = 900.0
    codecs: tuple[str, ...] = ()
    analysis: Analysis | None = None


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
    started, settings = time.perf_counter(), settings or Delivery()
    chain = _at(chain, settings.loudness_amount)
    song = Song(source, chain, target.sample_rate_hz, settings.edit, round(settings.keep_in_memory_s * _UNITS))
    _check(source, output, settings.force)
    kind = subtype(song.info, output, target)
    before, sketch = _heard(song, settings, progress)
    played = bool(chain.loudness)
    limiter_ceiling_db = target.ceiling_db - MARGIN_DB[kind]
    amount, most = settings.loudness_amount, settings.max_reduction_db
    aim = Aim(None, False) if played else solver.aim(sketch, target.lufs, limiter_ceiling_db, amount, most)
    order = Order(
        chain=chain,
        gain_db=(lambda ceiling_db, off_lu: solver.gain_db(sketch, aim, ceiling_db, most, off_lu)) if aim.limited else None,
        lufs=aim.promised_lufs,
        ceiling_db=target.ceiling_db if aim.limited else None,
        subtype=kind,
        force=settings.force,
        token=settings.token,
    )
    pressed = press(song, output, order, lambda share: progress(_LISTENED + (1.0 - _LISTENED) * share))
    measured = pressed.measured
    codecs, untried = _codecs(output, settings.codecs)
    remarks = (*_of_input(song), *aim.remarks, *_of_level(measured, target, aim, played), *_of_file(pressed, output), *untried)
    progress(1.0)
    return Delivered(
        output=output,
        target=target,
        chain=pressed.chain,
        before=before.programme,
        after=measured.programme,
        iterations=pressed.iterations,
        peak_reduction_db=pressed.peak_reduction_db,
        reduction=pressed.reduction,
        promises=promises(measured, aim, order.ceiling_db, song.frames, song.rate_hz, song.info.channels, kind),
        remarks=remarks,
        platforms=effects_of(measured.programme),
        codecs=codecs,
        mono=mono(measured.analysis),
        balance=balance(before, measured.analysis),
        elapsed_s=time.perf_counter() - started,
    )


def subtype(info: AudioInfo, output: Path, target: Target) -> str:
    """The sample format that is written: the target's or the input's, as far as the container holds it."""
    if FORMATS.get(output.suffix.lower()) == "OGG":
        return "VORBIS"
    known = info.subtype if info.subtype in ("PCM_16", "PCM_24", "FLOAT") else "FLOAT" if info.subtype == "DOUBLE" else "PCM_24"
    wanted = target.subtype or known
    return "PCM_24" if wanted == "FLOAT" and FORMATS.get(output.suffix.lower()) == "FLAC" else wanted


def _at(chain: Chain, amount: float) -> Chain:
    """The chain with so much of its own gain, where it has a limiter; without that limiter at 0."""
    if not chain.loudness or not amount:
        return chain.before_loudness()
    return dataclasses.replace(chain, loudness={**chain.loudness, "gain_db": amount * chain.loudness.get("gain_db", 0.0)})


def _check(source: Path, output: Path, force: bool) -> None:
    check_vacant(output, force)
    if output.exists() and output.samefile(source):
        raise UsageError(f"{output} is the song itself.", "Choose another name with -o: an input is never overwritten.")


def _heard(song: Song, settings: Delivery, progress: Callable[[float], None]) -> tuple[Analysis, Sketch]:
    """Plays the song up to the limiter once: what enters the chain, and a sketch of what leaves it."""
    info = song.info
    known = settings.analysis if settings.edit is None else None
    analyser = None if known else Analyser(info.sample_rate_hz, info.channels, info.channel_map)
    sketch = Sketch(song.rate_hz, info.channels, info.channel_map)
    done, announced = 0, max(1, song.frames)
    with Beside(analyser.add) if analyser else nullcontext(_ignored) as analyse, Beside(sketch.add) as draw:
        for block in song.blocks(analyse):
            draw(block)
            done += block.shape[1]
            progress(_LISTENED * min(1.0, done / announced))
    sketch.end()
    return known or analyser.analysis(), sketch


def _ignored(block: np.ndarray) -> None:
    pass


def _codecs(output: Path, names: tuple[str, ...]) -> tuple[dict[str, Decoded | None], tuple[str, ...]]:
    if not names:
        return {}, ()
    if not has_ffmpeg():
        return {}, ("What lossy codecs make of its peaks wasn't measured: there is no ffmpeg.",)
    return decoded_peaks(output, names), ()


def _of_input(song: Song) -> list[str]:
    if not song.replaced:
        return []
    return [f"{song.replaced} samples of the input weren't numbers and became silence."]


def _of_level(measured: Measured, target: Target, aim: Aim, played: bool) -> list[str]:
    """What differs from the target although nothing of the sort was promised."""
    said, peak = [], measured.programme.true_peak_db
    if not math.isfinite(measured.lufs):
        return said
    if aim.lufs is not None and measured.programme.seconds < MOMENTARY_HOPS / HOPS_PER_SECOND:
        said.append("It is shorter than 0.4 s: its loudness is that of the whole, without the gates of the standard.")
    if aim.instead is not None:
        said.append(f"It stays at {measured.lufs:.1f} LUFS: {aim.lufs:.1f} would need {aim.instead}.")
    if played and target.lufs is not None and abs(measured.lufs - target.lufs) > WITHIN_LU:
        said.append(f"The chain's own limiter makes it {measured.lufs:.1f} LUFS, not the {target.lufs:g} of {target.name}.")
    if not aim.limited and peak > target.ceiling_db:
        how = "The chain's own limiter lets" if played else "Its level was left as it is, which lets"
        said.append(f"{how} it peak at {peak:.1f} dBTP, over the {target.ceiling_db:g} of {target.name}.")
    return said


def _of_file(pressed: Pressed, output: Path) -> list[str]:
    said = []
    if pressed.clipped:
        said.append(f"{pressed.clipped} samples beyond full scale were clipped.")
    if pressed.dropped_tags:
        said.append(f"{output.suffix[1:]} files can't hold these tags: {', '.join(pressed.dropped_tags)}.")
    return said
