"""A trained ACE on the effect's own compiled form."""

from __future__ import annotations

import numpy as np

from fxlab.effects.ace.kernel import Ace
from fxlab.effects.processor import State
from fxlab.engines.network import NetworkProcessor
from fxlab.kernels.stages import Stage
from fxlab.models.ace_config import settings_of, tail_of
from fxlab.models.model import Model


class FusedAce(NetworkProcessor):
    """Plays a model of the kind "ace" as the effect `ace` at its learnt parameters; channels are linked."""

    def __init__(self, model: Model) -> None:
        super().__init__(model.card, model.config.state_shapes(), tail=tail_of(model.config, model.weights))
        self._ace = Ace(**settings_of(model.config, model.weights))

    def _allocate(self) -> None:
        super()._allocate()
        self._ace.prepare(self.sample_rate_hz, self.channels, self.max_block)
        self._state = self._ace._state

    def _run(self, block: np.ndarray, out: np.ndarray) -> None:
        self._ace.process(block, out)

    _infer = _run

    def compiled(self) -> Stage:
        return self._ace.compiled()

    def remarks(self) -> list[str]:
        return self._ace.remarks()

    def heritage(self) -> State:
        return self._ace.heritage()
