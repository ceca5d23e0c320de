"""Audio streams through PortAudio: with a callback that is compiled code, or with one in Python.

Both run full duplex, or in one direction only. A caller that loses its device does: `close()`, then
`fxlab.audio.portaudio.rescan()`, `fxlab.audio.devices.again()` for each device, and a new stream; each of these raises a
`MissingError` as long as there is nothing to play on.
"""

from __future__ import annotations

import ctypes
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from fxlab.audio import portaudio
from fxlab.audio.chatter import quiet_stderr
from fxlab.audio.devices import Device, check_format
from fxlab.audio.portaudio_c import CLIP_OFF, DITHER_OFF, FLOAT32, Parameters, library
from fxlab.errors import MissingError, UsageError

CLOSING_S = 2.0
"""How long `Stream.close` takes at most, in seconds."""

_kept: set[Stream] = set()
"""Streams whose callback the sound system may still call: the open ones, and those it hasn't let go of."""


@dataclass(frozen=True)
class Plan:
    """What to open.

    Args:
        input, output: Devices; None for a stream in one direction only.
        input_channels, output_channels: Of the interleaved blocks; ignored where there is no device.
        sample_rate_hz: Of both.
        buffer: Frames in a block.
        latency_s: What the devices should try to keep to; None for the low latency they suggest for themselves. Less than two
            blocks can't hold.
    """

    input: Device | None
    output: Device | None
    input_channels: int
    output_channels: int
    sample_rate_hz: int
    buffer: int
    latency_s: float | None = None

    def check(self) -> None:
        """Makes sure that the devices can do it; errors as `fxlab.audio.devices.check_format`, UsageError without devices."""
        if self.input is None and self.output is None:
            raise UsageError("A stream needs an input or an output device.")
        if self.input:
            check_format(self.input, self.input_channels, self.sample_rate_hz, "input")
        if self.output:
            check_format(self.output, self.output_channels, self.sample_rate_hz, "output")


class Stream(ABC):
    """An open stream; `start()` lets it run, `close()` ends it for good.

    Attributes:
        path: What its callback is, in words.
        input_latency_s, output_latency_s: As PortAudio tells them, in seconds; 0 without that direction.
        error: What the callback raised, None if nothing.
    """

    path: str
    error: Exception | None = None
    input_latency_s = 0.0
    output_latency_s = 0.0

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._closed = True
        self._quiet = ExitStack()
        self._begin()

    def _begin(self) -> None:
        portaudio.manager()
        self.plan.check()
        # While it runs too: the driver's thread reports underruns and a lost device to stderr.
        self._quiet.enter_context(quiet_stderr())
        try:
            self._stream = portaudio.patiently(self._open, late=self._end)
            self._tell_latencies()
        except BaseException:
            self._quiet.close()
            raise
        self._closed = False
        _kept.add(self)

    def start(self) -> None:
        """Lets blocks run; MissingError if the device refuses. A stream that couldn't start is closed."""
        try:
            portaudio.patiently(self._start)
        except BaseException:
            self.close()
            raise

    def restart(self) -> None:
        """Opens and starts it anew on the devices it has, within hundredths of a second; errors as when it was made.

        For a stream that has ended by itself (`alive`): PortAudio gives up on some underruns though nothing is lost. And for one
        whose latency has grown, as the times that the callback gets tell: after an underrun PulseAudio keeps what it has recorded
        meanwhile, and everything comes later by that from then on. A new stream forgets it.
        """
        # Not PortAudio's start of the same stream: if the server has died, PulseAudio's library aborts the process then.
        if not self.close():
            raise portaudio.silence()
        self._begin()
        self.start()

    def close(self) -> bool:
        """Ends the stream, within `CLOSING_S`; a second time it only says again how that went.

        Returns:
            False if the sound system hangs: its thread may still call the callback, so that everything the callback uses must
            stay. The stream keeps its own arguments then.
        """
        if not self._closed:
            self._closed = True
            try:
                portaudio.patiently(lambda: self._end(self._stream), CLOSING_S)
                _kept.discard(self)
            except MissingError:
                pass  # that it is still kept says it
            finally:
                self._quiet.close()
        return self not in _kept

    @property
    def alive(self) -> bool:
        """Whether the driver says that it calls the callback.

        False without anything being lost, too: PortAudio gives up on some underruns, and the stream has to be opened again. True
        though no blocks come: a server that hangs, or PulseAudio's library in a lock of its own when its server was killed (about
        every second time). So the caller counts blocks as well; the first may take two seconds to come.
        """
        return not self._closed and self._active()

    @abstractmethod
    def _open(self) -> Any: ...

    @abstractmethod
    def _tell_latencies(self) -> None: ...

    @abstractmethod
    def _start(self) -> None: ...

    @abstractmethod
    def _end(self, stream: Any) -> None: ...

    @abstractmethod
    def _active(self) -> bool: ...


