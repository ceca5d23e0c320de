"""How well an automaton grows an instrument, in figures."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from fxlab.timbre.classic import ClassicRule
from fxlab.timbre.rule import FAINT, LEVELS_DB, RANGE_DB, STEPS, Rule

ACTIVE_DB = -30.0
"""Gain from which on a cell counts as grown."""
LONG = 4
"""Ages up to which its end is followed."""
CUT_SHARE = 0.3


@dataclass(frozen=True)
class GrowthMetrics:
    """Figures of growth from the seed to age 1 (step N), over cells that are heard, of a level of `FAINT` and above.

    Args:
        fill: Fill curve: share of cells above -30 dB at each step 0..N, mean of all runs.
        spearman: Rank correlation of a run's fill curve with time, mean of all runs.
        lowest_spearman: That of the run where it is lowest.
        filled: Fill at step N minus fill at the seed.
        rise_time: Share of the N steps that the fill curve takes from 10 to 90 % of what it rises by in all.
        largest_jump: Most cells, as a share, that are added in one step of the mean curve.
        rise_share: Sum of all rises over that of rises and falls, of the growth of single cells.
        end_db: Mean distance of the gains at step N to an ungated instrument.
        stability_db: Mean change of the gains from step N to 4 N.
        half_life: Steps until half of a cut through 30 % of the grown instrument's harmonics has healed, in dB; None beyond N.
        diversity: Standard deviation of growth over seeds, mean over cells and the steps 1..N-1.
        end_diversity: The same at step N.
        centroid_slope: Octaves that the spectral centroid of the harmonics rises by per age.
    """

    fill: list[float]
    spearman: float
    lowest_spearman: float
    filled: float
    rise_time: float
    largest_jump: float
    rise_share: float
    end_db: float
    stability_db: float
    half_life: float | None
    diversity: float
    end_diversity: float
    centroid_slope: float

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def measure(
    rule: Rule | ClassicRule,
    levels: np.ndarray,
    pitch: np.ndarray,
    loudness: np.ndarray,
    seeds: int = 8,
    steps: int = STEPS,
    seed: int = 0,
) -> GrowthMetrics:
    """Grows an instrument under each of some conditions, `seeds` times each.

    Args:
        rule: The automaton.
        levels: Of the instrument's own spectrum (`levels_of`), (conditions, cells) or (cells,).
        pitch: (MIDI note - 60) / 24, (conditions,) or a number.
        loudness: Standardised, (conditions,) or a number.
        seeds: Runs under each of the conditions.
        steps: From age 0 to age 1.
        seed: Of all that is drawn.
    """
    levels = np.atleast_2d(levels)
    conditions = [np.repeat(np.atleast_1d(array), seeds, axis=0) for array in (levels, pitch, loudness)]
    rng = np.random.default_rng(seed)
    states = np.repeat(rule.seeded()[None], len(conditions[0]), axis=0)
    course, adult = [rule.growth(states)], states
    for step in range(1, LONG * steps + 1):
        states = rule.step(states, *conditions, rng)
        course.append(rule.growth(states))
        adult = states if step == 2 * steps else adult
    growths = np.clip(np.stack(course, axis=1), 0.0, 1.0)
    heard = conditions[0] >= FAINT
    fills = np.stack([fill_curve(rule.gain(growth), which) for growth, which in zip(growths[:, : steps + 1], heard, strict=True)])
    gains = decibels(rule.gain(growths[:, [steps, LONG * steps]]))
    spread = growths.reshape(len(levels), seeds, *growths.shape[1:]).std(axis=1)
    spread = np.stack([one[:, which].mean(axis=1) for one, which in zip(spread, heard[::seeds], strict=True)]).mean(axis=0)
    mean, ranks = fills.mean(axis=0), [spearman(np.arange(steps + 1), fill) for fill in fills]
    return GrowthMetrics(
        fill=[float(share) for share in mean],
        spearman=float(np.mean(ranks)),
        lowest_spearman=min(ranks),
        filled=float(mean[-1] - mean[0]),
        rise_time=rise_time(mean) / steps,
        largest_jump=float(np.diff(mean).max()),
        rise_share=rise_share(growths[:, : steps + 1].transpose(0, 2, 1)[heard]),
        end_db=float(np.abs(gains[:, 0][heard]).mean()),
        stability_db=float(np.abs(gains[:, 1] - gains[:, 0])[heard].mean()),
        half_life=_half_life(rule, adult, conditions, steps, rng),
        diversity=float(spread[1:steps].mean()),
        end_diversity=float(spread[steps]),
        centroid_slope=_centroid_slope(rule, growths[:, : steps + 1], conditions),
    )


def decibels(gains: np.ndarray) -> np.ndarray:
    """Gains in dB, none below the automaton's range."""
    return 20 * np.log10(np.maximum(gains, 10 ** (-RANGE_DB / 20)))


