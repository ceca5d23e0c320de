"""`fxlab live --list-devices`: what there is to play on, what it can do, and what was measured with it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from fxlab.audio.devices import Device, devices, supported_rates
from fxlab.audio.portaudio import WITHOUT
from fxlab.errors import FxlabError, MissingError
from fxlab.services.live.midi import ports
from fxlab.services.live.remembered import remembered, round_trip_s

_CHANNELS = 2


@dataclass(frozen=True)
class ListedDevice(Device):
    """A device with more about it.

    Args:
        rates: It can run at, in Hz; empty where it can't be opened now.
        measured_s: The latest round trip measured with it, in seconds; None if there is none.
    """

    rates: tuple[int, ...] = ()
    measured_s: float | None = None


@dataclass(frozen=True)
class Listing:
    """All devices, and the names of all MIDI inputs."""

    devices: list[ListedDevice]
    midi: list[str]


def listing() -> Listing:
    """Looks at everything there is; raises `MissingError` as `fxlab.audio.devices.devices`, and where there is no device."""
    rows = remembered()
    found = [
        ListedDevice(**dataclasses.asdict(device), rates=_rates(device), measured_s=round_trip_s(rows, device.name))
        for device in devices()
    ]
    if not found:
        raise MissingError("There is no sound device.", f"Connect one, or start the sound server. {WITHOUT}")
    try:
        midi = ports()
    except FxlabError:
        midi = []  # who has no MIDI needs no word about it
    return Listing(found, midi)


def _rates(device: Device) -> tuple[int, ...]:
    """The rates of the direction that it has; of playing where it has both."""
    kind = "output" if device.outputs else "input"
    try:
        return supported_rates(device, min(_CHANNELS, device.channels(kind)), kind)
    except FxlabError:
        return ()
