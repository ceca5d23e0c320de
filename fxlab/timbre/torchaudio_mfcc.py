"""Mel-frequency cepstral coefficients by torchaudio, the only place where fxlab imports it.

torchaudio's Linux wheel is linked to CUDA: beside a torch without it the compiled extension can't load and the import fails,
though MFCC, mel scale and resampling are plain torch. Then it is imported with the extension marked as absent, which is what
torchaudio itself does where it was built without one. This module needs torch.
"""

from __future__ import annotations

import functools
import importlib
import sys
import types
from typing import Any

import numpy as np

from fxlab.errors import MissingError

_EXTENSION = "torchaudio._extension"
_BANDS = 64
_BLOCK = 4096  # frames transformed at once: those of an hour don't fit into memory


def mfcc(audio: np.ndarray, rate_hz: int, hop: int, count: int, size: int) -> np.ndarray:
    """Coefficients over time: `torchaudio.transforms.MFCC` with logarithmic mel bands, frames centred, padded with zeros.

    Args:
        audio: Shape (n,), any float type, n at least 1.
        rate_hz: Its sample rate.
        hop: Samples from frame to frame.
        count: Coefficients, 1..128, the first of them about the level.
        size: Samples in a frame.

    Returns:
        float32 (1 + n // hop, count); frame f is centred on sample f * hop.

    Raises:
        MissingError: torchaudio isn't installed.
    """
    import torch

    frames, transform = 1 + len(audio) // hop, _transform(rate_hz, hop, count, size)
    padded = torch.from_numpy(np.pad(np.asarray(audio, np.float32), size // 2))
    found = np.empty((frames, count), np.float32)
    with torch.inference_mode():
        for start in range(0, frames, _BLOCK):
            stop = min(start + _BLOCK, frames)
            found[start:stop] = transform(padded[start * hop : (stop - 1) * hop + size]).T.numpy()
    return found


@functools.lru_cache(maxsize=4)
def _transform(rate_hz: int, hop: int, count: int, size: int) -> Any:
    settings = {"n_fft": size, "hop_length": hop, "n_mels": max(_BANDS, count), "center": False}
    return torchaudio().transforms.MFCC(rate_hz, count, log_mels=True, melkwargs=settings)


def torchaudio() -> Any:
    """The library, with or without its compiled extension; raises `MissingError` where it isn't installed."""
    try:
        return importlib.import_module("torchaudio")
    except ImportError:
        raise MissingError("torchaudio is not installed.", "Install it: `pip install torchaudio`.") from None
    except OSError:
        sys.modules[_EXTENSION] = _absent()
        return importlib.import_module("torchaudio")


def _absent() -> types.ModuleType:
    """What stands for the compiled extension: it says that there is none."""

    def unavailable(*_: Any, **__: Any) -> None:
        raise MissingError("torchaudio's compiled extension can't be loaded here.", "Install torch and torchaudio of one build.")

    module = types.ModuleType(_EXTENSION)
    module._IS_TORCHAUDIO_EXT_AVAILABLE = module._IS_ALIGN_AVAILABLE = False
    module.fail_if_no_align = lambda function: unavailable
    return module
