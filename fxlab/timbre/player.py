"""The network of an instrument without torch: a performance in, the synthesizer's controls out, frame after frame.

This is what plays; `ddsp` is the same in torch, for learning.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fxlab.models.model import Model, Weights
from fxlab.timbre.config import InstrumentConfig
from fxlab.timbre.fade import fade
from fxlab.timbre.frames import Controls, Features, midi_of

NOISE_BIAS = -5.0
"""Added before the noise's non-linearity: a fresh instrument makes little noise."""
SLOPE = 0.01
"""Of the leaky rectifiers."""
LOUDNESS_REACH = 4.0
"""Standardised loudness beyond which the network isn't asked: below, its sound is turned down decibel by decibel."""
_LN_10 = np.float32(np.log(10.0))


def inputs_of(features: Features, measures: Mapping[str, Any], config: InstrumentConfig) -> np.ndarray:
    """What the network is given, (frames, config.inputs) float32: pitch, voicing and standardised loudness and coefficients.

    Where the performance has no coefficients they are zero, which is their mean.

    Args:
        measures: The "features" of the instrument's card.
    """
    given = np.zeros((len(features), config.inputs), np.float32)
    given[:, 0] = (midi_of(features.f0_hz) - 60) / 24
    given[:, 1] = features.voiced
    loudness = measures["loudness"]
    given[:, 2] = np.clip((features.loudness_db - loudness["mean"]) / loudness["spread"], -LOUDNESS_REACH, LOUDNESS_REACH)
    if features.mfcc is not None and config.mfcc:
        mfcc = measures["mfcc"]
        given[:, 3:] = (features.mfcc - np.asarray(mfcc["mean"])) / np.asarray(mfcc["spread"])
    return given


def quietness_of(features: Features, measures: Mapping[str, Any]) -> np.ndarray:
    """Gain, (frames,) float32: 1, or what takes the lowest loudness that the network is asked for down to the wanted one."""
    loudness = measures["loudness"]
    lowest = loudness["mean"] - LOUDNESS_REACH * loudness["spread"]
    return (10 ** (np.minimum(features.loudness_db - lowest, 0) / 20)).astype(np.float32)


class Player:
    """Plays an instrument's network; successive calls of `play` go on where the last one ended.

    Args:
        model: A model of kind "ddsp".
    """

    def __init__(self, model: Model) -> None:
        self.config: InstrumentConfig = model.config
        self._weights, self._measures = model.weights, model.card["features"]
        self._multiples = np.arange(1, self.config.harmonics + 1, dtype=np.float32)
        self.reset()

    def reset(self) -> None:
        """Back to the beginning."""
        self.hidden = np.zeros((self.config.layers, self.config.hidden), np.float32)

    def play(self, features: Features) -> Controls:
        """The controls of so many frames."""
        heard = inputs_of(features, self._measures, self.config)
        for layer in range(self.config.layers):
            heard = _gru(heard, self.hidden[layer], self._weights, layer)
        played = controls_of(self.config, self._weights, heard, np.asarray(features.f0_hz, np.float32), self._multiples)
        return played.gated(quietness_of(features, self._measures)[:, None] * np.ones(self.config.cells, np.float32))


def controls_of(
    config: InstrumentConfig, weights: Weights, hidden: np.ndarray, f0_hz: np.ndarray, multiples: np.ndarray
) -> Controls:
    """The two outputs' layers: (frames, hidden) to controls."""
    loud, *shares = np.split(_head(weights, "harmonic", hidden), [1], axis=1)
    shares = exp_sigmoid(shares[0]) * fade(f0_hz[:, None] * multiples / np.float32(config.sample_rate_hz / 2))
    harmonics = exp_sigmoid(loud) * shares / np.maximum(shares.sum(axis=1, keepdims=True), np.float32(1e-7))
    noise = exp_sigmoid(_head(weights, "noise", hidden) + np.float32(NOISE_BIAS))
    return Controls(f0_hz, harmonics, noise, config.frame_rate_hz)


def exp_sigmoid(x: np.ndarray) -> np.ndarray:
    """2 sigmoid(x)^ln(10) + 1e-7: positive, smooth, up to 2 (Engel et al., "DDSP", 2020)."""
    return 2 * _sigmoid(x) ** _LN_10 + np.float32(1e-7)


def _head(weights: Weights, name: str, hidden: np.ndarray) -> np.ndarray:
    between = hidden @ weights[f"{name}.0.weight"].T + weights[f"{name}.0.bias"]
    between = np.where(between > 0, between, np.float32(SLOPE) * between)
    return between @ weights[f"{name}.2.weight"].T + weights[f"{name}.2.bias"]


def _gru(given: np.ndarray, state: np.ndarray, weights: Weights, layer: int) -> np.ndarray:
    """One layer over all frames; `state` is moved on in place."""
    size = len(state)
    recurrent, bias = weights[f"gru.weight_hh_l{layer}"], weights[f"gru.bias_hh_l{layer}"]
    before = given @ weights[f"gru.weight_ih_l{layer}"].T + weights[f"gru.bias_ih_l{layer}"]
    out = np.empty((len(given), size), np.float32)
    for frame, x in enumerate(before):
        h = recurrent @ state + bias
        reset, update = np.split(_sigmoid(x[: 2 * size] + h[: 2 * size]), 2)
        new = np.tanh(x[2 * size :] + reset * h[2 * size :])
        state += (1 - update) * (new - state)
        out[frame] = state
    return out


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return np.float32(0.5) + np.float32(0.5) * np.tanh(np.float32(0.5) * x)
