"""How `fxlab live --list-devices` looks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from fxlab.console import output
from fxlab.console.live.cells import milliseconds, one_line
from fxlab.console.tables import table


class Device(Protocol):
    """What is shown of a device; rates in Hz, latencies in seconds, `measured_s` None where no round trip was measured."""

    index: int
    name: str
    host_api: str
    inputs: int
    outputs: int
    default_rate_hz: float
    low_latency_in_s: float
    low_latency_out_s: float
    default_in: bool
    default_out: bool
    rates: tuple[int, ...]
    measured_s: float | None


_FIELDS = tuple(Device.__annotations__)


def to_json(devices: Sequence[Device], midi: Sequence[str] = ()) -> dict[str, Any]:
    """All devices and the names of MIDI inputs as plain values."""
    return {"devices": [{name: getattr(device, name) for name in _FIELDS} for device in devices], "midi": list(midi)}


def show(devices: Sequence[Device], midi: Sequence[str] = ()) -> None:
    """A row for each device, what the marks mean, and the MIDI inputs."""
    out = output.out()
    measured = any(device.measured_s is not None for device in devices)
    columns = ("device", "host API", "no.", "in", "out", "rates (kHz)", "latency in / out (ms)")
    columns += ("round trip (ms)",) if measured else ()
    rows = [
        (
            one_line(device.name),
            one_line(device.host_api),
            device.index,
            _channels(device.inputs, device.default_in),
            _channels(device.outputs, device.default_out),
            _rates(device),
            f"{_latency(device.inputs, device.low_latency_in_s)} / {_latency(device.outputs, device.low_latency_out_s)}",
            *([None if device.measured_s is None else milliseconds(device.measured_s)] if measured else []),
        )
        for device in devices
    ]
    numbers = [name for name in columns if name not in ("device", "host API", "rates (kHz)")]
    out.print(table("", columns, rows, numbers))
    if any(device.default_in or device.default_out for device in devices):
        out.print("* is used where none is chosen; [default rate]. Choose by number or part of the name.", markup=False)
    for number, name in enumerate(midi):
        out.print(f"MIDI input {number}: {one_line(name)}", markup=False)


def _channels(count: int, default: bool) -> str:
    return f"{'*' if default else ''}{count}" if count else "–"


def _rates(device: Device) -> str:
    """All rates, the default one in brackets."""
    default = round(device.default_rate_hz)
    rates = sorted({*device.rates, default} - {0})
    return " ".join(f"[{rate / 1000:g}]" if rate == default else f"{rate / 1000:g}" for rate in rates) or "–"


def _latency(channels: int, seconds: float) -> str:
    return milliseconds(seconds) if channels else "–"
