"""Dense, recurrent and convolutional layers in a row: LSTM and GRU networks for audio effects.

(Wright, Damskaegg, Valimaki 2019, "Real-time black-box modelling with recurrent neural networks".)
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fxlab.models.activations import activate
from fxlab.models.network import Network
from fxlab.models.recurrent_function import gru_layer, lstm_layer
from fxlab.models.stack_config import LayerConfig, StackConfig


class _Layer(nn.Module):
    """One layer; its parameters have the names and the layout of torch's own layers."""

    def __init__(self, config: LayerConfig) -> None:
        super().__init__()
        self.config = config
        fan = config.outputs if config.recurrent else config.inputs * config.kernel_size
        for name, shape in config.weight_shapes().items():
            self.register_parameter(name, nn.Parameter(torch.empty(shape).uniform_(-1, 1) / math.sqrt(fan)))

    def forward(self, x: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """(batch, inputs, n) and states (batch, features, frames) to (batch, outputs, n) and the new states."""
        config = self.config
        if config.kind == "lstm":
            h, c = (state[..., 0] for state in states)
            out, h, c = lstm_layer(x.transpose(1, 2), h, c, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
            return out.transpose(1, 2), [h[..., None], c[..., None]]
        if config.kind == "gru":
            out, h = gru_layer(x.transpose(1, 2), states[0][..., 0], self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
            return out.transpose(1, 2), [h[..., None]]
        new = []
        if config.history:
            x = torch.cat((states[0], x), dim=-1)
            new = [x[..., -config.history :]]
        weight = self.weight[..., None] if config.kind == "dense" else self.weight
        return activate(F.conv1d(x, weight, self.bias, dilation=config.dilation), config.activation), new


class Stack(Network):
    """The network; `Stack(recurrent("lstm", 16))` has 1 233 parameters."""

    def __init__(self, config: StackConfig) -> None:
        super().__init__(config)
        self.layers = nn.ModuleList(_Layer(layer) for layer in config.layers)

    def stream(self, dry: Tensor, *states: Tensor, controls: Tensor | None = None) -> tuple[Tensor, ...]:
        """One block with the memories in and out, each of shape (batch, features, frames)."""
        x, new, taken = dry, [], 0
        if self.config.controls:
            x = torch.cat((dry, controls.expand(-1, -1, dry.shape[-1])), dim=1)
        for layer in self.layers:
            count = len(layer.config.state_shapes())
            x, states_after = layer(x, list(states[taken : taken + count]))
            taken += count
            new += states_after
        return (x + dry if self.config.skip else x, *new)
