"""What recurrent networks remember before they have learnt anything."""

from __future__ import annotations

import math

import torch
from torch import nn

LONGEST = 1000
"""Samples for which the most patient unit remembers."""


@torch.no_grad()
def spread_memories(network: nn.Module) -> None:
    """Gives the units of every LSTM and GRU layer memories of 1 to `LONGEST` samples, evenly spread on a log scale.

    This is "chrono initialisation" (Tallec and Ollivier 2018, arXiv 1804.11188). Units with the usual random biases forget within
    two samples, and to an effect with a high-pass of 20 Hz they must first learn to remember, which takes thousands of steps.

    Args:
        network: A recurrent `Stack`.
    """
    for layer in network.layers:
        if layer.config.recurrent:
            hidden = layer.config.outputs
            memory = torch.linspace(0, math.log(LONGEST), hidden)
            layer.bias_ih[: 2 * hidden] = 0.0
            layer.bias_hh[hidden : 2 * hidden] = memory  # the forget gate of an LSTM, the update gate of a GRU
            if layer.config.kind == "lstm":
                layer.bias_hh[:hidden] = -memory  # the input gate: the longer the memory, the less of the new
