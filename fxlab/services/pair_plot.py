"""The picture of a recorded pair: both recordings on one time, the device's response, the two clocks, the noise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from fxlab.audio.alignment import Alignment
from fxlab.audio.atomic import replacing
from fxlab.services.drawing import as_written
from fxlab.services.pair_report import PairReport

_DRY, _WET, _NOISE, _BAD, _CLIPPED = "0.6", "#0072b2", "#c1272d", "#c1272d", "#e69f00"  # told apart by the colour-blind too
_COLUMNS = 1500
_BEFORE, _AFTER = 24, 96  # samples of the response that are shown


def draw(path: Path, dry: np.ndarray, wet: np.ndarray, found: Alignment, figures: PairReport) -> None:
    """Draws a pair.

    Args:
        path: The picture.
        dry: The dry recording, (frames,).
        wet: The wet one, aligned, (frames,).
        found: How they belong together.
        figures: The same in figures.

    Raises:
        OutputError: The picture can't be written.
    """
    # The object interface, not pyplot: no global state and no window system.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 12), layout="constrained")
    FigureCanvasAgg(figure)
    kept = "polarity kept" if found.polarity > 0 else "polarity inverted"
    figure.suptitle(
        f"{figures.wet} against {figures.dry}: delay {figures.delay_samples:.2f} samples ({figures.delay_ms:.3f} ms), "
        f"drift {figures.drift_ppm:+.2f} ppm, {kept}"
    )
    axes = figure.subplot_mosaic([["wave", "wave"], ["response", "delay"], ["spectra", "share"]], height_ratios=[3, 4, 4])
    _draw_waves(axes["wave"], dry, wet, found)
    _draw_response(axes["response"], found)
    _draw_delay(axes["delay"], found, len(dry))
    _draw_spectra(axes["spectra"], found)
    _draw_share(axes["share"], found)
    with replacing(path) as temporary:
        as_written(figure).savefig(temporary, format="png", dpi=100)


def _draw_waves(axis: Any, dry: np.ndarray, wet: np.ndarray, found: Alignment) -> None:
    rate = found.rate
    for audio, colour, label in ((wet, _WET, "wet, aligned"), (dry, _DRY, "dry")):
        starts = np.arange(0, len(audio), max(1, len(audio) // _COLUMNS))
        peak = max(float(np.abs(audio).max()), 1e-9)
        low, high = np.minimum.reduceat(audio, starts) / peak, np.maximum.reduceat(audio, starts) / peak
        axis.fill_between(
            starts / rate, low, high, color=colour, label=f"{label}, peak {20 * np.log10(peak):.1f} dB", linewidth=0
        )
    edges = [0, *(edge for stretch in found.stretches for edge in stretch), len(dry)]
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        if last > first:
            axis.axvspan(first / rate, last / rate, color="black", alpha=0.15, linewidth=0, label=_once(axis, "left out"))
    for first, last in (*found.dead, *found.repeated):
        axis.axvspan(first / rate, last / rate, ymin=0.9, color=_BAD, linewidth=2, label=_once(axis, "dropout"))
    clipped = np.array([first for first, _ in found.clipping.runs], float) * rate / (found.header_rate * found.ratio)
    if len(clipped):
        places = (clipped - found.clock.offsets[0]) / rate
        marks = np.unique(np.round(places * _COLUMNS * rate / len(dry))) * len(dry) / (_COLUMNS * rate)
        kind = "clipped" if found.clipping.at_full_scale else "flat top"
        axis.plot(marks, np.full(len(marks), -1.04), "|", color=_CLIPPED, markersize=9, label=kind)
    for place, by in found.jumps:
        axis.axvline(place / rate, color=_BAD, linestyle="--", linewidth=1.2, label=f"delay jumps by {by:.0f} samples")
    axis.set(
        title="Both recordings on the dry one's time, each to its own scale",
        xlabel="time (s)",
        xlim=(0, len(dry) / rate),
        ylim=(-1.12, 1.12),
    )
    axis.legend(loc="upper right", ncols=6, fontsize="small")


def _once(axis: Any, label: str) -> str:
    """A label for the first of many alike."""
    return f"_{label}" if label in axis.get_legend_handles_labels()[1] else label


def _draw_response(axis: Any, found: Alignment) -> None:
    impulse, pulse = (curve / max(float(np.abs(curve).max()), 1e-12) for curve in found.response.impulse())
    middle = len(impulse) // 2
    shown = impulse[middle - _BEFORE : middle + _AFTER + 1]
    immediate = found.polarity * pulse[middle - _BEFORE - found.guard : middle + _AFTER + 1 - found.guard]
    places = np.arange(-_BEFORE, _AFTER + 1)
    axis.axvspan(-_BEFORE, 0, color="black", alpha=0.08, linewidth=0, label="before the dry sample")
    axis.plot(places, immediate, color=_DRY, linewidth=1.2, label="an immediate answer in the same frequencies")
    axis.plot(places, shown, color=_WET, marker=".", markersize=4, linewidth=1.2, label="response dry to wet")
    axis.axvline(0, color="black", linewidth=1, label="dry sample")
    axis.axvline(
        found.guard,
        color=_CLIPPED,
        linestyle="--",
        linewidth=1.5,
        label=f"onset, left {found.guard} sample{'s' * (found.guard > 1)} late",
    )
    axis.set(title="The device's answer after alignment", xlabel="samples", ylabel="amplitude", xlim=(-_BEFORE, _AFTER))
    axis.grid(alpha=0.3)
    axis.legend(fontsize="small", loc="lower right" if found.polarity < 0 else "upper right")


def _draw_delay(axis: Any, found: Alignment, frames: int) -> None:
    clock, rate = found.clock, found.rate
    times, lags, residuals = clock.points.T
    drift = 1e-6 * found.drift_ppm
    fit = lags - residuals
    base = found.delay - (fit[0] - drift * times[0])
    axis.plot(times / rate, lags + base, ".", color=_WET, markersize=5, label="windows of 0.7 s")
    lines = []
    for number, (offset, (first, last)) in enumerate(zip(clock.offsets, clock.bounds, strict=True)):
        ends = np.array((first, last))
        lines.append(found.delay + offset - clock.offsets[0] + drift * ends)
        name = f"{found.drift_ppm:+.2f} ppm" if number == 0 else None
        axis.plot(ends / rate, lines[-1], color=_CLIPPED, linewidth=2, label=name)
    room = max(0.5, 4 * float(np.median(np.abs(residuals))))
    low, high = float(np.min(lines)) - room, float(np.max(lines)) + room
    hidden = int(np.sum((lags + base < low) | (lags + base > high)))
    title = "Delay over time" + (f" ({hidden} of {len(times)} windows lie outside)" if hidden else "")
    axis.set(title=title, xlabel="time (s)", ylabel="samples", xlim=(0, frames / rate), ylim=(low, high))
    axis.ticklabel_format(useOffset=False)
    axis.grid(alpha=0.3)
    axis.legend(fontsize="small")


def _draw_spectra(axis: Any, found: Alignment) -> None:
    name = (
        "noise while the dry recording is silent" if found.noise.source == "silence" else "what nothing explains: noise, at most"
    )
    wet, rest = _in_bands(found.predictable.wet, found.rate), _in_bands(found.noise.power, found.rate)
    top = float(wet[1].max())
    axis.semilogx(*wet, color=_WET, label="wet")
    axis.semilogx(*rest, color=_NOISE, label=name)
    axis.set(
        title="Spectra", xlabel="frequency (Hz)", ylabel="dB (relative)", xlim=(20, found.rate / 2), ylim=(top - 110, top + 6)
    )
    axis.grid(alpha=0.3, which="both")
    axis.legend(fontsize="small")


def _draw_share(axis: Any, found: Alignment) -> None:
    wet, rest = (_banded(power, found.rate) for power in (found.predictable.wet, found.predictable.rest))
    bent = 100 * (1 - np.clip(rest[1] / np.maximum(wet[1], 1e-30), 0, 1))
    linear = _banded(found.response.coherence, found.rate)
    axis.semilogx(wet[0], bent, color=_WET, label="by a bent device too")
    axis.semilogx(linear[0], 100 * linear[1], color=_DRY, label="by a linear device")
    axis.set(
        title="How much of the wet sound the dry one explains",
        xlabel="frequency (Hz)",
        ylabel="%",
        xlim=(20, found.rate / 2),
        ylim=(0, 103),
    )
    axis.grid(alpha=0.3, which="both")
    axis.legend(fontsize="small")


def _in_bands(power: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
    centres, mean = _banded(power, rate)
    return centres, 10 * np.log10(np.maximum(mean, 1e-20))


def _banded(values: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Centres of 160 logarithmic bands and the mean in each; empty ones are left out."""
    edges = np.geomspace(20, rate / 2, 161)
    bands = np.digitize(np.linspace(0, rate / 2, len(values)), edges)
    counts = np.bincount(bands, minlength=162)[1:161]
    sums = np.bincount(bands, values, minlength=162)[1:161]
    return np.sqrt(edges[:-1] * edges[1:])[counts > 0], sums[counts > 0] / counts[counts > 0]