class NativeStream(Stream):
    """A stream whose callback is compiled code: no interpreter, and no lock of one, in the audio's path.

    Args:
        plan: What to open.
        callback: Address of a C function `int (const void *input, void *output, unsigned long frames, const
            PaStreamCallbackTimeInfo *times, unsigned long flags, void *user_data)`; the blocks are float32, (frames, channels),
            and null where there is no device; flags as paInputUnderflow 1, paInputOverflow 2, paOutputUnderflow 4,
            paOutputOverflow 8, paPrimingOutput 16; it returns 0 to go on.
        user_data: Address for its last argument.
        keep: What must live as long as it is called.

    Raises:
        MissingError: The device is busy, gone or doesn't answer.
        UsageError: It can't do that format.
        OSError, AttributeError: The library can't be called, which `fxlab.audio.portaudio_c.native_available` says beforehand.
    """

    path = "compiled callback"

    def __init__(self, plan: Plan, callback: int, user_data: int, keep: Any = None) -> None:
        self._callback, self._user_data, self._keep = callback, user_data, keep
        super().__init__(plan)

    def _open(self) -> ctypes.c_void_p:
        plan, stream = self.plan, ctypes.c_void_p()
        code = library().Pa_OpenStream(
            ctypes.byref(stream),
            self._parameters(plan.input, plan.input_channels, plan.input and plan.input.low_latency_in_s),
            self._parameters(plan.output, plan.output_channels, plan.output and plan.output.low_latency_out_s),
            plan.sample_rate_hz,
            plan.buffer,
            CLIP_OFF | DITHER_OFF,
            self._callback,
            self._user_data,
        )
        _demand(code, "The stream can't be opened")
        return stream

    def _parameters(self, device: Device | None, channels: int, low_latency_s: float | None) -> Parameters | None:
        if device is None:
            return None
        suggested = low_latency_s if self.plan.latency_s is None else self.plan.latency_s
        return Parameters(device.index, channels, FLOAT32, suggested, None)

    def _tell_latencies(self) -> None:
        told = library().Pa_GetStreamInfo(self._stream).contents
        self.input_latency_s, self.output_latency_s = told.input_latency_s, told.output_latency_s

    def _start(self) -> None:
        _demand(library().Pa_StartStream(self._stream), "The stream can't be started")

    def _end(self, stream: ctypes.c_void_p) -> None:
        library().Pa_CloseStream(stream)

    def _active(self) -> bool:
        return library().Pa_IsStreamActive(self._stream) == 1


class PortableStream(Stream):
    """A stream whose callback is Python, wherever PyAudio runs.

    Args:
        plan: What to open; PyAudio opens as many inputs as outputs, with the latency that the devices suggest.
        callback: `callback(block, frames, flags)` with the input as bytes, float32 (frames, channels), or None without one,
            and flags as in `NativeStream`; returns the output in the same form, or b"" without one. When it raises, the
            stream ends.

    Raises:
        MissingError, UsageError: As `NativeStream`; UsageError for unequal channels.
    """

    path = "Python callback"

    def __init__(self, plan: Plan, callback: Callable[[bytes | None, int, int], bytes]) -> None:
        if plan.input and plan.output and plan.input_channels != plan.output_channels:
            raise UsageError("The Python callback needs as many inputs as outputs.", "Choose --channels that both devices have.")
        self._callback = callback
        pyaudio = portaudio.module()
        self._go_on, self._abort = pyaudio.paContinue, pyaudio.paAbort
        super().__init__(plan)

    def _called(self, block: bytes | None, frames: int, times: dict, flags: int) -> tuple[bytes, int]:
        try:
            return self._callback(block, frames, flags), self._go_on
        except Exception as error:  # PyAudio would raise it somewhere in the main thread
            self.error = error
            return b"", self._abort

    def _open(self) -> Any:
        plan = self.plan
        try:
            return portaudio.manager().open(
                rate=plan.sample_rate_hz,
                channels=plan.input_channels if plan.input else plan.output_channels,
                format=portaudio.module().paFloat32,
                input=plan.input is not None,
                output=plan.output is not None,
                input_device_index=plan.input and plan.input.index,
                output_device_index=plan.output and plan.output.index,
                frames_per_buffer=plan.buffer,
                start=False,
                stream_callback=self._called,
            )
        except OSError as error:
            raise portaudio.failure(error, "The stream can't be opened") from None

    def _tell_latencies(self) -> None:
        self.input_latency_s = self._stream.get_input_latency()
        self.output_latency_s = self._stream.get_output_latency()

    def _start(self) -> None:
        try:
            self._stream.start_stream()
        except OSError as error:
            raise portaudio.failure(error, "The stream can't be started") from None

    def _end(self, stream: Any) -> None:
        stream.close()

    def _active(self) -> bool:
        return self._stream.is_active()


def _demand(code: int, what: str) -> None:
    """Raises PortAudio's error, if it is one."""
    if code < 0:
        raise portaudio.failure(code, what)
