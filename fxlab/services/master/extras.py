"""What is written beside a master for the ear: its loudest part before and after, and what was added or taken away."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fxlab.audio.files import Reader
from fxlab.audio.loudness import integrated_lufs, mean_lufs
from fxlab.audio.writer import Writer
from fxlab.mastering.edit import Edit
from fxlab.services.master.excerpts import BLOCK, Share, check_belonging, entering, excerpts
from fxlab.services.render.plan import subtype

PREVIEW_S, GAP_S = 20.0, 0.7

_ROOM_DB = 0.3  # the excerpts' largest sample stays so far below full scale
_EDGE_S = 0.01
_FLOOR_DB = -300.0


@dataclass(frozen=True)
class Preview:
    """What a preview holds.

    Attributes:
        output: The file: before, a gap, after.
        start_s: Where the excerpt begins in the master.
        seconds: Its length.
        lufs: How loud both play, -inf for silence.
        before_db, after_db: Gains that were needed for that.
    """

    output: Path
    start_s: float
    seconds: float
    lufs: float
    before_db: float
    after_db: float


@dataclass(frozen=True)
class Delta:
    """What a delta holds.

    Attributes:
        output: The file.
        gain_db: Of the input, at which it differs least from the master; -inf where they have nothing in common.
        level_db: Power of the difference over that of the master; -inf where only the level was changed.
        clipped: Samples that the format couldn't hold.
    """

    output: Path
    gain_db: float
    level_db: float
    clipped: int


def write_preview(
    source: Path,
    master: Path,
    output: Path,
    *,
    seconds: float = PREVIEW_S,
    edit: Edit | None = None,
    force: bool = False,
    token: str | None = None,
    progress: Share = lambda share: None,
) -> Preview:
    """Writes the master's loudest part as it was, a short gap, and as it is now, both equally loud.

    They play as loud as they can without clipping, but not louder than the louder one was.

    Args:
        source: The song.
        master: What became of it, at any rate.
        output: wav, flac or ogg.
        seconds: Length of the part; less where the song is shorter.
        edit: Trim and fades that the master got, located.
        force: Overwrite a file that exists.
        token: Part of the temporary file's name.
        progress: Is told the share that is done, 0..1.

    Raises:
        InputError: A file can't be read, or they don't belong together.
        UsageError, OutputError: The preview can't be written.
    """
    found = excerpts(source, [master], seconds, edit, progress=lambda share: progress(0.9 * share))
    before, [after], rate = found.before, found.after, found.rate_hz
    with Reader(master) as reader:
        info = reader.info
    levels = np.array([_lufs(one, rate) for one in (before, after)])
    peaks = np.array([float(np.abs(one).max(initial=0.0)) for one in (before, after)])
    gains = np.zeros(2)
    common = -math.inf
    if np.isfinite(levels).all():
        common = min(levels.max(), (levels - 20 * np.log10(peaks)).min() - _ROOM_DB)
        gains = common - levels
    gap = np.zeros((info.channels, round(GAP_S * rate)), np.float32)
    with Writer(output, rate, info.channels, subtype(info, output, "auto"), force=force, token=token) as writer:
        for audio in (_faded(before, gains[0], rate), gap, _faded(after, gains[1], rate)):
            writer.write(audio)
    progress(1.0)
    return Preview(output, found.start_s, found.seconds, float(common), float(gains[0]), float(gains[1]))


def write_delta(
    source: Path,
    master: Path,
    output: Path,
    *,
    edit: Edit | None = None,
    force: bool = False,
    token: str | None = None,
    progress: Share = lambda share: None,
) -> Delta:
    """Writes the master minus the song at the level at which they differ least: what was added and what was taken away.

    Both are read twice, in constant memory. Arguments and errors are those of `write_preview`.
    """
    with Reader(master) as reader:
        info = reader.info
    products = np.zeros(3)
    for before, after in _pairs(source, master, edit, lambda share: progress(0.5 * share)):
        products += [float(np.vdot(a, b)) for a, b in ((before, after), (before, before), (after, after))]
    gain = products[0] / products[1] if products[1] > 0 else 0.0
    power = 0.0
    writer = Writer(
        output,
        info.sample_rate_hz,
        info.channels,
        subtype(info, output, "auto"),
        force=force,
        token=token,
        frames=info.frames,
        channel_map=info.channel_map,
    )
    with writer:
        for before, after in _pairs(source, master, edit, lambda share: progress(0.5 + 0.5 * share)):
            difference = after - np.float32(gain) * before
            power += float(np.vdot(difference, difference))
            writer.write(difference)
    gain_db, level_db = _ratio_db(gain**2), _ratio_db(power / products[2]) if products[2] else -math.inf
    return Delta(output, gain_db, level_db, writer.clipped)


def _pairs(source: Path, master: Path, edit: Edit | None, progress: Share) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Both side by side, in blocks of equal length; as long as the master."""
    with Reader(source) as dry, Reader(master) as wet:
        check_belonging(dry.info, wet.info)
        song = entering(dry, edit, wet.info.sample_rate_hz)
        held = np.zeros((wet.info.channels, 0), np.float32)
        done = 0
        for block in wet.blocks(BLOCK):
            frames = block.shape[1]
            while held.shape[1] < frames:
                piece = next(song, None)
                if piece is None:
                    held = np.pad(held, ((0, 0), (0, frames - held.shape[1])))
                    break
                held = np.concatenate((held, piece), axis=1)
            yield held[:, :frames], block
            held = held[:, frames:]
            done += frames
            progress(min(1.0, done / wet.info.frames))


def _faded(audio: np.ndarray, gain_db: float, rate_hz: int) -> np.ndarray:
    frames = audio.shape[1]
    edges = Edit(fade_in_s=_EDGE_S, fade_out_s=_EDGE_S).apply([audio * np.float32(10 ** (gain_db / 20))], frames, rate_hz)
    return next(edges, audio)


def _lufs(audio: np.ndarray, rate_hz: int) -> float:
    """Integrated loudness, of the whole where it is too short or quiet for that."""
    lufs = integrated_lufs(audio, rate_hz)
    return lufs if math.isfinite(lufs) or not audio.shape[1] else mean_lufs(audio, rate_hz)


def _ratio_db(ratio: float) -> float:
    return 10 * math.log10(ratio) if ratio > 10 ** (_FLOOR_DB / 10) else -math.inf
