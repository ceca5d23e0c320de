"""What a training for more than an effect's sound is worth: the input untouched and the network's output, by the same figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fxlab.metrics.contrast import contrast
from fxlab.metrics.intelligibility import estoi, si_snr_db
from fxlab.settings import TrainSettings
from fxlab.training.evaluate import loss_of
from fxlab.training.objective import IMPROVING, Objective

Figures = dict[str, "float | None"]


@dataclass(frozen=True)
class Improved:
    """A take that was heard before and after.

    Args:
        row: Of the manifest.
        target: What was wanted, (frames,).
        before: The untouched input, as late as the target.
        after: The network's output.
    """

    row: Mapping[str, Any]
    target: np.ndarray
    before: np.ndarray
    after: np.ndarray


def improvement(objective: Objective, settings: TrainSettings, takes: Sequence[Improved]) -> dict[str, Any]:
    """The part of a card's metrics that tells what was gained.

    Returns:
        loss: The objective's name.
        before, after: Means over the takes of `loss` and, for what comes with fxlab, of `si_snr_db`, `estoi` (the exact measure)
            and `contrast_db` (spectral); None where no take has one.
        by_snr: The same for every `snr_db`, with the number of `takes`; absent where nothing was mixed with noise.
    """
    found = [[_figures(objective, settings, take.target, heard) for heard in (take.before, take.after)] for take in takes]
    levels = sorted({take.row["snr_db"] for take in takes if "snr_db" in take.row})
    by_snr = []
    for level in levels:
        chosen = [both for take, both in zip(takes, found, strict=True) if take.row.get("snr_db") == level]
        by_snr.append({"snr_db": level, "takes": len(chosen), **_both(chosen)})
    return {"loss": objective.name, **_both(found), **({"by_snr": by_snr} if by_snr else {})}


def _figures(objective: Objective, settings: TrainSettings, target: np.ndarray, heard: np.ndarray) -> Figures:
    rate_hz = objective.sample_rate_hz
    own = {"loss": round(loss_of(target, heard, objective.minimised, settings, rate_hz), 6)}
    if objective.name not in IMPROVING:
        return own
    return own | {
        "si_snr_db": si_snr_db(target, heard),
        "estoi": estoi(target, heard, rate_hz),
        "contrast_db": contrast(heard, rate_hz).spectral,
    }


def _both(found: Sequence[Sequence[Figures]]) -> dict[str, Figures]:
    return {name: _means(both[at] for both in found) for at, name in enumerate(("before", "after"))}


def _means(found: Iterable[Figures]) -> Figures:
    columns: dict[str, list[float]] = {}
    for figures in found:
        for name, value in figures.items():
            columns.setdefault(name, []).extend(() if value is None else (value,))
    return {name: float(np.mean(values)) if values else None for name, values in columns.items()}
