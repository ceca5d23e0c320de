"""The songs that a network has learnt from, as they are told of in its card: what others are compared with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fxlab.audio.files import Reader
from fxlab.mastering.analysis import Analyser, Analysis
from fxlab.mastering.comparable import Comparable, filled, known, spread_db
from fxlab.mastering.songs import Song

_COMPARED = 8


def row_of(song: Song) -> dict:
    """What a finished song measures, as plain data."""
    with Reader(song.path) as reader:
        analyser = Analyser(reader.info.sample_rate_hz, reader.info.channels, reader.info.channel_map)
        for block in reader.blocks():
            analyser.add(block)
    analysis = analyser.analysis()
    return {
        "name": song.name,
        "style": song.style,
        "mid_db": [round(level, 2) if np.isfinite(level) else None for level in known(analysis).tolist()],
        "width_db": round(analysis.width_db, 2),
        "plr_db": round(analysis.programme.plr_db or 0.0, 2),
        "spread_db": round(spread_db(analysis), 2),
    }


def comparable(song: Analysis, rows: Sequence[dict]) -> Comparable | None:
    """The eight songs whose balance is nearest to the song's, as one; None where there are no songs."""
    if not rows:
        return None
    levels = np.array([[np.nan if level is None else level for level in row["mid_db"]] for row in rows], float)
    own = filled(known(song))
    distance = np.abs(np.stack([filled(one) for one in levels]) - own).mean(axis=1)
    chosen = np.argsort(distance, kind="stable")[:_COMPARED]
    counts = np.isfinite(levels[chosen]).sum(axis=0)
    mid = np.where(counts > 0, np.nansum(levels[chosen], axis=0) / np.maximum(counts, 1), np.nan)
    width, plr, spread = (float(np.mean([rows[k][name] for k in chosen])) for name in ("width_db", "plr_db", "spread_db"))
    return Comparable(mid, width, plr, spread, len(chosen))
