"""An automaton run for some steps and its gradient, by hand and in NumPy: no torch is needed, and a third more steps are made.

What lives and what fires counts as given; through everything else the gradient flows back step by step.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fxlab.models.model import Weights
from fxlab.timbre.config import InstrumentConfig
from fxlab.timbre.kinship import kinship
from fxlab.timbre.rule import CONDITIONS, alive


class Rollout:
    """Room for so many steps of so many states; cells come first here, (cells, batch, channels).

    Args:
        config: Of the instrument.
        steps: In one roll-out.
        batch: States that run side by side.
    """

    def __init__(self, config: InstrumentConfig, steps: int, batch: int) -> None:
        cells, channels, hidden = config.cells, config.channels, config.cell_hidden
        self.config, self.count, self.kin = config, steps, kinship(config.harmonics, config.bands)
        self._views = self.kin.views.reshape(3 * cells, cells)
        self.states = np.empty((steps + 1, cells, batch, channels), np.float32)
        self._heard = np.empty((steps, cells, batch, 4 * channels + CONDITIONS), np.float32)
        self._hidden = np.empty((steps, cells, batch, hidden), np.float32)
        self._kept = np.empty((steps, cells, batch, 1), np.float32)
        self._changes = np.empty((steps, cells, batch, channels), np.float32)

    def run(self, weights: Mapping[str, np.ndarray], state: np.ndarray, conditions: np.ndarray, fires: np.ndarray) -> np.ndarray:
        """All steps.

        Args:
            weights: Of the rule.
            state: To begin with, (cells, batch, channels).
            conditions: (cells, batch, CONDITIONS), the same in all steps.
            fires: Which cells are updated, 0 or 1, (steps, cells, batch).

        Returns:
            The states, the first one included, (steps + 1, cells, batch, channels); the next call overwrites them.
        """
        cells, batch, channels = state.shape
        self._weights, self._fires = weights, fires[..., None]
        self.states[0] = state
        self._heard[..., 4 * channels :] = conditions
        for step in range(self.count):
            now, heard, hidden = self.states[step], self._heard[step], self._hidden[step]
            heard[..., :channels] = now
            around = (self._views @ now.reshape(cells, -1)).reshape(3, cells, batch, channels)
            for view in range(3):
                heard[..., (1 + view) * channels : (2 + view) * channels] = around[view]
            np.matmul(_flat(heard), weights["hidden.weight"].T, out=_flat(hidden))
            hidden += weights["hidden.bias"]
            np.maximum(hidden, 0.0, out=hidden)
            after = self.states[step + 1]
            np.matmul(_flat(hidden), weights["update.weight"].T, out=_flat(after))
            after *= self._fires[step]
            after += now
            self._kept[step, :, :, 0] = (self._living(now) & self._living(after)).T
            after *= self._kept[step]
        return self.states

    def gradients(self, wanted: np.ndarray) -> Weights:
        """Of the weights, from a loss's gradient with respect to the states behind each step, (steps, cells, batch, channels)."""
        cells, batch, channels = wanted.shape[1:]
        inner = self._weights["hidden.weight"][:, : 4 * channels]
        later = np.zeros_like(wanted[0])
        hidden = np.empty_like(self._hidden)
        for step in reversed(range(self.count)):
            later = (later + wanted[step]) * self._kept[step]
            change = np.multiply(later, self._fires[step], out=self._changes[step])
            np.matmul(_flat(change), self._weights["update.weight"], out=_flat(hidden[step]))
            hidden[step] *= self._hidden[step] > 0
            if step:
                seen = (_flat(hidden[step]) @ inner).reshape(cells, batch, 4, channels)
                around = np.ascontiguousarray(np.moveaxis(seen[:, :, 1:], 2, 0)).reshape(3 * cells, -1)
                later = later + seen[:, :, 0] + (self._views.T @ around).reshape(cells, batch, channels)
        return {
            "hidden.weight": _flat(hidden).T @ _flat(self._heard),
            "hidden.bias": _flat(hidden).sum(axis=0),
            "update.weight": _flat(self._changes).T @ _flat(self._hidden),
        }

    def _living(self, state: np.ndarray) -> np.ndarray:
        return alive(self.kin, state[..., 0].T)


def _flat(array: np.ndarray) -> np.ndarray:
    return array.reshape(-1, array.shape[-1])
