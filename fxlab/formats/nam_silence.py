"""Where silence takes the states of LSTM layers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

State = tuple[np.ndarray, np.ndarray]

_EVERY, _STILL = 64, 1e-9


@dataclass(frozen=True)
class Cell:
    """One layer in float64: `inputs` (inputs, 4 hidden), `recurrent` (hidden, 4 hidden), `bias` (4 hidden), gates i f g o."""

    inputs: np.ndarray
    recurrent: np.ndarray
    bias: np.ndarray


def after_silence(cells: list[Cell], states: list[State], frames: int) -> list[State]:
    """The states after so many samples of silence, or as soon as they no longer move.

    Args:
        cells: The layers, the first of which hears the silence.
        states: Per layer `h` and `c`, each (starts, hidden): any number of starts at once.
        frames: Samples.
    """
    steps = [_scaled(cell) for cell in cells]
    states = list(states)
    for frame in range(1, frames + 1):
        before, x = states, None
        states = []
        for (inputs, recurrent, bias, scale, offset), (h, c) in zip(steps, before, strict=True):
            heard = bias if x is None else bias + x @ inputs
            i, f, g, o = np.split(np.tanh(heard + h @ recurrent) * scale + offset, 4, axis=1)
            c = f * c + i * g
            x = o * np.tanh(c)
            states.append((x, c))
        if frame % _EVERY == 0 and _moved(before, states) <= _STILL:
            break
    return states


def _moved(before: list[State], after: list[State]) -> float:
    arrays = zip((array for state in before for array in state), (array for state in after for array in state), strict=True)
    return max(float(np.abs(new - old).max()) for old, new in arrays)


def _scaled(cell: Cell) -> tuple[np.ndarray, ...]:
    """With the sigmoids of i, f and o as halved tanh: sigmoid(x) = (1 + tanh(x / 2)) / 2."""
    ones = np.ones(len(cell.bias) // 4)
    scale, offset = np.concatenate([0.5 * ones, 0.5 * ones, ones, 0.5 * ones]), np.concatenate([ones, ones, 0 * ones, ones]) / 2
    return cell.inputs * scale, cell.recurrent * scale, cell.bias * scale, scale, offset
