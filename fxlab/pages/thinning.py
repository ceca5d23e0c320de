"""Fewer points for the same picture, and fewer digits for the same point."""

from __future__ import annotations

import numpy as np

COLUMNS = 700
"""About what the widest screen shows of a chart; each holds at most two points."""


def thinned(x: np.ndarray, y: np.ndarray, x_log: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """At most 2 x `COLUMNS` points (and gaps): of each column the least and the greatest, so that no peak is lost.

    Args:
        x, y: Shape (points,); gaps are NaN in `y`.
        x_log: Columns are even in the logarithm of `x`.
    """
    if len(x) <= 2 * COLUMNS:
        return x, y
    place = np.log(x) if x_log else np.asarray(x, np.float64)
    span = float(place.max() - place.min()) or 1.0
    column = np.minimum(((place - place.min()) / span * COLUMNS).astype(int), COLUMNS - 1)
    starts = np.flatnonzero(np.diff(column, prepend=-1))
    kept: set[int] = set()
    for start, end in zip(starts, [*starts[1:], len(x)], strict=True):
        piece = y[start:end]
        gaps = np.isnan(piece)
        if gaps.all():
            kept.add(int(start))
            continue
        kept |= {int(start + np.nanargmin(piece)), int(start + np.nanargmax(piece))}
        if gaps.any():
            kept.add(int(start + np.argmax(gaps)))
    chosen = np.array(sorted(kept))
    return x[chosen], y[chosen]


def rounded(values: np.ndarray, digits: int) -> list[float | None]:
    """Numbers with so many significant digits; None for what isn't finite."""
    return [float(f"{value:.{digits}g}") if np.isfinite(value) else None for value in np.asarray(values, np.float64).tolist()]
