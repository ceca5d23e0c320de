"""The hand-made gradients are torch's, and the roll-outs are those of the rules."""

from __future__ import annotations

import numpy as np
import pytest

from fxlab.timbre.automaton_gradient import Rollout
from fxlab.timbre.automaton_lesson import AutomatonSettings
from fxlab.timbre.classic_training import ClassicLesson
from fxlab.timbre.config import InstrumentConfig
from fxlab.timbre.kinship import kinship
from fxlab.timbre.rule import ALIVE, FIRE_RATE, Rule, levels_of, rule_shapes

torch = pytest.importorskip("torch")

CONFIG = InstrumentConfig(harmonics=8, bands=4, channels=4, cell_hidden=8, automaton="grown")
STEPS, BATCH, CELLS = 6, 3, 12
RNG = np.random.default_rng(0)
WEIGHTS = {name: (0.3 * RNG.normal(size=shape)).astype(np.float32) for name, shape in rule_shapes(CONFIG).items()}
STATE = RNG.normal(0.2, 0.3, (CELLS, BATCH, 4)).astype(np.float32)
LEVELS, PITCH, LOUDNESS = RNG.random((BATCH, CELLS)), RNG.normal(size=BATCH), RNG.normal(size=BATCH)
CONDITIONS = np.moveaxis(Rule(CONFIG, WEIGHTS).conditions(LEVELS, PITCH, LOUDNESS), 0, 1)
FIRES = (RNG.random((STEPS, CELLS, BATCH)) < FIRE_RATE).astype(np.float32)


class Fires:
    """In place of a generator: what it draws makes these cells fire."""

    def __init__(self) -> None:
        self._drawn = iter(np.where(FIRES.swapaxes(1, 2) > 0, 0.0, 1.0))

    def random(self, shape, dtype):
        return next(self._drawn).reshape(shape)


def in_torch(weights):
    """Behind each step, (steps, cells, batch, channels), by a program that shares nothing with the one that is tested."""
    views = torch.tensor(kinship(8, 4).views)
    near = [[int(other) for other in row if other < CELLS] for row in kinship(8, 4).relatives]
    living = lambda state: torch.stack([(state[[cell, *near[cell]], :, 0] > ALIVE).any(dim=0) for cell in range(CELLS)])  # noqa: E731
    state, states = torch.tensor(STATE), []
    for fires in torch.tensor(FIRES):
        before = living(state)
        around = [torch.einsum("xy,ybc->xbc", view, state) for view in views]
        heard = torch.cat([state, *around, torch.tensor(CONDITIONS)], dim=-1)
        hidden = torch.relu(torch.nn.functional.linear(heard, weights["hidden.weight"], weights["hidden.bias"]))
        state = state + fires[..., None] * torch.nn.functional.linear(hidden, weights["update.weight"])
        state = state * (before & living(state))[..., None]
        states.append(state)
    return torch.stack(states)


def test_a_rollout_and_its_gradient_are_torchs():
    weights = {name: torch.tensor(array, requires_grad=True) for name, array in WEIGHTS.items()}
    expected = in_torch(weights)
    wanted = RNG.normal(size=expected.shape).astype(np.float32)
    (expected * torch.tensor(wanted)).sum().backward()
    rollout = Rollout(CONFIG, STEPS, BATCH)
    found = rollout.run(WEIGHTS, STATE, CONDITIONS, FIRES)
    assert np.abs(found[1:] - expected.detach().numpy()).max() < 1e-5
    for name, slope in rollout.gradients(wanted).items():
        true = weights[name].grad.numpy()
        assert np.abs(slope - true).max() < 1e-5 * max(1.0, np.abs(true).max())


def test_a_rollout_is_the_rules():
    rule, fires = Rule(CONFIG, WEIGHTS), Fires()
    state, states = np.moveaxis(STATE, 0, 1), Rollout(CONFIG, STEPS, BATCH).run(WEIGHTS, STATE, CONDITIONS, FIRES)
    for step in range(STEPS):
        state = rule.step(state, LEVELS, PITCH, LOUDNESS, fires)
        assert np.abs(np.moveaxis(state, 0, 1) - states[step + 1]).max() < 1e-5


def test_the_classic_lesson_is_torchs():
    config = CONFIG.with_automaton("classic")
    levels = levels_of(RNG.random((1, CELLS)) + 0.05, 8)
    settings = AutomatonSettings(batch=1, steps=5)
    lesson = ClassicLesson(config, levels, PITCH, LOUDNESS, settings, 0)
    plain = lesson.fresh()
    loss, slopes = lesson.gradients(plain, 0)
    first, second = torch.nn.Conv1d(1, 16, 3, padding=1, padding_mode="circular"), torch.nn.Conv1d(16, 1, 1)
    named = {"conv1.weight": first.weight, "conv1.bias": first.bias, "conv2.weight": second.weight, "conv2.bias": second.bias}
    for name, parameter in named.items():
        parameter.data = torch.tensor(plain[name])
    mask = torch.zeros(1, 1, 8)
    mask[..., 0] = 1
    for _ in range(5):
        mask = torch.sigmoid(mask + second(torch.relu(first(mask))))
    own = torch.tensor(10 ** (3 * (levels[0, :8] - 1)))
    logs = torch.log((own * mask[0, 0] + 1e-5) / (own + 1e-5))
    expected = (own * mask[0, 0] - own).abs().mean() + logs.abs().mean()
    expected.backward()
    assert np.isclose(loss, float(expected.detach()), rtol=1e-5)
    for name, parameter in named.items():
        assert np.allclose(slopes[name], parameter.grad.numpy(), rtol=1e-4, atol=1e-6)
