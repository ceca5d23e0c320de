"""The PortAudio library that PyAudio has loaded, called directly.

For streams whose callback is compiled code, and for questions that PyAudio asks without letting other threads run meanwhile.
Structures and calls after portaudio.h, version 19.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from pathlib import Path

from fxlab.audio import portaudio
from fxlab.errors import FxlabError

FLOAT32, CLIP_OFF, DITHER_OFF = 1, 1, 2


class Parameters(ctypes.Structure):
    """PaStreamParameters."""

    _fields_ = [
        ("device", ctypes.c_int),
        ("channels", ctypes.c_int),
        ("sample_format", ctypes.c_ulong),
        ("latency_s", ctypes.c_double),
        ("host_api", ctypes.c_void_p),
    ]


class Info(ctypes.Structure):
    """PaStreamInfo."""

    _fields_ = [
        ("version", ctypes.c_int),
        ("input_latency_s", ctypes.c_double),
        ("output_latency_s", ctypes.c_double),
        ("sample_rate_hz", ctypes.c_double),
    ]


def native_available() -> str:
    """Why PortAudio can't be called directly here; empty if it can."""
    if not sys.platform.startswith("linux"):
        return "only possible on Linux"
    try:
        library()
    except FxlabError as error:
        return error.message
    except (OSError, AttributeError) as error:
        return f"PyAudio's PortAudio library can't be called: {error}"
    return ""


@cache
def library() -> ctypes.CDLL:
    """The very library that PyAudio works with, so that devices have the same numbers and one initialisation counts for both.

    Raises:
        MissingError: PyAudio isn't there.
        OSError, AttributeError: The library isn't shared or lacks a function.
    """
    extension = portaudio.module().__file__
    found = ctypes.CDLL(_loaded(Path(extension).parent))
    stream = ctypes.c_void_p
    found.Pa_OpenStream.argtypes = [
        ctypes.POINTER(stream),
        ctypes.POINTER(Parameters),
        ctypes.POINTER(Parameters),
        ctypes.c_double,
        ctypes.c_ulong,
        ctypes.c_ulong,
        ctypes.c_void_p,
        ctypes.c_void_p,
    ]
    for name in ("Pa_StartStream", "Pa_CloseStream", "Pa_IsStreamActive", "Pa_GetStreamInfo"):
        getattr(found, name).argtypes = [stream]
    found.Pa_IsFormatSupported.argtypes = [ctypes.POINTER(Parameters), ctypes.POINTER(Parameters), ctypes.c_double]
    found.Pa_GetStreamInfo.restype = ctypes.POINTER(Info)
    return found


def _loaded(package: Path) -> str:
    """Path of the loaded library: its own file, or PyAudio's extension where that contains it."""
    maps = Path("/proc/self/maps").read_text().splitlines()
    paths = [Path(line.split(maxsplit=5)[5]) for line in maps if "/" in line]
    shared = [path for path in paths if path.name.startswith("libportaudio")]
    inside = [path for path in paths if path.parent == package]
    if not shared and not inside:
        raise OSError("it isn't among the loaded libraries")
    return str((shared or inside)[0])
