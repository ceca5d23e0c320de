"""The picture `fxlab master --plot` draws: spectrum, loudness over time and gain reduction, before and after."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fxlab.audio.bands import CENTRES_HZ, FLOOR_DB
from fxlab.audio.files import Reader
from fxlab.audio.programme import ProgrammeMeter, Series
from fxlab.mastering.comparable import Comparable, levelled
from fxlab.mastering.delivered import Delivered, Reduction
from fxlab.mastering.edit import Edit
from fxlab.services.drawing import COLUMNS, save, sheet

_BEFORE, _AFTER, _WANTED, _TAKEN = "0.55", "#0072b2", "#e69f00", "#c1272d"  # told apart by the colour-blind too
_SILENT_LUFS = -70.0
_MOST_LU, _LEAST_LU = 36.0, 12.0  # of loudness that are shown below the loudest moment
HEARD_DB = 0.05  # of gain reduction: less is none
_TICKS_HZ = (50, 100, 200, 500, 1000, 2000, 5000, 10_000)


@dataclass(frozen=True)
class Picture:
    """What is drawn.

    Attributes:
        title: Above it all.
        before_db, after_db: Spectra in the bands of `CENTRES_HZ` at equal loudness, (27,); NaN in bands that there aren't.
        wanted_db: The same of comparable songs or references, None for nothing.
        wanted: What that is.
        before, after: Loudness over time.
        target_lufs: Integrated loudness that was wanted, None for none.
        lufs: Integrated loudness before and after.
        reduction: What the limiter took away over time.
    """

    title: str
    before_db: np.ndarray
    after_db: np.ndarray
    wanted_db: np.ndarray | None
    wanted: str
    before: Series
    after: Series
    target_lufs: float | None
    lufs: tuple[float, float]
    reduction: Reduction


def picture_of(source: Path, master: Delivered, comparable: Comparable | None = None, edit: Edit | None = None) -> Picture:
    """The picture of a master; song and master are read once for their loudness over time.

    Args:
        source: The song.
        master: What became of it.
        comparable: What it was compared with.
        edit: Trim and fades that the master got, located.

    Raises:
        InputError: One of them can't be read any more.
    """
    change = f"{master.before.integrated_lufs:.1f} to {master.after.integrated_lufs:.1f} LUFS"
    peak = master.after.true_peak_db
    names = () if comparable is None else comparable.names
    return Picture(
        title=f"{source.name} for {master.target.name}: {change}" + ("" if peak is None else f", true peak {peak:.1f} dBTP"),
        before_db=_spectrum(master.balance.before_db),
        after_db=_spectrum(master.balance.after_db),
        wanted_db=None if comparable is None else comparable.mid_db,
        wanted=names[0] if len(names) == 1 else "references" if names else "comparable songs",
        before=_series(source, edit),
        after=_series(master.output, None),
        target_lufs=master.target.lufs,
        lufs=(master.before.integrated_lufs, master.after.integrated_lufs),
        reduction=master.reduction,
    )


def draw(path: Path, picture: Picture) -> None:
    """Draws a picture; the suffix decides the format. Raises `OutputError` where it can't be written."""
    figure = sheet(picture.title)
    limited = bool(picture.reduction.reduction_db.max(initial=0.0) >= HEARD_DB)
    rows = [["spectrum", "change"], ["loudness", "loudness"], ["reduction", "reduction"]]
    axes = figure.subplot_mosaic(rows if limited else rows[:2], height_ratios=[4, 4, 2] if limited else [4, 4])
    _draw_spectra(axes["spectrum"], picture)
    _draw_change(axes["change"], picture)
    _draw_loudness(axes["loudness"], picture)
    if limited:
        _draw_reduction(axes["reduction"], picture)
        axes["reduction"].sharex(axes["loudness"])
    else:
        axes["loudness"].set(xlabel="time (s); the limiter had nothing to do")
    save(figure, path)


def _draw_spectra(axis: Any, picture: Picture) -> None:
    if picture.wanted_db is not None:
        axis.semilogx(CENTRES_HZ, picture.wanted_db, color=_WANTED, linestyle="--", label=picture.wanted)
    axis.semilogx(CENTRES_HZ, picture.before_db, color=_BEFORE, linewidth=3, label="before")
    axis.semilogx(CENTRES_HZ, picture.after_db, color=_AFTER, label="after")
    axis.set(title="Third-octave spectrum at equal loudness", ylabel="level (dB)")
    _frequencies(axis)


