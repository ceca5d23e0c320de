"""What the classic automaton is taught, as publicly described: that the gated instrument sounds like the ungated one.

Its source compares sounds; here the instrument's amplitudes stand for them, gated against ungated, linear and logarithmic, which
has the same optimum, a mask of ones, at a fraction of the cost. No word about the way there, hence it is there in two steps.
"""

from __future__ import annotations

import numpy as np

from fxlab.models.model import Weights
from fxlab.timbre.automaton_lesson import AutomatonSettings
from fxlab.timbre.classic import HIDDEN, SHAPES, ClassicRule, seen
from fxlab.timbre.config import InstrumentConfig
from fxlab.timbre.rule import LEVELS_DB

LEARNING_RATE = 1e-3
"""As its source has it."""
_FLOOR = 1e-5


class ClassicLesson:
    """The end, for the classic automaton; its arguments are those of `PathLesson`, of which it ignores pitch and loudness."""

    normalised = False

    def __init__(
        self,
        config: InstrumentConfig,
        levels: np.ndarray,
        pitch: np.ndarray,
        loudness: np.ndarray,
        settings: AutomatonSettings,
        seed: int,
    ) -> None:
        self.config, self.settings, self.seed = config, settings, seed
        heard = levels[:, : config.harmonics]
        self._amplitudes = np.where(heard > 0, 10 ** (LEVELS_DB / 20 * (heard - 1)), 0.0).astype(np.float32)

    def fresh(self) -> Weights:
        """Uniform within 1 / sqrt(inputs), torch's custom."""
        rng, inputs = np.random.default_rng(self.seed), {"conv1": 3, "conv2": HIDDEN}
        bounds = {name: inputs[name.split(".")[0]] ** -0.5 for name in SHAPES}
        return {name: rng.uniform(-bounds[name], bounds[name], shape).astype(np.float32) for name, shape in SHAPES.items()}

    def tensors(self) -> dict[str, np.ndarray]:
        """Nothing is remembered."""
        return {}

    def gradients(self, weights: Weights, iteration: int) -> tuple[float, Weights]:
        """The loss behind the last step and its gradients; what is drawn depends on the seed and the iteration alone."""
        rng = np.random.default_rng([self.seed, 1 + iteration])
        amplitudes = self._amplitudes[rng.integers(len(self._amplitudes), size=self.settings.batch)]
        rule = ClassicRule(self.config, weights)
        states, hiddens = [rule.seeded()], []
        for _ in range(self.settings.steps):
            hidden, state = rule.hidden_and_next(states[-1])
            hiddens.append(hidden)
            states.append(state)
        loss, slope = _loss(states[-1][:, 0], amplitudes)
        found = {name: np.zeros(shape, np.float32) for name, shape in SHAPES.items()}
        later = slope[:, None]
        for step in reversed(range(self.settings.steps)):
            after, hidden = states[step + 1], hiddens[step]
            change = later * after * (1 - after)
            inner = (change @ weights["conv2.weight"][:, :, 0]) * (hidden > 0)
            found["conv2.weight"][:, :, 0] += change.T @ hidden
            found["conv2.bias"] += change.sum(axis=0)
            found["conv1.weight"][:, 0] += inner.T @ seen(states[step])
            found["conv1.bias"] += inner.sum(axis=0)
            left, self_, right = (inner @ weights["conv1.weight"][:, 0]).T[:, :, None]
            later = change + self_ + np.roll(left, -1, axis=0) + np.roll(right, 1, axis=0)
        return loss, found


def _loss(mask: np.ndarray, amplitudes: np.ndarray) -> tuple[float, np.ndarray]:
    """Of a mask, (harmonics,), and its gradient; both are means over (batch, harmonics)."""
    gated = amplitudes * mask
    near = np.log((gated + _FLOOR) / (amplitudes + _FLOOR))
    loss = np.abs(gated - amplitudes).mean() + np.abs(near).mean()
    slope = amplitudes * (np.sign(gated - amplitudes) + np.sign(near) / (gated + _FLOOR))
    return float(loss), slope.sum(axis=0) / np.float32(amplitudes.size)
