"""The training of a mastering network: the loop of all trainings, over examples instead of recordings."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from fxlab.mastering.examples import Batch, Pool
from fxlab.mastering.features import TONE, WIDTH
from fxlab.mastering.losses import audio_terms, settings_terms, weighed
from fxlab.mastering.network import MasterNet
from fxlab.settings import MasteringSettings, TrainSettings
from fxlab.training.loop import Loop, Run


class Teacher:
    """What a batch costs.

    Args:
        moments: Mean and spread of the features, which the network is given in units of these.
        settings: Weights, and how much the features are shaken.
        seed: Of the shaking.
    """

    def __init__(self, moments: tuple[np.ndarray, np.ndarray], settings: MasteringSettings, seed: int) -> None:
        self._mean, self._spread = (torch.from_numpy(np.asarray(values, np.float32)) for values in moments)
        self.settings, self._seed = settings, seed

    def features(self, batch: Batch, network: MasterNet, shaken: int | None) -> Tensor | None:
        """As the network is given them; None for one that isn't.

        Songs are few, and the balance of each is a fact that the network could learn by heart. Shaken in each band, the balance
        only tells it what neighbouring bands agree on.
        """
        if not network.config.features:
            return None
        found = batch.features
        if shaken is not None:
            noise = torch.zeros_like(found)
            random = torch.Generator().manual_seed(self._seed * 1_000_003 + shaken)
            noise[:, TONE] = torch.randn(noise[:, TONE].shape, generator=random)
            noise[:, WIDTH] = torch.randn(noise[:, WIDTH].shape, generator=random) / 2
            found = found + self.settings.jitter_db / 10 * noise
        return (found - self._mean) / self._spread

    def loss(self, network: MasterNet, batch: Batch, shaken: int | None, rendered: int | None = None) -> Tensor:
        """The weighted sum of all terms.

        Args:
            shaken: Number of the shaking, None for none.
            rendered: Of so many examples the audio is played and heard; None of all.
        """
        rate_hz = network.config.sample_rate_hz
        z = network.analyse(batch.windows, self.features(batch, network, shaken))
        decided = network.settings(z)
        loss = weighed(settings_terms(decided, batch, rate_hz), self.settings)
        few = slice(0, rendered)
        if len(batch.dry[few]):
            output = network.render(batch.dry[few], _part(decided, few), z[few])
            loss = loss + weighed(audio_terms(output, batch.target[few], rate_hz), self.settings)
        return loss


class MasterLoop(Loop):
    """`Loop` whose batches are examples; `segments` is a `Pool`."""

    def __init__(self, run: Run, pool: Pool, settings: TrainSettings, teacher: Teacher, **rest: object) -> None:
        super().__init__(run, pool, settings, loss=None, **rest)  # type: ignore[arg-type]
        self.teacher = teacher

    def _gradients(self, batch: Batch) -> tuple[float, list[Tensor]]:
        self.run.optimiser.zero_grad(set_to_none=True)
        torch.manual_seed(self.settings.seed * 1_000_003 + self.run.step)  # dropout's, the same after a resumption
        loss = self.teacher.loss(self.run.model, batch, self.run.step, self.teacher.settings.rendered)
        loss.backward()
        return float(loss.detach()), []


def validator(pool: Pool, teacher: Teacher, stopping: Callable[[], bool], at_once: int = 16) -> Callable[[Run], float | None]:
    """What `Loop` asks for the figure of the weights: the mean loss over a pool; None if it was stopped."""

    def validate(run: Run) -> float | None:
        network, kept = run.model, {name: tensor.clone() for name, tensor in run.model.state_dict().items()}
        network.load_state_dict(run.weights())
        network.eval()
        total = 0.0
        try:
            with torch.no_grad():
                for batch in pool.all(at_once):
                    if stopping():
                        return None
                    total += float(teacher.loss(network, batch, None, teacher.settings.rendered)) * len(batch.dry)
        finally:
            network.load_state_dict(kept)
            network.train()
        return total / len(pool.examples)

    return validate


def _part(settings, few: slice):
    """The settings of some of a batch's songs."""

    def part(value):
        if value is None:
            return None
        return value[few] if isinstance(value, Tensor) else type(value)(*(one[few] for one in value))

    return type(settings)(part(settings.bands), part(settings.need), part(settings.box))
