"""Weights in the order in which the compiled loops read them: float32, flat, padded with zeros to whole vectors."""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def width_of(units: int) -> int:
    """Units padded to whole vectors of 8."""
    return -(-units // 8) * 8


def pack_affine(weight: Array, bias: Array) -> tuple[Array, Array]:
    """Weights of a dense layer, (outputs, inputs), or of a convolution, (outputs, inputs, taps), and its bias for `affine`.

    Returns:
        The weights, 16 outputs (at the end 8) after the other, of each by tap and input; the bias, (width,).
    """
    steps = weight.reshape(*weight.shape[:2], -1).transpose(2, 1, 0).reshape(-1, len(weight))
    columns = np.zeros((len(steps) + 1, width_of(len(weight))), np.float32)
    columns[:-1, : len(weight)], columns[-1, : len(weight)] = steps, bias
    return _grouped(columns[:-1], 16), columns[-1].copy()


def pack_mix(weight: Array, bias: Array, step: int) -> tuple[Array, Array]:
    """Weights of a layer with a single output, as in `pack_affine`, and its bias for `mix`; each tap's are padded to `step`."""
    taps = weight.reshape(*weight.shape[:2], -1)[0].T
    padded = np.zeros((len(taps), step), np.float32)
    padded[:, : taps.shape[1]] = taps
    return padded.ravel(), bias


def pack_lstm(weight_ih: Array, weight_hh: Array, bias_ih: Array, bias_hh: Array) -> tuple[Array, Array, Array]:
    """torch's LSTM weights for `lstm`: those of the inputs, the bias, the recurrent ones.

    The sigmoids' gates are halved, since sigmoid(x) = (1 + tanh(x / 2)) / 2.
    """
    halves = (0.5, 0.5, 1.0, 0.5)
    inputs, bias, recurrent = (_gates(w, halves) for w in (weight_ih, (bias_ih + bias_hh)[:, None], weight_hh))
    return _grouped(inputs, 16), bias[0], _grouped(recurrent, 4 * 16)


def pack_gru(weight_ih: Array, weight_hh: Array, bias_ih: Array, bias_hh: Array) -> tuple[Array, Array, Array, Array]:
    """torch's GRU weights for `gru`: those of the inputs, the bias, the recurrent ones, the recurrent bias of the gate n.

    The last one stays apart because the reset gate scales it; the sigmoids' gates are halved as in `pack_lstm`.
    """
    halves = (0.5, 0.5, 1.0)
    units = weight_hh.shape[1]
    both = bias_ih + np.concatenate((bias_hh[: 2 * units], np.zeros(units, np.float32)))
    inputs, bias, recurrent = (_gates(w, halves) for w in (weight_ih, both[:, None], weight_hh))
    bias_n = np.zeros(width_of(units), np.float32)
    bias_n[:units] = bias_hh[2 * units :]
    return _grouped(inputs, 16), bias[0], _grouped(recurrent, 3 * 16), bias_n


def _gates(weight: Array, scales: tuple[float, ...]) -> Array:
    """(gates units, inputs) to (inputs, gates width): for 16 (at the end 8) units all gates, then for the next."""
    gates = weight.reshape(len(scales), -1, weight.shape[1])
    padded = np.zeros((len(scales), width_of(gates.shape[1]), weight.shape[1]), np.float32)
    padded[:, : gates.shape[1]] = gates * np.float32(scales)[:, None, None]
    groups = [padded[:, start : start + 16].reshape(-1, weight.shape[1]) for start in range(0, padded.shape[1], 16)]
    return np.ascontiguousarray(np.concatenate(groups).T)


def _grouped(columns: Array, size: int) -> Array:
    """The columns `size` at a time, one group after the other, flat."""
    return np.concatenate([columns[:, start : start + size].ravel() for start in range(0, columns.shape[1], size)])
