"""Sample-rate conversion with soxr at its very high quality, whole or streaming, aligned and of exact length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

_QUALITY = "VHQ"


def resample(audio: np.ndarray, from_hz: int, to_hz: int) -> np.ndarray:
    """Audio at another rate.

    Args:
        audio: Shape (channels, frames) or (frames,).
        from_hz: Its rate.
        to_hz: The wanted rate.

    Returns:
        float32, `round(frames * to_hz / from_hz)` frames; sample k of the output is the input at the time k / to_hz.
    """
    shaped = np.atleast_2d(np.asarray(audio, np.float32))
    pieces = list(resampled([shaped], from_hz, to_hz))
    whole = np.concatenate(pieces, axis=1) if pieces else shaped[:, :0]
    return whole if np.ndim(audio) == 2 else whole[0]


def resampled(blocks: Iterable[np.ndarray], from_hz: int, to_hz: int) -> Iterator[np.ndarray]:
    """Blocks (channels, n) at another rate, in constant memory.

    All blocks together are what `resample` makes of the whole: aligned, `round(frames * to_hz / from_hz)` frames.
    """
    from fxlab.audio.soxr import soxr

    if from_hz == to_hz:
        yield from blocks
        return
    stream = None
    taken = given = channels = 0
    for block in blocks:
        if stream is None:
            channels = block.shape[0]
            stream = soxr.ResampleStream(from_hz, to_hz, channels, dtype="float32", quality=_QUALITY)
        taken += block.shape[1]
        piece = stream.resample_chunk(np.ascontiguousarray(block.T, np.float32))
        given += len(piece)
        if len(piece):
            yield np.ascontiguousarray(piece.T)
    if stream is None:
        return
    # soxr rounds the last half sample its own way.
    missing = round(taken * to_hz / from_hz) - given
    rest = stream.resample_chunk(np.zeros((0, channels), np.float32), last=True)[:missing]
    last = np.zeros((channels, missing), np.float32)
    last[:, : len(rest)] = rest.T
    if missing:
        yield last
