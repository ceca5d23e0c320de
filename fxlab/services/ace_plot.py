"""The picture of contrast enhancement: what the ear hears before and after, what it was amplified by, and what stands out."""

from __future__ import annotations

from typing import Any

import numpy as np

from fxlab.audio.erb import erb_rate
from fxlab.engines.loader import Opened
from fxlab.metrics.contrast import RANGE_DB, STEP_S, Contrast, band_powers, contrast_of, levels_db
from fxlab.services.drawing import COLUMNS, sheet

_BEFORE, _AFTER = "0.45", "#0072b2"
_TICKS_HZ = (100, 200, 500, 1000, 2000, 5000, 10_000, 20_000)
_GAIN_STEP_DB, _LEAST_GAIN_DB, _MOST_GAIN_DB = 5.0, 10.0, 40.0


def enhances(one: Opened) -> bool:
    """Whether a stage is ACE, or an ACE that was trained to no DSP."""
    if one.card is None:
        return one.name == "ace"
    return one.card["model"]["type"] == "ace" and not one.copied


def picture(title: str, dry: np.ndarray, wet: np.ndarray, rate_hz: int) -> Any:
    """A matplotlib figure.

    Args:
        title: What was done to what; the overall figures are added.
        dry, wet: Audio before and after, (frames,) with at least one frame, aligned.
        rate_hz: Sample rate.
    """
    (centres_hz, before), (_, after) = band_powers(dry, rate_hz), band_powers(wet, rate_hz)
    was, has = contrast_of(centres_hz, before), contrast_of(centres_hz, after)
    figure = sheet(f"{title}\n{_summary(was, has, before.sum(dtype=np.float64), after.sum(dtype=np.float64))}")
    rows = [[name, name] for name in ("before", "after", "gain")]
    axes = figure.subplot_mosaic([*rows, ["spectral", "temporal"]], height_ratios=[3, 3, 3, 3.5])
    loudest = float(max(before.max(), after.max()))
    columns = [levels_db(_columns(powers), loudest) for powers in (before, after)]
    span = (0.0, len(before) * STEP_S, *(float(edge) for edge in erb_rate(centres_hz[[0, -1]])))
    top = 10 * np.log10(max(loudest, 1e-20))
    for name, levels in zip(("before", "after"), columns, strict=True):
        image = _draw_image(axes[name], levels, span, cmap="magma", vmin=top - RANGE_DB, vmax=top)
        axes[name].set(title=f"Level in the ear's bands {name}")
        axes[name].tick_params(labelbottom=False)
    figure.colorbar(image, ax=[axes["before"], axes["after"]], label="dB of a full-scale sine", pad=0.01, aspect=40)
    _draw_gain(figure, axes["gain"], columns, span)
    for name in ("spectral", "temporal"):
        _draw_contrast(axes[name], name, was, has)
    axes["spectral"].set(title="Spectral contrast: above the bands within 3 ERB", ylabel="dB")
    axes["temporal"].set(title="Temporal contrast: above the band's own mean level", ylabel="dB")
    return figure


def _summary(was: Contrast, has: Contrast, before: float, after: float) -> str:
    """The overall figures in one line."""
    parts = [
        f"spectral contrast {was.spectral:.1f} → {has.spectral:.1f} dB",
        f"temporal contrast {was.temporal:.1f} → {has.temporal:.1f} dB",
    ]
    if before > 0 and after > 0:
        parts.append(f"level {10 * np.log10(after / before):+.1f} dB".replace("-", "−"))
    return ", ".join(parts)


def _columns(powers: np.ndarray) -> np.ndarray:
    """Powers (steps, bands) in at most `COLUMNS` steps, the mean of those that are shown as one."""
    width = -(-len(powers) // COLUMNS)
    starts = np.arange(0, len(powers), width)
    counts = np.diff(np.append(starts, len(powers)))
    return np.add.reduceat(powers, starts, axis=0) / counts[:, None]


def _draw_image(axis: Any, values: np.ndarray, span: tuple[float, float, float, float], **colours: Any) -> Any:
    image = axis.imshow(values.T, origin="lower", aspect="auto", extent=span, interpolation="nearest", **colours)
    axis.set(ylabel="frequency (Hz)")
    _ticks(axis.yaxis, span[2:])
    return image


def _draw_gain(figure: Any, axis: Any, columns: list[np.ndarray], span: tuple[float, float, float, float]) -> None:
    """After minus before, without colour where neither is heard."""
    before, after = columns
    heard = np.maximum(before, after) > min(before.min(), after.min())
    gain = np.where(heard, after - before, np.nan)
    largest = float(np.percentile(np.abs(gain[heard]), 98)) if heard.any() else 0.0
    limit = min(max(_LEAST_GAIN_DB, _GAIN_STEP_DB * np.ceil(largest / _GAIN_STEP_DB)), _MOST_GAIN_DB)
    axis.set_facecolor("0.85")
    image = _draw_image(axis, gain, span, cmap="RdBu_r", vmin=-limit, vmax=limit)
    axis.set(title="Gain: after − before", xlabel="time (s)")
    figure.colorbar(image, ax=axis, label="dB", pad=0.01, aspect=20)


def _draw_contrast(axis: Any, name: str, was: Contrast, has: Contrast) -> None:
    places = erb_rate(was.centres_hz)
    for label, found, colour in (("before", was, _BEFORE), ("after", has, _AFTER)):
        overall = getattr(found, name)
        axis.plot(places, getattr(found, f"{name}_db"), color=colour, label=f"{label}: {overall:.1f} dB", linewidth=1.8)
    _ticks(axis.xaxis, (places[0], places[-1]))
    axis.axhline(0, color="0.3", linewidth=0.8)
    axis.set(xlabel="frequency (Hz)", xlim=(places[0], places[-1]))
    axis.grid(alpha=0.3)
    axis.legend(fontsize="small")


def _ticks(axis: Any, ends: tuple[float, float]) -> None:
    shown = [freq_hz for freq_hz in _TICKS_HZ if ends[0] <= erb_rate(freq_hz) <= ends[1]]
    axis.set_ticks(erb_rate(np.array(shown)), [f"{freq_hz // 1000}k" if freq_hz >= 1000 else str(freq_hz) for freq_hz in shown])
