"""What `fxlab live` is asked for, and what becomes of it: a rate, channels, a source, devices; all refused before any sound."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path

import numpy as np

from fxlab.audio.devices import Device, choose
from fxlab.audio.files import AudioInfo, probe
from fxlab.engines.loader import Opened, open_processor
from fxlab.errors import UsageError
from fxlab.services.live.feed import file_blocks
from fxlab.services.live.side import Format, Side
from fxlab.settings import EffectSettings, LiveSettings

CLIP = Path(str(files("fxlab") / "assets" / "clip.flac"))
_DEFAULT_HZ = 48_000


@dataclass
class Request:
    """What to play, and how.

    Args:
        effects: The chain.
        settings: Buffer, rate, channels, devices, callback, presets, MIDI.
        input: File that is heard in place of a device; with an output device it is played there, else nowhere.
        virtual: Play on no device: the input file, or a clip over and over.
        duration_s: When to end; None: at the end of the file, or never.
        output: File that records what is played.
        force: It may overwrite.
        presets: Chains to switch to, with their names.
        max_xruns: More gaps than these are an error; None for any number.
        notes: Filled with what the user should know before it begins.
    """

    effects: list[EffectSettings]
    settings: LiveSettings = field(default_factory=LiveSettings)
    input: Path | None = None
    virtual: bool = False
    duration_s: float | None = None
    output: Path | None = None
    force: bool = False
    presets: Sequence[tuple[str, list[EffectSettings]]] = ()
    max_xruns: int | None = None
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Setup:
    """A stream that can begin.

    Args:
        side: What is played first.
        format: Rate, channels, block, and whether everything must be compiled.
        source, sink: Devices; None where there is none.
        device_channels: Of both devices.
        blocks: Audio in place of the source's, None to hear the source.
        frames: Length of that audio, None if it has no end.
        source_name, sink_name: In words.
    """

    side: Side
    format: Format
    source: Device | None
    sink: Device | None
    device_channels: int
    blocks: Iterator[np.ndarray] | None
    frames: int | None
    source_name: str
    sink_name: str


def set_up(request: Request) -> Setup:
    """Opens everything but the stream; raises `UsageError`, `InputError` or `MissingError` for what can't be."""
    settings = request.settings
    path = request.input or (CLIP if request.virtual else None)
    info = probe(path) if path else None
    opened = [open_processor(stage.name, stage.set, stage.engine) for stage in request.effects]
    source, sink = _devices(request)
    rate_hz = _rate(opened, settings.sample_rate_hz, info if request.input else None, source or sink)
    channels = settings.channels or (info.channels if info else 1)
    format = Format(rate_hz, channels, settings.buffer, compiled=False)
    side = Side(request.effects, format, opened)
    format = replace(format, compiled=_native(settings.callback, side, source or sink))
    if info and info.sample_rate_hz != rate_hz:
        request.notes.append(f"{info.path.name} has {info.sample_rate_hz} Hz: it is resampled to the stream's {rate_hz} Hz.")
    return Setup(
        side=side,
        format=format,
        source=source,
        sink=sink,
        device_channels=_device_channels(channels, source, sink),
        blocks=_channels(file_blocks(path, rate_hz, again=request.input is None), channels) if path else None,
        frames=round(info.frames * rate_hz / info.sample_rate_hz) if info and request.input else None,
        source_name=(f"{path.name}" if request.input else f"{path.name}, over and over") if path else source.name,
        sink_name=sink.name if sink else "nowhere (virtual device)",
    )


def _devices(request: Request) -> tuple[Device | None, Device | None]:
    settings = request.settings
    if request.virtual and (settings.input_device or settings.output_device):
        raise UsageError("--virtual plays on no device.", "Leave it out, or the devices.")
    if request.input and settings.input_device:
        raise UsageError("There are two inputs, a file and a device.", "Leave out --input or --input-device.")
    if request.virtual or (request.input and not settings.output_device):
        return None, None
    sink = choose(settings.output_device or None, "output")
    return None if request.input else choose(settings.input_device or None, "input"), sink


def _rate(opened: Sequence[Opened], asked_hz: int, info: AudioInfo | None, device: Device | None) -> int:
    """The stream's rate: what is asked for, what the models run at, the file's, the device's own."""
    native = {one.processor.native_rate_hz for one in opened} - {None}
    if len(native) > 1:
        rates = " and ".join(f"{rate} Hz" for rate in sorted(native))
        raise UsageError(f"These models run at different rates, {rates}.", "Play them one at a time.")
    if asked_hz and native and asked_hz not in native:
        raise UsageError(f"The model runs at {min(native)} Hz, not at {asked_hz} Hz.", "Leave out --rate.")
    if asked_hz or native:
        return asked_hz or min(native)
    if info:
        return info.sample_rate_hz
    return device.default_rate_hz if device else _DEFAULT_HZ


def _native(wanted: str, side: Side, device: Device | None) -> bool:
    """Whether to play without the interpreter."""
    if wanted == "python":
        return False
    reason = _why_not(side, device)
    if reason and wanted == "compiled":
        raise UsageError(f"It can't play without the interpreter: {reason}.", "Leave out --callback compiled.")
    return not reason


def _why_not(side: Side, device: Device | None) -> str:
    """Why it can't play without the interpreter; empty if it can."""
    if sys.platform != "linux":
        return "that needs Linux"
    if not side.program.compiled:
        return f"{side.text} has no compiled form"
    if device is None:
        return ""
    from fxlab.audio.portaudio_c import native_available

    return native_available()


def _device_channels(channels: int, source: Device | None, sink: Device | None) -> int:
    """As many on both sides: those that are processed, but two where both have them, so that mono is heard on both ears."""
    most = min(device.channels(kind) for device, kind in ((source, "input"), (sink, "output")) if device) if sink else 0
    return max(channels, min(2, most)) if sink else 0


def _channels(blocks: Iterator[np.ndarray], channels: int) -> Iterator[np.ndarray]:
    """Blocks with other channels: further ones repeat those that are there, to one channel they are mixed."""
    for block in blocks:
        if channels == 1 and len(block) > 1:
            yield block.mean(axis=0, keepdims=True)
        else:
            yield np.ascontiguousarray(block[np.arange(channels) % len(block)])
