"""ACE in torch, differentiable in the audio and in every learnable parameter."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fxlab.effects.ace import EFFECT, LEARNABLE
from fxlab.effects.ace.bank import bank_of
from fxlab.effects.ace.design import Design, design
from fxlab.effects.ace.torch_play import play

_PIECE = 2048  # intervals that are played at once where no gradient is asked for


class AceModule(nn.Module):
    """ACE as a layer; the same output as the streaming forms from silence, each leading row as a mono stream of its own.

    Those in `LEARNABLE` are learnable, float64 in their own units; what lies outside the declared range counts as its end, and
    gets no gradient there. Computes in float64 on the CPU. `torch_play.play` is for linked channels, and for states.

    Args:
        sample_rate_hz: Rate of the audio.
        parameters: As declared in `fxlab.effects.ace`.

    Shape:
        (..., frames) to the same.
    """

    def __init__(self, *, sample_rate_hz: int, **parameters: object) -> None:
        super().__init__()
        self.sample_rate_hz, values = sample_rate_hz, EFFECT.resolve(parameters)
        self.fixed = {name: value for name, value in values.items() if name not in LEARNABLE}
        for name in LEARNABLE:
            setattr(self, name, nn.Parameter(torch.tensor(float(values[name]), dtype=torch.float64)))
        self.bank = bank_of(sample_rate_hz, values["bands"], values["latency_ms"])

    def design(self) -> Design:
        """The numbers of the present setting, for `torch_play.play`."""
        ranges = {
            parameter.name: (parameter.low, parameter.high) for parameter in EFFECT.parameters if parameter.name in LEARNABLE
        }
        learnt = {name: getattr(self, name).clamp(*ends) for name, ends in ranges.items()}
        return design(torch, {**self.fixed, **learnt}, self.bank, self.sample_rate_hz)

    def forward(self, x: Tensor) -> Tensor:
        design, interval, frames = self.design(), self.bank.interval, x.shape[-1]
        rows = x.reshape(x.shape[:-1].numel(), 1, frames)
        padded = nn.functional.pad(rows, (0, -frames % interval if frames else interval))
        graph = torch.is_grad_enabled() and (x.requires_grad or any(value.requires_grad for value in self.parameters()))
        size = padded.shape[-1] if graph else _PIECE * interval
        out, state = [x.new_zeros((len(rows), 1, interval))], None
        for piece in padded.split(size, -1):
            y, state = play(piece, design, self.bank, state, self.fixed["adapt"], self.fixed["tce_carrier"])
            out.append(y)
        return torch.cat(out, -1)[..., :frames].reshape(x.shape)
