"""What recurrent units remember before training."""

import pytest
import torch

from fxlab.models.stack import Stack
from fxlab.models.stack_config import recurrent
from fxlab.training.memories import spread_memories


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_untrained_units_remember_for_all_kinds_of_times(cell):
    """Alone, without what the others tell them, they lose half of what they heard after 2 to some hundred samples."""
    network = Stack(recurrent(cell, 16))
    spread_memories(network)
    layer = network.layers[0]
    with torch.no_grad():
        layer.weight_hh.zero_()
        layer.weight_ih.zero_()
        layer.bias_hh[32:48] = layer.bias_ih[32:48] = 0.0  # nothing new
        states = [torch.ones_like(state) for state in network.rest()]
        remembered = []
        for _ in range(2000):
            _, *states = network.stream(torch.zeros(1, 1, 1), *states)
            remembered.append(states[-1][0, :, 0])
    half = (torch.stack(remembered) > 0.5).sum(dim=0)
    assert half[0] <= 1 and 500 < half[-1] < 1000 and bool((half.diff() >= 0).all())
    assert 10 < half[8] < 40
