"""What lossy codecs make of a master's peaks, where the limiter worked most: a whole song would take longer than its master."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from fxlab.audio.codecs import decoded_peaks
from fxlab.errors import InputError
from fxlab.mastering.delivered import Delivered, Reduction

SECTION_S = 10.0


def with_codecs(master: Delivered, names: Sequence[str]) -> Delivered:
    """The same with `codecs` measured; a remark says why where they couldn't be."""
    at_s, longest_s = hardest_s(master.reduction), master.after.seconds
    section = (max(0.0, min(at_s - SECTION_S / 2, longest_s - SECTION_S)), SECTION_S) if longest_s > SECTION_S else None
    try:
        return dataclasses.replace(master, codecs=decoded_peaks(master.output, names, section))
    except InputError as error:
        return dataclasses.replace(master, remarks=(*master.remarks, f"Lossy codecs weren't tried: {error.message}"))


def hardest_s(reduction: Reduction) -> float:
    """The middle of the stretch of `SECTION_S` in which the limiter took off most; where it took off nothing, the song's."""
    times, levels = reduction.at_s, np.asarray(reduction.reduction_db, np.float64)
    if len(times) < 2:
        return 0.0
    width = max(1, min(len(times), round(SECTION_S / float(times[1] - times[0]))))
    sums = np.convolve(levels, np.ones(width), "valid")
    first = int(np.argmax(sums)) if sums.max() > 0 else len(sums) // 2
    return float(times[first] + times[min(first + width, len(times)) - 1]) / 2
