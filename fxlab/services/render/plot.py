"""The picture `fxlab render --plot` draws: dry, DSP and network laid over each other, and their difference; of ACE another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from fxlab.engines.loader import Opened
from fxlab.metrics.quality import esr, verdict
from fxlab.pages.curves import FLOOR_DB, LOWEST_HZ, spectrum
from fxlab.services.ace_plot import enhances, picture
from fxlab.services.drawing import COLUMNS, save, sheet
from fxlab.services.render.file import Settings, wet_of
from fxlab.services.render.picture import beginning, cut_note
from fxlab.services.twin import dsp_twin

_COLOURS = {"dry": "0.55", "dsp": "#0072b2", "network": "#e69f00", "difference": "#c1272d"}  # told apart by the colour-blind too
_WINDOW = 2048
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
    levels = []
    for kind, (label, audio) in curves.items():
        line = spectrum(label, audio, rate)
        style = (0, (4, 3)) if kind == "network" else "-"
        axis.semilogx(line.x, line.y, color=_COLOURS[kind], label=label, linestyle=style, linewidth=3 if kind == "dry" else 1.4)
        levels.append(line.y)
    axis.set(
        title="Spectra, in twelfths of octaves",
        xlabel="frequency (Hz)",
        ylabel="dB of full scale",
        xlim=(LOWEST_HZ, rate / 2),
        ylim=(FLOOR_DB, 0) if np.isnan(levels).all() else (np.nanmin(levels) - 5, None),
    )
    axis.grid(alpha=0.3, which="both")
    axis.legend(loc="lower left", fontsize="small")


def _draw_spectrogram(axis: Any, label: str, audio: np.ndarray, rate: int) -> Any:
    picture = _db(np.array(list(_magnitudes(audio)))).T
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


def _magnitudes(audio: np.ndarray) -> Iterator[np.ndarray]:
    """Hann-windowed magnitude spectra, a sine of amplitude 1 reads 1; about as many as columns of the picture, evenly spread."""
    padded = np.pad(audio, (0, max(0, _WINDOW - len(audio))))
    shape = np.hanning(_WINDOW)
    hop = max(_WINDOW // 4, (len(padded) - _WINDOW) // (COLUMNS // 3))
    for start in range(0, len(padded) - _WINDOW + 1, hop):
        yield np.abs(np.fft.rfft(padded[start : start + _WINDOW] * shape)) * 2 / shape.sum()


def _db(magnitude: np.ndarray) -> np.ndarray:
    return 20 * np.log10(np.maximum(magnitude, 1e-9))


def _rms(audio: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(audio, dtype=np.float64))))
