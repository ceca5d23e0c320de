"""Sound devices: which there are, which one is meant, and what it can do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fxlab.audio import portaudio
from fxlab.audio.portaudio_c import FLOAT32, Parameters, library, native_available
from fxlab.errors import MissingError, UsageError

Kind = Literal["input", "output"]

RATES_HZ = (8000, 11025, 16000, 22050, 32000, 44100, 48000, 88200, 96000, 176400, 192000)


@dataclass(frozen=True)
class Device:
    """A device as PortAudio sees it.

    Args:
        index: Its number, until devices are scanned anew.
        name: As the system calls it.
        host_api: The system's interface it is reached through, "ALSA".
        inputs, outputs: Channels at most; 0 where it has none.
        default_rate_hz: The rate it prefers.
        low_latency_in_s, low_latency_out_s: The latency in seconds that PortAudio suggests for playing live.
        default_in, default_out: Whether it is what is used when nobody chooses.
    """

    index: int
    name: str
    host_api: str
    inputs: int
    outputs: int
    default_rate_hz: int
    low_latency_in_s: float
    low_latency_out_s: float
    default_in: bool
    default_out: bool

    def channels(self, kind: Kind) -> int:
        """How many channels it has in that direction."""
        return self.inputs if kind == "input" else self.outputs


def devices() -> list[Device]:
    """All devices, by number; the list is empty where there are none.

    Raises:
        MissingError: PyAudio or PortAudio isn't there, or the sound system doesn't answer.
    """
    manager = portaudio.manager()
    defaults = [_default(manager, kind) for kind in ("input", "output")]
    return [_device(manager, index, defaults) for index in range(manager.get_device_count())]


def choose(spec: str | None, kind: Kind, among: Sequence[Device] | None = None) -> Device:
    """The device that is meant.

    Args:
        spec: Its number, or a part of its name in any case (a whole name goes first); None for the default device.
        among: The devices there are, None for `devices()`.

    Raises:
        UsageError: No device, or more than one, is called that, or it has no channels in that direction.
        MissingError: There is no device at all in that direction; or as `devices`.
    """
    found = [device for device in (devices() if among is None else among) if device.channels(kind)]
    if not found:
        raise MissingError(f"There is no {kind} device.", f"Connect one, or start the sound server. {portaudio.WITHOUT}")
    if spec is None:
        return next((device for device in found if (device.default_in if kind == "input" else device.default_out)), found[0])
    wanted = spec.strip().lower()
    by_number = [device for device in found if wanted == str(device.index)]
    whole = [device for device in found if wanted == device.name.lower()]
    part = [device for device in found if wanted and wanted in device.name.lower()]
    matches = by_number or whole or part
    if len(matches) == 1:
        return matches[0]
    names = ", ".join(f"{device.index} ({device.name}, {device.host_api})" for device in (matches or found))
    what = f"More than one {kind} device is called '{spec}'" if matches else f"There is no {kind} device '{spec}'"
    raise UsageError(f"{what}.", f"Choose one of: {names}.")


def again(device: Device, kind: Kind) -> Device:
    """The same device after `portaudio.rescan`, which may have given it another number.

    Raises:
        MissingError: It isn't there (any more); or as `devices`.
    """
    same = [one for one in devices() if (one.name, one.host_api) == (device.name, device.host_api) and one.channels(kind)]
    if not same:
        raise MissingError(
            f"The {kind} device '{device.name}' is gone.", f"Connect it again, or choose another. {portaudio.WITHOUT}"
        )
    return next((one for one in same if one.index == device.index), same[0])


def supported_rates(device: Device, channels: int, kind: Kind) -> tuple[int, ...]:
    """Which of `RATES_HZ` the device takes with so many channels of 32-bit float samples.

    Raises:
        MissingError: As `devices`.
    """
    return tuple(rate for rate in RATES_HZ if _supported(device, channels, rate, kind) is None)


def check_format(device: Device, channels: int, sample_rate_hz: int, kind: Kind) -> None:
    """Makes sure that a device takes so many channels at a rate.

    Raises:
        UsageError: It can't do that; the message says what it can.
        MissingError: It is in use or gone; or as `devices`.
    """
    what = f"The {kind} device '{device.name}'"
    limit = device.channels(kind)
    if not 1 <= channels <= limit:
        raise UsageError(f"{what} has {limit} channels, not {channels}.", "Choose --channels accordingly, or another device.")
    error = _supported(device, channels, sample_rate_hz, kind)
    if error is None:
        return
    rates = supported_rates(device, channels, kind)
    if not rates:
        raise portaudio.failure(error, f"{what} can't be opened")
    able = f"With {channels} channels it can run at {', '.join(map(str, rates))} Hz"
    raise UsageError(f"{what} can't run at {sample_rate_hz} Hz.", f"{able}: choose --rate.")


def _supported(device: Device, channels: int, rate_hz: int, kind: Kind) -> OSError | int | None:
    """What PortAudio objects to, None for nothing."""
    manager = portaudio.manager()
    if not native_available():
        wanted = Parameters(device.index, channels, FLOAT32, 0.0, None)
        pair = (wanted, None) if kind == "input" else (None, wanted)
        return portaudio.patiently(lambda: library().Pa_IsFormatSupported(*pair, rate_hz)) or None
    named = {f"{kind}_device": device.index, f"{kind}_channels": channels, f"{kind}_format": FLOAT32}
    try:
        manager.is_format_supported(rate_hz, **named)
    except ValueError as error:  # of (text, code)
        return OSError(*reversed(error.args))
    return None


def _default(manager, kind: Kind) -> int | None:
    try:
        return getattr(manager, f"get_default_{kind}_device_info")()["index"]
    except OSError:
        return None


def _device(manager, index: int, defaults: Sequence[int | None]) -> Device:
    told = manager.get_device_info_by_index(index)
    name = told["name"]
    return Device(
        index,
        name if isinstance(name, str) else name.decode(errors="replace"),
        manager.get_host_api_info_by_index(told["hostApi"])["name"],
        told["maxInputChannels"],
        told["maxOutputChannels"],
        round(told["defaultSampleRate"]),
        told["defaultLowInputLatency"],
        told["defaultLowOutputLatency"],
        index == defaults[0],
        index == defaults[1],
    )
