"""The songs that a network has learnt from, as they are told of in its card: what others are compared with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fxlab.audio.files import Reader
from fxlab.mastering.analysis import Analyser, Analysis
from fxlab.mastering.comparable import Comparable, filled, known, mean_of_measures, spread_db
from fxlab.mastering.songs import Song

_COMPARED = 8


def row_of(song: Song) -> dict:
    """What a finished song measures, as plain data."""
    with Reader(song.path) as reader:
        analyser = Analyser(reader.info.sample_rate_hz, reader.info.channels, reader.info.channel_map)
        for block in reader.blocks():
            analyser.add(block)
    analysis = analyser.analysis()
    plr = analysis.programme.plr_db
    return {
        "name": song.name,
        "style": song.style,
        "mid_db": [round(level, 2) if np.isfinite(level) else None for level in known(analysis).tolist()],
        "width_db": round(analysis.width_db, 2),
        "plr_db": None if plr is None else round(plr, 2),
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
    measures = ([rows[k][name] for k in chosen] for name in ("width_db", "plr_db", "spread_db"))
    return mean_of_measures(levels[chosen], *measures, names=())
