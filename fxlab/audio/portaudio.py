"""The PortAudio library as PyAudio brings it: one for the process, initialised when first needed.

Sound systems can hang: a server that no longer answers blocks whoever asks it. Everything that may ask one goes through
`patiently`, so that no call of this package lasts longer than `PATIENCE_S`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from fxlab import getting
from fxlab.audio.chatter import quiet_stderr
from fxlab.errors import FxlabError, MissingError, UsageError

PATIENCE_S = 5.0
"""How long a sound system may take to answer, in seconds."""

WITHOUT = "Without sound hardware: fxlab live --virtual."
_INSTALL = f"{getting.LIVE} {WITHOUT}"

_lock = threading.RLock()
_manager: Any = None
_hanging: list[threading.Thread] = []


def manager() -> Any:
    """The process's `pyaudio.PyAudio`.

    Raises:
        MissingError: PyAudio or PortAudio isn't installed, or the sound system doesn't answer.
    """
    global _manager
    with _lock:
        if _manager is None:
            pyaudio = module()
            if hanging():
                raise silence()
            try:
                _manager = patiently(pyaudio.PyAudio, late=lambda manager: manager.terminate())
            except OSError as error:
                raise failure(error, "PortAudio can't be started") from None
        return _manager


def module() -> Any:
    """PyAudio's module; MissingError where it can't be loaded."""
    try:
        with quiet_stderr():
            import pyaudio
    except ImportError as error:
        what = "PyAudio is not installed" if isinstance(error, ModuleNotFoundError) else f"PyAudio can't be loaded ({error})"
        raise MissingError(f"Live audio needs PyAudio and PortAudio: {what}.", _INSTALL) from None
    return pyaudio


def rescan() -> bool:
    """Looks for devices anew: those that came or went are only seen afterwards, and indexes may have changed.

    To be called with all streams closed. Returns false, having changed nothing, while an earlier call still hangs: PortAudio
    can't be restarted then; devices whose names don't change (`default`, `pulse`) can be opened again nevertheless.

    Raises:
        MissingError: As `manager`.
    """
    global _manager
    with _lock:
        if _manager is not None:
            if hanging():
                return False
            old, _manager = _manager, None
            patiently(old.terminate)
        manager()
        return True


def hanging() -> bool:
    """Whether a call to the sound system that took too long still hasn't come back."""
    _hanging[:] = [thread for thread in _hanging if thread.is_alive()]
    return bool(_hanging)


def patiently(function: Callable[[], Any], seconds: float | None = None, late: Callable[[Any], None] | None = None) -> Any:
    """What `function` returns or raises, the sound libraries' chatter being kept away.

    Args:
        seconds: None for `PATIENCE_S`.
        late: Called with the result if that comes too late for anyone to take it.

    Raises:
        MissingError: No result within so many seconds. The call goes on in the background, see `hanging`.
    """
    results: list[Any] = []
    errors: list[BaseException] = []
    settled, given_up = threading.Lock(), threading.Event()

    def work() -> None:
        with quiet_stderr():
            try:
                result = function()
            except BaseException as error:  # the caller's thread raises it
                errors.append(error)
                return
            with settled:
                results.append(result)
            if given_up.is_set() and late is not None:
                late(result)

    thread = threading.Thread(target=work, name="fxlab-portaudio", daemon=True)
    thread.start()
    thread.join(PATIENCE_S if seconds is None else seconds)
    with settled:
        if not results and not errors:
            given_up.set()
            _hanging.append(thread)
            raise silence()
    if errors:
        raise errors[0]
    return results[0]


def silence() -> MissingError:
    """The error of a sound system that doesn't answer."""
    return MissingError("The sound system doesn't answer.", f"Restart its server, or choose another device. {WITHOUT}")


def failure(error: OSError | int, what: str) -> FxlabError:
    """PortAudio's error in fxlab's terms: UsageError for a format the device can't do, MissingError for anything else.

    Args:
        error: PortAudio's code, or what PyAudio raised.
        what: What didn't work, a sentence without its full stop.
    """
    arguments = (error,) if isinstance(error, int) else error.args
    code = next((part for part in arguments if isinstance(part, int)), _REFUSED)
    text = _TEXTS.get(code) or next((part for part in arguments if isinstance(part, str)), f"PortAudio's error {code}")
    hint = "Choose another device; fxlab live --list-devices shows what each can do."
    if code in _FORMAT:
        return UsageError(f"{what}: {text}.", hint)
    if code == _UNAVAILABLE:
        hint = f"Close the program that uses it, or start its sound server. {hint}"
    return MissingError(f"{what}: {text}.", f"{hint} {WITHOUT}")


_REFUSED, _UNAVAILABLE = -9999, -9985
_TEXTS = {
    _REFUSED: "the sound system refused",
    -9998: "that many channels aren't possible",
    -9997: "that sample rate isn't possible",
    -9996: "there is no such device",
    -9994: "it doesn't take 32-bit float samples",
    -9993: "the sound system can't open it",  # with ALSA for any reason, not only for a pair that doesn't fit
    _UNAVAILABLE: "it is unavailable or in use by another program",
}
"""By PaErrorCode, portaudio.h of version 19."""
_FORMAT = (-9998, -9997, -9994)
