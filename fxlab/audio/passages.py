"""A part of a stream of audio, the rest of which is never kept."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


def passage(blocks: Iterable[np.ndarray], start: int, frames: int) -> np.ndarray | None:
    """Frames `start` to `start + frames` of successive blocks (channels, n), filled with silence where they end earlier.

    Returns:
        float32 (channels, frames); None where there is no block at all.
    """
    kept, at = None, 0
    for block in blocks:
        if kept is None:
            kept = np.zeros((len(block), frames), np.float32)
        piece = block[:, max(0, start - at) : max(0, start + frames - at)]
        into = max(0, at - start)
        kept[:, into : into + piece.shape[1]] = piece
        at += block.shape[1]
        if at >= start + frames:
            break
    return kept