def _draw_change(axis: Any, picture: Picture) -> None:
    after = picture.after_db - picture.before_db
    axis.axhline(0, color="black", linewidth=0.8)
    shown = [after]
    if picture.wanted_db is not None:
        wanted = picture.wanted_db - picture.before_db
        axis.semilogx(CENTRES_HZ, wanted, color=_WANTED, linestyle="--", label=f"{picture.wanted} − before")
        shown.append(np.clip(wanted, -12, 12))
    axis.fill_between(CENTRES_HZ, 0, after, color=_AFTER, alpha=0.25, linewidth=0)
    axis.semilogx(CENTRES_HZ, after, color=_AFTER, label="after − before")
    most = max(3.0, 1.1 * float(np.nanmax(np.abs(shown)))) if np.isfinite(shown).any() else 3.0
    axis.set(title="What was changed", ylabel="dB", ylim=(-most, most))
    _frequencies(axis)


def _frequencies(axis: Any) -> None:
    axis.set(xlabel="frequency (Hz)", xlim=(CENTRES_HZ[0], CENTRES_HZ[-1]))
    axis.set_xticks(_TICKS_HZ, [f"{hz // 1000}k" if hz >= 1000 else str(hz) for hz in _TICKS_HZ])
    axis.minorticks_off()
    axis.grid(alpha=0.3)
    axis.legend(fontsize="small")


def _draw_loudness(axis: Any, picture: Picture) -> None:
    shown = []
    for series, lufs, colour, name in (
        (picture.before, picture.lufs[0], _BEFORE, "before"),
        (picture.after, picture.lufs[1], _AFTER, "after"),
    ):
        seconds, momentary = _thinned(series.momentary_s, series.momentary_lufs)
        axis.plot(seconds, momentary, color=colour, alpha=0.6, linewidth=0.7, label=f"{name}, momentary (0.4 s)")
        seconds, short_term = _thinned(series.short_term_s, series.short_term_lufs)
        label = f"{name}, short-term (3 s); integrated {lufs:.1f} LUFS"
        axis.plot(seconds, short_term, color=colour, linewidth=2, label=label)
        shown.append(momentary)
    if picture.target_lufs is not None:
        axis.axhline(picture.target_lufs, color=_WANTED, linestyle="--", label=f"target {picture.target_lufs:.1f} LUFS")
        shown.append(np.array([picture.target_lufs]))
    values = np.concatenate(shown)
    values = values[values > _SILENT_LUFS] if (values > _SILENT_LUFS).any() else np.array([_SILENT_LUFS])
    top = float(values.max())
    bottom = max(top - _MOST_LU, min(top - _LEAST_LU, float(np.percentile(values, 2)) - 6.0))
    end = max(float(series.momentary_s[-1]) if len(series.momentary_s) else 0.4 for series in (picture.before, picture.after))
    axis.set(title="Loudness over time", ylabel="LUFS", xlim=(0, end), ylim=(bottom, top + 2))
    axis.grid(alpha=0.3)
    axis.legend(loc="lower right", ncols=3, fontsize="small")


def _draw_reduction(axis: Any, picture: Picture) -> None:
    taken = picture.reduction.reduction_db
    axis.fill_between(picture.reduction.at_s, 0, -taken, color=_TAKEN, linewidth=0, step="mid")
    most = float(taken.max(initial=0.0))
    axis.set(
        title=f"Gain reduction of the limiter, at most {most:.1f} dB",
        xlabel="time (s)",
        ylabel="dB",
        ylim=(-max(3.0, 1.1 * most), 0),
    )
    axis.grid(alpha=0.3)


def _thinned(seconds: np.ndarray, lufs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """So many points as there are columns: of each stretch the loudest. Silence is a gap."""
    width = max(1, len(lufs) // COLUMNS)
    starts = np.arange(0, len(lufs), width)
    lufs = np.maximum.reduceat(lufs, starts) if len(lufs) else lufs
    return seconds[starts] if len(seconds) else seconds, np.where(np.isfinite(lufs), lufs, np.nan)


def _spectrum(levels_db: np.ndarray) -> np.ndarray:
    levels = levelled(levels_db)
    return np.where(levels_db > FLOOR_DB + 1, levels, np.nan)


def _series(path: Path, edit: Edit | None) -> Series:
    with Reader(path) as reader:
        info = reader.info
        meter = ProgrammeMeter(info.sample_rate_hz, info.channels, info.channel_map, true_peak=0)
        blocks = reader.blocks() if edit is None else edit.apply(reader.blocks(), info.frames, info.sample_rate_hz)
        for block in blocks:
            meter.add(block)
        return meter.series()
