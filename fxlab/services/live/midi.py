"""MIDI controllers for `fxlab live`: control changes move parameters, program changes switch profiles, a pedal bypasses.

`mido` opens the ports and is optional. Its thread calls what is handed in here, so that must be quick.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from fxlab import getting
from fxlab.audio.chatter import quiet_stderr
from fxlab.errors import MissingError, UsageError, nearest

BYPASS = "bypass"
"""What a controller may be mapped to besides parameters."""

SUSTAIN = 64
HIGHEST_CONTROLLER = 119
"""Control changes above are messages to a whole channel (all notes off, ...)."""

_PRESSED = 64
_PAIRED = 32  # a controller below this may send its finer part, seven bits more, on the one so much higher
_NEVER = "No MIDI controller moves anything without it; all else of `fxlab live` works."


def parse_map(text: str, known: Collection[str] = ()) -> dict[int, str]:
    """What moves what, from "74=cutoff_hz, 71=drive_db".

    Args:
        text: Pairs of controller number and parameter (as `--set` takes it) or "bypass", with commas between.
        known: The parameters that there are; none checks no names.

    Raises:
        UsageError: It can't be read so, a controller is named twice, or there is no such parameter.
    """
    mapping: dict[int, str] = {}
    for pair in filter(None, map(str.strip, text.split(","))):
        number, _, name = (part.strip() for part in pair.partition("="))
        if not (number.isascii() and number.isdigit() and len(number) < 9 and int(number) <= HIGHEST_CONTROLLER and name):
            raise UsageError(
                f"'{pair}' maps no MIDI controller.", f"Write it like 74=cutoff_hz; controllers are 0 .. {HIGHEST_CONTROLLER}."
            )
        if int(number) in mapping:
            raise UsageError(f"MIDI controller {int(number)} is mapped twice.", "Each one can move one parameter.")
        if known and name not in (*known, BYPASS):
            raise UsageError(f"MIDI controller {int(number)} can't move '{name}'.", nearest(name, [*known, BYPASS]))
        mapping[int(number)] = name
    if not mapping:
        raise UsageError("No MIDI controller is mapped.", "Write it like 74=cutoff_hz.")
    return mapping


def ports() -> list[str]:
    """Names of the MIDI inputs; raises `MissingError` without `mido` or where the system has no MIDI."""
    try:
        with quiet_stderr():
            return _names()
    except ImportError:
        raise _not_installed() from None
    except OSError as error:
        raise MissingError(f"There is no MIDI on this system: {error}", _NEVER) from None


class Midi:
    """Listens to a port until it is closed, in a `with` or by `close`. A port that disappears is opened again when it is back.

    Args:
        port: Number in `ports()`, from 0, or part of a name.
        mapping: Controller to parameter or "bypass", as `parse_map` reads it. Controller 64 (sustain pedal) bypasses where it
            isn't mapped. Of a mapped controller 0..31 the finer part (14 bits), which some send on the one 32 higher, counts too.
        on_parameter: Is told a parameter and its share of the range, 0..1.
        on_profile: Is told the number of a program change, from 0.
        on_bypass: Is called when the pedal or button goes down.
        on_message: Is told what happened to the port, for the user.

    Raises:
        UsageError: No port or several are meant.
        MissingError: `mido` isn't installed, there is no MIDI or no port, or it can't be opened.
    """

    def __init__(
        self,
        port: int | str,
        mapping: Mapping[int, str],
        on_parameter: Callable[[str, float], None],
        on_profile: Callable[[int], None] = lambda program: None,
        on_bypass: Callable[[], None] = lambda: None,
        on_message: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._mapping = {SUSTAIN: BYPASS, **mapping}
        self._on_parameter, self._on_profile, self._on_bypass, self._on_message = on_parameter, on_profile, on_bypass, on_message
        self._coarse: dict[tuple[int, int], int] = {}
        self._fine: set[tuple[int, int]] = set()
        self._down: set[tuple[int, int]] = set()
        self.name = _meant(port, ports())
        self._port: Any = None
        try:
            self._open(self.name)
        except OSError as error:
            raise MissingError(f"The MIDI port '{self.name}' can't be opened: {error}", "Another program may hold it.") from None

    @property
    def connected(self) -> bool:
        """Whether the port was there when it was last looked for."""
        return self._port is not None

    def check(self) -> None:
        """Looks whether the port is still there, or there again; to be called about once a second, not by the audio thread."""
        try:
            # Not `ports`: what it keeps from stderr might be a picture of the panel.
            found = [name for name in _names() if _plain(name) == _plain(self.name)]
        except OSError:
            found = []
        if self.connected and not found:
            self.close()
            self._on_message(f"MIDI: {_plain(self.name)} is gone; waiting for it")
        elif found and not self.connected:
            try:
                self._open(found[0])
            except OSError:
                return  # it is there before it can be opened: the next look will do
            self._on_message(f"MIDI: {_plain(self.name)} is back")

    def close(self) -> None:
        """Stops listening; nothing happens if it has."""
        port, self._port = self._port, None
        if port is not None:
            try:
                port.close()
            except OSError:
                return  # pulled out: nothing is left to close

    def __enter__(self) -> Midi:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _open(self, name: str) -> None:
        self._coarse.clear()
        self._fine.clear()
        self._down.clear()
        self._port = _mido().open_input(name, callback=self._heard)
        self.name = name

    def _heard(self, message: Any) -> None:
        if message.type == "program_change":
            self._on_profile(message.program)
        elif message.type == "control_change":
            self._moved(message.channel, message.control, message.value)

    def _moved(self, channel: int, control: int, value: int) -> None:
        name = self._mapping.get(control)
        if name is None:
            coarse = control - _PAIRED
            if 0 <= coarse < _PAIRED and self._mapping.get(coarse, BYPASS) != BYPASS and (channel, coarse) in self._coarse:
                self._fine.add((channel, coarse))
                self._on_parameter(self._mapping[coarse], (self._coarse[channel, coarse] * 128 + value) / 16_383)
            return
        place = channel, control
        if name == BYPASS:
            if value >= _PRESSED and place not in self._down:
                self._on_bypass()
            (self._down.add if value >= _PRESSED else self._down.discard)(place)
            return
        if control < _PAIRED:
            self._coarse[place] = value
        # By the standard the finer part is 0 until it comes. A controller that never sends it must reach the end by itself.
        self._on_parameter(name, value * 128 / 16_383 if place in self._fine else value / 127)


def _names() -> list[str]:
    return list(dict.fromkeys(_mido().get_input_names()))


def _mido() -> Any:
    try:
        import mido
    except ImportError:
        raise _not_installed() from None
    return mido


def _not_installed() -> MissingError:
    return MissingError("MIDI needs mido and python-rtmidi, which aren't installed.", getting.MIDI)


def _meant(port: int | str, names: list[str]) -> str:
    listed = ", ".join(f"{number} {name}" for number, name in enumerate(names))
    if not names:
        raise MissingError("There is no MIDI port.", "Plug a controller in, or leave out the MIDI option.")
    if isinstance(port, int) or port.strip().isdigit():
        if not 0 <= int(port) < len(names):
            raise UsageError(f"There is no MIDI port {int(port)}.", f"There are: {listed}.")
        return names[int(port)]
    found = [name for name in names if port.strip().lower() in name.lower()]
    exact = [name for name in names if port.strip() in (name, _plain(name))]
    if not found or len(found) > 1 and len(exact) != 1:
        what = "No MIDI port is" if not found else "Several MIDI ports are"
        raise UsageError(f"{what} called like '{port}'.", f"There are: {listed}.")
    return exact[0] if exact else found[0]


def _plain(name: str) -> str:
    """A port's name without the number that the system gives it anew each time it is plugged in."""
    return re.sub(r"\s+\d+(:\d+)?$", "", name)
