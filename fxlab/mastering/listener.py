"""A mastering network that decides the settings of a chain, in NumPy: the same numbers as torch's, without its second to load.

What it plays itself, the residual, isn't here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fxlab.mastering.config import GREY_BOX
from fxlab.mastering.ranges import (
    ATTACK_MS,
    HIGH_HZ,
    HIGH_Q,
    LOW_HZ,
    LOW_Q,
    LOWEST_THRESHOLD_DB,
    MOST_DB,
    MOST_DRIVE_DB,
    MOST_WIDTH_DB,
    RELEASE_MS,
    STEEPEST,
    WIDEST_KNEE_DB,
)
from fxlab.models.model import Model

_EPSILON = 1e-5


@dataclass(frozen=True)
class Decision:
    """What is to be done to a song; see `fxlab.mastering.decoders.Bands` and `grey_box.Box`.

    Attributes:
        freq_hz, gain_db, q, weight: Of the bands, (bands,) each.
        need: 0 to 1.
        box: Settings of the grey box by name; empty before phase 2.
    """

    freq_hz: np.ndarray
    gain_db: np.ndarray
    q: np.ndarray
    weight: np.ndarray
    need: float
    box: dict[str, float]


def decide(model: Model, windows: np.ndarray, features: np.ndarray | None, insist: bool = False) -> Decision:
    """The settings for a song.

    Args:
        model: A mastering network.
        windows: (n, 2, frames), left and right, float32.
        features: (`config.features`,), None where that is 0.
        insist: Decide as for a song that needs it; the need itself is told as it is.
    """
    net = _Weights(model)
    mid, side = windows.mean(axis=1, keepdims=True), (windows[:, :1] - windows[:, 1:]) / 2
    heard = mid if model.config.channels == 1 else np.concatenate((mid, side), axis=1)
    pooled = np.mean([net.encoded(window) for window in heard.astype(np.float32)], axis=0)
    z = net.linear("encoder.projection", pooled if features is None else np.concatenate((pooled, features)))
    h = z
    for layer in range(2):
        h = np.maximum(net.linear(f"decoder.hidden.{layer}", h), 0)
    weight = np.ones(model.config.bands)
    if model.config.adaptive:
        weight = _sigmoid(net.linear("decoder.selector.out", np.maximum(net.linear("decoder.selector.hidden", z), 0)))
    need = float(_sigmoid(net.linear("decoder.need", h))[0]) if model.config.abstain else 1.0
    applied = 1.0 if insist else need
    return Decision(
        freq_hz=_between((LOW_HZ, HIGH_HZ), _sigmoid(net.linear("decoder.freq", h))),
        gain_db=MOST_DB * np.tanh(net.linear("decoder.gain", h)) * weight * applied,
        q=_between((LOW_Q, HIGH_Q), _sigmoid(net.linear("decoder.q", h))),
        weight=weight,
        need=need,
        box=_box(net, z, applied) if model.config.grey_box else {},
    )


def _box(net: _Weights, z: np.ndarray, need: float) -> dict[str, float]:
    raw = dict(zip(GREY_BOX, net.linear("grey_box.out", np.maximum(net.linear("grey_box.hidden", z), 0)).tolist(), strict=True))
    share = {name: float(_sigmoid(value)) for name, value in raw.items()}
    return {
        "threshold_db": LOWEST_THRESHOLD_DB * share["threshold"],
        "ratio": 1.0 / (1.0 - STEEPEST * need * share["slope"]),
        "attack_ms": float(_between(ATTACK_MS, share["attack"])),
        "release_ms": float(_between(RELEASE_MS, share["release"])),
        "knee_db": WIDEST_KNEE_DB * share["knee"],
        "drive_db": MOST_DRIVE_DB * share["drive"],
        "mix": need * share["mix"],
        "width": float(10.0 ** (MOST_WIDTH_DB / 20.0 * need * np.tanh(raw["width"]))),
    }


class _Weights:
    """Layers by their names."""

    def __init__(self, model: Model) -> None:
        self._model, self._config = model, model.config

    def __getitem__(self, name: str) -> np.ndarray:
        return self._model.weights[name]

    def linear(self, name: str, x: np.ndarray) -> np.ndarray:
        return self[f"{name}.weight"].astype(np.float64) @ x + self[f"{name}.bias"]

    def encoded(self, audio: np.ndarray) -> np.ndarray:
        """(channels, frames) to the mean of the encoder's vectors."""
        for layer in range(len(self._config.stem)):
            audio = np.maximum(self._normalised(f"encoder.stem.{layer}", audio, self._config.stem_stride), 0)
        for number, dilation in enumerate(self._config.dilations):
            name = f"encoder.blocks.{number}"
            inside = np.maximum(self._normalised(f"{name}.first", audio, 1, dilation), 0)
            around = audio
            if f"{name}.residual.weight" in self._model.weights:
                around = self[f"{name}.residual.weight"][:, :, 0] @ audio + self[f"{name}.residual.bias"][:, None]
            audio = np.maximum(self._normalised(f"{name}.second", inside, 1, dilation) + around, 0)
        return audio.mean(axis=1, dtype=np.float64)

    def _normalised(self, name: str, audio: np.ndarray, stride: int, dilation: int = 1) -> np.ndarray:
        """Convolution and normalisation as one matrix product over the taps side by side."""
        weight = self[f"{name}.conv.weight"]
        scale = self[f"{name}.norm.weight"] / np.sqrt(self[f"{name}.norm.running_var"] + np.float32(_EPSILON))
        bias = (self[f"{name}.conv.bias"] - self[f"{name}.norm.running_mean"]) * scale + self[f"{name}.norm.bias"]
        outputs, inputs, kernel = weight.shape
        padded = np.pad(audio, ((0, 0), (dilation * (kernel // 2),) * 2))
        frames = -(-audio.shape[1] // stride)
        taps = [padded[:, tap * dilation :: stride][:, :frames] for tap in range(kernel)]
        columns = np.stack(taps, axis=1).reshape(inputs * kernel, frames)
        return (weight.reshape(outputs, -1) * scale[:, None]) @ columns + bias[:, None]


def _sigmoid(x):
    return 0.5 + 0.5 * np.tanh(0.5 * np.asarray(x, np.float64))


def _between(bounds: tuple[float, float], share):
    low, high = bounds
    return low * (high / low) ** share