def fill_curve(gains: np.ndarray, heard: np.ndarray) -> np.ndarray:
    """Share of the cells that are heard which are grown; `gains` (steps, cells), `heard` bool (cells,)."""
    return (decibels(gains[:, heard]) > ACTIVE_DB).mean(axis=1)


def spearman(x: np.ndarray, y: np.ndarray) -> float:
    """Spearman's rank correlation, ties having their mean rank; 0 where one of them is constant."""
    a, b = (_ranks(values) for values in (x, y))
    a, b = a - a.mean(), b - b.mean()
    length = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / length) if length else 0.0


def rise_time(fill: np.ndarray) -> float:
    """Steps that a curve takes from 10 to 90 % of its way from the first value to the highest; 0 where it doesn't rise."""
    rise = fill.max() - fill[0]
    if rise <= 0:
        return 0.0
    low, high = (_crossing((fill - fill[0]) / rise, share) for share in (0.1, 0.9))
    return high - low


def rise_share(growths: np.ndarray) -> float:
    """Sum of all rises over the sum of rises and falls along the last axis; 1 where nothing changes."""
    changes = np.diff(growths, axis=-1)
    total = np.abs(changes).sum()
    return float(np.maximum(changes, 0).sum() / total) if total else 1.0


def half_life(distances: np.ndarray) -> float | None:
    """Steps until a distance, (steps,), is half of what it was at first; None if it never is."""
    first = distances[0]
    if first <= 0:
        return 0.0
    return _crossing(1 - distances / first, 0.5) if (distances <= first / 2).any() else None


def click_db(grown: np.ndarray, ungated: np.ndarray, frame: int = 512) -> float:
    """How much more suddenly a grown sound changes than the ungated one, in dB: 0 or less where growth adds no click.

    What is compared is each sound's largest spectral flux, the rise of magnitudes from one frame to the next summed over all bins
    (Bello et al., "A Tutorial on Onset Detection in Music Signals", IEEE TSAP 13(5), 2005), which a click raises in all of them.

    Args:
        grown: Mono, (n,).
        ungated: The same performance with all gains 1, (n,).
        frame: Samples of a frame; frames overlap by half.
    """
    return float(20 * np.log10((_largest_flux(grown, frame) + 1e-12) / (_largest_flux(ungated, frame) + 1e-12)))


def _largest_flux(audio: np.ndarray, frame: int) -> float:
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(audio, frame), frame)[:: frame // 2]
    magnitudes = np.abs(np.fft.rfft(frames * np.hanning(frame), axis=1))
    return float(np.maximum(np.diff(magnitudes, axis=0), 0.0).sum(axis=1).max())


def _ranks(values: np.ndarray) -> np.ndarray:
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[places]


def _crossing(curve: np.ndarray, share: float) -> float:
    """Where a curve first reaches `share`, between two of its points."""
    after = int(np.argmax(curve >= share))
    if not after:
        return 0.0
    before = curve[after - 1]
    return float(after - 1 + (share - before) / (curve[after] - before))


def _half_life(
    rule: Rule | ClassicRule, states: np.ndarray, conditions: list[np.ndarray], steps: int, rng: np.random.Generator
) -> float | None:
    """Of a cut through 30 % of the harmonics that are heard, some way up from the first."""
    harmonics, distances = rule.config.harmonics, np.zeros(steps + 1)
    for levels in np.unique(conditions[0], axis=0):
        which = (conditions[0] == levels).all(axis=1)
        told = [array[which] for array in conditions]
        heard = np.flatnonzero(levels[:harmonics] >= FAINT)
        if not len(heard):
            continue
        first = len(heard) // 10 + 1 if len(heard) > 1 else 0
        cut = heard[first : first + max(1, round(CUT_SHARE * len(heard)))]
        state = rule.damaged(states[which], cut[0], cut[-1] + 1)
        for step in range(steps + 1):
            distances[step] += np.abs(decibels(rule.gains(state)[:, cut])).mean()
            state = rule.step(state, *told, rng)
    return half_life(distances)


def _centroid_slope(rule: Rule | ClassicRule, growths: np.ndarray, conditions: list[np.ndarray]) -> float:
    levels = conditions[0]
    count = rule.config.harmonics
    own = np.where(levels > 0, 10 ** (LEVELS_DB / 20 * (levels - 1)), 0.0)[:, None, :count]
    heard = own * rule.gain(growths)[..., :count]
    numbers = np.arange(1, count + 1)
    total = heard.sum(axis=-1)
    centroids = np.log2(np.where(total > 0, (heard * numbers).sum(axis=-1) / np.where(total > 0, total, 1.0), 1.0))
    ages = np.linspace(0.0, 1.0, growths.shape[1]) - 0.5
    return float((centroids.mean(axis=0) * ages).sum() / (ages**2).sum())
