"""A causal dilated convolutional network for audio effects, in the layout that Neural Amp Modeler calls WaveNet.

Each layer adds an activation of (dilated convolution of its input + the dry signal through a 1x1 convolution) to a head that
the layers of an array share, and a 1x1 convolution of it to its input (van den Oord et al. 2016, arXiv 1609.03499; Wright et al.
2020, "Real-Time Guitar Amplifier Emulation with Deep Learning"). Arrays run one after the other; the named sizes are those of
Neural Amp Modeler, so that a network trained here has the weights of a `.nam` file.

Knobs scale and shift what goes into every layer's activation ("FiLM", Perez et al. 2018, arXiv 1709.07871): a layer of a few
units makes the logarithms of the factors, and the offsets, of them.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fxlab.models import tcn_function
from fxlab.models.activations import activate
from fxlab.models.tcn_config import ArrayConfig, TCNConfig


class _Layer(nn.Module):
    def __init__(self, array: ArrayConfig, index: int, film_hidden: int) -> None:
        super().__init__()
        kernel, dilation = array.kernel_sizes[index], array.dilations[index]
        self.conv = nn.Conv1d(array.channels, array.pre_activations, kernel, dilation=dilation)
        self.mixin = nn.Conv1d(1, array.pre_activations, 1, bias=False)
        self.residual = nn.Conv1d(array.channels, array.channels, 1)
        self.film = nn.Conv1d(film_hidden, 2 * array.pre_activations, 1) if film_hidden else None
        if self.film is not None:  # at the start a knob changes little, and nothing at all on average
            nn.init.normal_(self.film.weight, std=0.1)
            nn.init.zeros_(self.film.bias)
        self.history = array.histories[index]
        self.activation, self.slope, self.gated = array.activation, array.slope, array.gated

    def forward(self, x: Tensor, dry: Tensor, knobs: Tensor | None) -> tuple[Tensor, Tensor]:
        """(batch, channels, n) to the activation and the next layer's input, both `history` samples shorter."""
        n = x.shape[-1] - self.history
        mixed = self.conv(x) + self.mixin(dry[..., dry.shape[-1] - n :])
        if self.film is not None:
            gamma, beta = self.film(knobs[..., -n:]).chunk(2, dim=1)
            mixed = mixed * gamma.exp() + beta  # a knob in decibels is a factor that grows exponentially
        if self.gated:
            first, gate = mixed.chunk(2, dim=1)
            activation = activate(first, self.activation, self.slope) * gate.sigmoid()
        else:
            activation = activate(mixed, self.activation, self.slope)
        return activation, x[..., self.history :] + self.residual(activation)


class _Array(nn.Module):
    def __init__(self, inputs: int, config: ArrayConfig, film_hidden: int) -> None:
        super().__init__()
        self.expand = nn.Conv1d(inputs, config.channels, 1, bias=False)
        self.layers = nn.ModuleList(_Layer(config, i, film_hidden) for i in range(len(config.dilations)))
        self.head = nn.Conv1d(config.channels, config.head, config.head_kernel, bias=config.head_bias)


class TCN(nn.Module):
    """The network; `TCN(SIZES["standard"])` has 13 802 parameters and looks back 4 093 samples.

    Shape:
        `forward`: (batch, 1, receptive_field - 1 + n) to (batch, 1, n); the leading samples are context only.
        `stream`: (batch, 1, n) and the states of `config.state_shapes()` to (batch, 1, n) and the new states.
        Both take `controls`, (batch, controls, as many frames as `dry`, or 1 where no knob moves), if the network has any.
    """

    recurrent = False

    def __init__(self, config: TCNConfig) -> None:
        super().__init__()
        self.config = config
        inputs = [1] + [array.channels for array in config.arrays[:-1]]
        hidden = config.film_hidden if config.controls else 0
        self.film = nn.Conv1d(config.controls, hidden, 1) if hidden else None
        self.arrays = nn.ModuleList(_Array(n, array, hidden) for n, array in zip(inputs, config.arrays, strict=True))
        self.scale = nn.Parameter(torch.ones(()))

    @property
    def receptive_field(self) -> int:
        return self.config.receptive_field

    def state_shapes(self) -> dict[str, tuple[int, int]]:
        """Name to (channels, frames) of every memory."""
        return self.config.state_shapes()

    def forward(self, dry: Tensor, controls: Tensor | None = None) -> Tensor:
        weights = dict(self.named_parameters())
        if tcn_function.suits(self.config, dry, controls, weights.values()):
            return self.scale * self._compiled(dry, controls, weights)
        # Heads are only as long as what they feed needs: the output, and the past that later heads take in.
        wanted = dry.shape[-1] - self.receptive_field + 1 + sum(a.head_kernel - 1 for a in self.config.arrays)
        x, head, knobs = dry, None, self._knobs(controls)
        for array in self.arrays:
            x = array.expand(x)
            for layer in array.layers:
                activation, x = layer(x, dry, knobs)
                activation = activation[..., activation.shape[-1] - wanted :]
                head = activation if head is None else head + activation
            head = array.head(head)
            wanted = head.shape[-1]
        return self.scale * head

    def _compiled(self, dry: Tensor, controls: Tensor | None, weights: dict[str, Tensor]) -> Tensor:
        """The same in compiled code: knobs that don't move are as good as convolutions of their own for every row."""
        if self.film is not None:
            knobs = self._knobs(controls)
            for i, array in enumerate(self.arrays):
                for j, layer in enumerate(array.layers):
                    at, (gamma, beta) = f"arrays.{i}.layers.{j}", layer.film(knobs).chunk(2, dim=1)
                    factor = gamma.exp()
                    weights[f"{at}.conv.weight"] = factor[..., None] * layer.conv.weight
                    weights[f"{at}.conv.bias"] = factor[..., 0] * layer.conv.bias + beta[..., 0]
                    weights[f"{at}.mixin.weight"] = factor[..., None] * layer.mixin.weight
        return tcn_function.tcn(self.config, dry, [weights[name] for name in tcn_function.weight_names(self.config)])

    def stream(self, dry: Tensor, *states: Tensor, controls: Tensor | None = None) -> tuple[Tensor, ...]:
        """One block with the memories in and out, each of shape (batch, channels, frames)."""
        old, new = iter(states), []

        def remembering(x: Tensor, frames: int) -> Tensor:
            """`x` behind its remembered past, of which the last `frames` are remembered anew."""
            x = torch.cat((next(old), x), dim=-1)
            new.append(x[..., -frames:] if frames else x[..., :0])
            return x

        x, head, knobs = dry, None, self._knobs(controls)
        for array in self.arrays:
            x = array.expand(x)
            for layer in array.layers:
                activation, x = layer(remembering(x, layer.history), dry, knobs)
                head = activation if head is None else head + activation
            kernel = array.head.kernel_size[0]
            head = array.head(remembering(head, kernel - 1) if kernel > 1 else head)
        return (self.scale * head, *new)

    def _knobs(self, controls: Tensor | None) -> Tensor | None:
        return None if self.film is None else self.film(controls).tanh()
