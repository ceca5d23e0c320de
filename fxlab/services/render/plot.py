"""The picture `fxlab render --plot` draws: dry, DSP and network laid over each other, and their difference; of ACE another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from fxlab.engines.loader import Opened
from fxlab.metrics.quality import esr, verdict
from fxlab.services.ace_plot import enhances, picture
from fxlab.services.drawing import COLUMNS, save, sheet
from fxlab.services.render.file import Settings, wet_of
from fxlab.services.render.picture import beginning, cut_note
from fxlab.services.twin import dsp_twin

_COLOURS = {"dry": "0.55", "dsp": "#0072b2", "network": "#e69f00", "difference": "#c1272d"}  # told apart by the colour-blind too
_WINDOW, _LONG_WINDOW = 2048, 8192
_ZOOM_S = 0.02
_FLOOR_DB = -120.0


def draw(path: Path, source: Path, wet: np.ndarray, settings: Settings, opened: Sequence[Opened]) -> None:
    """Draws the first channel of a rendering against its dry file, and against the DSP that its networks stand for.

    Where the chain enhances contrast, it is drawn how much (`fxlab.services.ace_plot`).

    Args:
        path: The picture; its suffix decides the format.
        source: The dry file.
        wet: First channel of the rendering, (frames,).
        settings: How it was rendered.
        opened: The chain.

    Raises:
        InputError: The dry file can't be read any more.
        OutputError: The picture can't be written.
    """
    dry, rate, channels = beginning(source, len(wet))
    channel = ", first channel" if channels > 1 else ""
    name = " + ".join(one.name for one in opened)
    if any(enhances(one) for one in opened):
        return save(picture(f"{name} on {source.name}{channel}{cut_note(len(wet), rate)}", dry, wet, rate), path)
    curves = {"dry": ("dry", dry)}
    twin = dsp_twin(settings.effects)
    if twin is None:
        curves["dsp"] = (name, wet)
        title = f"{name} on {source.name}{channel}"
        difference = wet - dry
        against = "wet − dry"
    else:
        target = _rendered(dry, replace(settings, effects=twin), rate)
        error = esr(target, wet)
        dsp_name = " + ".join(stage.name for stage in twin)
        curves["dsp"] = (f"{dsp_name} (DSP)", target)
        curves["network"] = (f"{name} (network)", wet)
        title = f"{name} against {dsp_name} on {source.name}{channel}: ESR {100 * error:.3g} %, {verdict(error)}"
        difference = wet - target
        against = "network − DSP"
    curves["difference"] = (against, difference)
    save(_figure(title + cut_note(len(wet), rate), curves, rate), path)


def _rendered(dry: np.ndarray, settings: Settings, rate: int) -> np.ndarray:
    process, _ = wet_of(settings, rate, 1)
    pieces = (dry[None, start : start + settings.block] for start in range(0, len(dry), settings.block))
    return np.concatenate(list(process(pieces)), axis=1)[0]


def _figure(title: str, curves: dict[str, tuple[str, np.ndarray]], rate: int) -> Any:
    figure = sheet(title)
    panels = [[f"spectrogram {kind}"] * (12 // len(curves)) for kind in curves]
    axes = figure.subplot_mosaic(
        [["wave"] * 12, ["difference"] * 12, ["zoom"] * 6 + ["spectrum"] * 6, sum(panels, [])], height_ratios=[3, 2, 4, 4]
    )
    _draw_waves(axes["wave"], axes["difference"], curves, rate)
    _draw_zoom(axes["zoom"], curves, rate)
    _draw_spectra(axes["spectrum"], curves, rate)
    shown = [_draw_spectrogram(axes[f"spectrogram {kind}"], *curves[kind], rate) for kind in curves]
    for kind in list(curves)[1:]:
        axes[f"spectrogram {kind}"].set_yticklabels([])
    axes["spectrogram dry"].set_ylabel("frequency (kHz)")
    figure.colorbar(shown[0], ax=axes[f"spectrogram {list(curves)[-1]}"], label="dB of full scale", pad=0.02)
    return figure


def _draw_waves(axis: Any, below: Any, curves: dict[str, tuple[str, np.ndarray]], rate: int) -> None:
    for kind in sorted((kind for kind in curves if kind != "difference"), key=lambda kind: -_rms(curves[kind][1])):
        label, audio = curves[kind]
        _draw_envelope(axis, audio, rate, label, _COLOURS[kind], outline=kind == "network")
    label, audio = curves["difference"]
    _draw_envelope(below, audio, rate, label, _COLOURS["difference"])
    axis.set(title="Waveforms", ylabel="amplitude")
    below.set(title=f"Difference ({label}), own scale", xlabel="time (s)", ylabel="amplitude")
    for one in (axis, below):
        one.set_xlim(0, len(audio) / rate)
        one.grid(alpha=0.3)
    axis.legend(loc="upper right", ncols=3)


def _draw_envelope(axis: Any, audio: np.ndarray, rate: int, label: str, colour: str, outline: bool = False) -> None:
    """Smallest and largest sample of each column; two samples a column or fewer are drawn as they are."""
    width = max(1, len(audio) // COLUMNS)
    if width <= 2:
        axis.plot(np.arange(len(audio)) / rate, audio, color=colour, label=label, linewidth=0.8)
        return
    starts = np.arange(0, len(audio), width)
    low, high = np.minimum.reduceat(audio, starts), np.maximum.reduceat(audio, starts)
    if outline:
        axis.plot(starts / rate, high, color=colour, label=label, linewidth=0.8)
        axis.plot(starts / rate, low, color=colour, linewidth=0.8)
    else:
        axis.fill_between(starts / rate, low, high, color=colour, label=label, alpha=0.8, linewidth=0)


def _draw_zoom(axis: Any, curves: dict[str, tuple[str, np.ndarray]], rate: int) -> None:
    audio = next(curves[kind][1] for kind in ("network", "dsp") if kind in curves)
    length = min(len(audio), round(_ZOOM_S * rate))
    start = min(max(0, int(np.argmax(np.abs(audio))) - length // 2), len(audio) - length)
    times = 1000 * np.arange(length) / rate
    for kind, (label, audio) in curves.items():
        dashed = (0, (4, 3)) if kind == "network" else "-"
        width = 3 if kind == "dry" else 1.4
        axis.plot(times, audio[start : start + length], color=_COLOURS[kind], label=label, linestyle=dashed, linewidth=width)
    axis.set(
        title=f"{1000 * length / rate:.0f} ms around the peak, from {start / rate:.2f} s", xlabel="time (ms)", ylabel="amplitude"
    )
    axis.grid(alpha=0.3)
    axis.legend(fontsize="small")


def _draw_spectra(axis: Any, curves: dict[str, tuple[str, np.ndarray]], rate: int) -> None:
    edges = np.geomspace(20, rate / 2, 301)
    lowest = 0.0
    for kind, (label, audio) in curves.items():
        power = np.mean([frame**2 for frame in _magnitudes(audio, _LONG_WINDOW, 400)], axis=0)
        frequencies = np.fft.rfftfreq(_LONG_WINDOW, 1 / rate)
        bands = np.digitize(frequencies, edges)
        counts = np.bincount(bands, minlength=302)[1:301]
        sums = np.bincount(bands, power, minlength=302)[1:301]
        filled = counts > 0
        level = _db(np.sqrt(sums[filled] / counts[filled]))
        lowest = min(lowest, float(level.min()))
        centres = np.sqrt(edges[:-1] * edges[1:])[filled]
        style = (0, (4, 3)) if kind == "network" else "-"
        axis.semilogx(centres, level, color=_COLOURS[kind], label=label, linestyle=style, linewidth=3 if kind == "dry" else 1.4)
    axis.set(
        title="Mean spectra",
        xlabel="frequency (Hz)",
        ylabel="dB of full scale",
        xlim=(20, rate / 2),
        ylim=(max(-160.0, lowest - 5), max(-150.0, axis.get_ylim()[1])),
    )
    axis.grid(alpha=0.3, which="both")
    axis.legend(loc="lower left", fontsize="small")


def _draw_spectrogram(axis: Any, label: str, audio: np.ndarray, rate: int) -> Any:
    picture = _db(np.array(list(_magnitudes(audio, _WINDOW, COLUMNS // 3)))).T
    axis.set(title=label, xlabel="time (s)")
    return axis.imshow(
        picture,
        origin="lower",
        aspect="auto",
        extent=(0, len(audio) / rate, 0, rate / 2000),
        vmin=_FLOOR_DB,
        vmax=0,
        cmap="magma",
    )


def _magnitudes(audio: np.ndarray, window: int, most: int) -> Iterator[np.ndarray]:
    """Hann-windowed magnitude spectra, a sine of amplitude 1 reads 1; at most about `most` of them, evenly spread."""
    padded = np.pad(audio, (0, max(0, window - len(audio))))
    shape = np.hanning(window)
    hop = max(window // 4, (len(padded) - window) // most)
    for start in range(0, len(padded) - window + 1, hop):
        yield np.abs(np.fft.rfft(padded[start : start + window] * shape)) * 2 / shape.sum()


def _db(magnitude: np.ndarray) -> np.ndarray:
    return 20 * np.log10(np.maximum(magnitude, 1e-9))


def _rms(audio: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(audio, dtype=np.float64))))
