"""The one-channel automaton that fxlab's is compared with: a mask over harmonics, squashed by a sigmoid in every step.

As publicly described for a "harmonic NCA": state <- sigmoid(state + conv2(relu(conv1(state)))), three cells wide, the last
harmonic's neighbour being the first. It has 81 weights and knows neither where a cell is nor what the instrument sounds like.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fxlab.timbre.config import InstrumentConfig

HIDDEN = 16
SHAPES = {
    "conv1.weight": (HIDDEN, 1, 3),
    "conv1.bias": (HIDDEN,),
    "conv2.weight": (1, HIDDEN, 1),
    "conv2.bias": (1,),
}


class ClassicRule:
    """The interface of `fxlab.timbre.rule.Rule`; its state is the mask, (..., harmonics, 1), and noise isn't gated.

    Args:
        config: Of the instrument.
        weights: As `SHAPES` has them.
    """

    def __init__(self, config: InstrumentConfig, weights: Mapping[str, np.ndarray]) -> None:
        self.config = config
        self.weights = {name: np.asarray(weights[name], np.float32) for name in SHAPES}

    def seeded(self) -> np.ndarray:
        """Harmonic 1 alone."""
        state = np.zeros((self.config.harmonics, 1), np.float32)
        state[0] = 1.0
        return state

    def step(
        self, state: np.ndarray, levels: np.ndarray, pitch: np.ndarray, loudness: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """The next state; it follows from the last one alone."""
        return self.hidden_and_next(state)[1]

    def hidden_and_next(self, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The hidden layer, (..., harmonics, 16), and the next state."""
        around = seen(state)
        hidden = np.maximum(around @ self.weights["conv1.weight"][:, 0].T + self.weights["conv1.bias"], 0.0)
        change = hidden @ self.weights["conv2.weight"][:, :, 0].T + self.weights["conv2.bias"]
        return hidden, 1.0 / (1.0 + np.exp(-(state + change)))

    def growth(self, state: np.ndarray) -> np.ndarray:
        """The mask, and 1 for each noise band, (..., cells)."""
        noise = np.ones((*state.shape[:-2], self.config.bands), np.float32)
        return np.concatenate([state[..., 0], noise], axis=-1)

    def gain(self, growth: np.ndarray) -> np.ndarray:
        """The mask is the gain."""
        return growth

    def gains(self, state: np.ndarray) -> np.ndarray:
        """Linear gain of each cell, (..., cells)."""
        return self.growth(state)

    def damaged(self, state: np.ndarray, first: int, last: int) -> np.ndarray:
        """A copy in which the cells first..last - 1 are 0; noise bands don't mind."""
        state = state.copy()
        state[..., first:last, :] = 0.0
        return state


def seen(state: np.ndarray) -> np.ndarray:
    """Each cell's left neighbour, itself and its right one, in a circle, (..., harmonics, 3)."""
    return np.concatenate([np.roll(state, 1, axis=-2), state, np.roll(state, -1, axis=-2)], axis=-1)
