"""ACE as a network: its parameters are what it learns, each from an unconstrained number."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from fxlab.effects.ace import LEARNABLE
from fxlab.effects.ace.bank import STAGES, bank_of
from fxlab.effects.ace.design import Design, design
from fxlab.effects.ace.torch_play import play
from fxlab.effects.params import Param
from fxlab.models.ace_config import PARAMS, SCALARS, AceConfig, tail_of

_BAND = PARAMS[LEARNABLE[-1]]
_CLEAR = 0.02  # of the range: where a sigmoid still has a slope


class Ace(nn.Module):
    """ACE with learnt parameters, each `Param.at(sigmoid(u))` of an unconstrained u.

    It starts at the effect's defaults; those at an end of their range a fiftieth of it inside, where there is a gradient.

    Shape:
        As of `fxlab.models.stack.Stack`; rows of a batch are independent.
    """

    recurrent = True
    state_dtype = torch.float64

    def __init__(self, config: AceConfig) -> None:
        super().__init__()
        self.config = config
        shapes = config.weight_shapes()
        self.scalars = nn.Parameter(torch.tensor([free(PARAMS[name], PARAMS[name].default) for name in SCALARS]))
        self.gains = nn.Parameter(torch.full(shapes["gains"], free(_BAND, _BAND.default)))
        self.bank = bank_of(config.sample_rate_hz, config.bands, config.latency_ms)

    @property
    def receptive_field(self) -> int:
        return self.config.receptive_field

    @property
    def latency(self) -> int:
        """Samples by which its output is late."""
        return self.config.latency

    @property
    def tail(self) -> int:
        """Samples that it rings on, as it is now."""
        return tail_of(self.config, {name: free.detach().cpu().numpy() for name, free in self.state_dict().items()})

    def state_shapes(self) -> dict[str, tuple[int, int]]:
        """Name to (features, frames) of every memory."""
        return self.config.state_shapes()

    def rest(self, batch: int = 1) -> tuple[Tensor, ...]:
        """The memories before anything was heard: zeros, in double precision."""
        return tuple(torch.zeros(batch, *shape, dtype=self.state_dtype) for shape in self.state_shapes().values())

    def values(self) -> dict[str, Tensor]:
        """Every learnt parameter by name, float64; with single bands, their gains are `gains_db`, (bands,)."""
        values = {name: at(PARAMS[name], u) for name, u in zip(SCALARS, self.scalars.double(), strict=True)}
        gains = at(_BAND, self.gains.double())
        if self.config.single:
            return values | {"gains_db": gains}
        return values | dict(zip(LEARNABLE[len(SCALARS) :], gains, strict=True))

    def forward(self, dry: Tensor, controls: Tensor | None = None) -> Tensor:
        context = self.receptive_field - 1
        with torch.no_grad():
            _, *states = self.stream(dry[..., :context], *self.rest(len(dry)))
        return self.stream(dry[..., context:], *states)[0]

    def stream(self, dry: Tensor, *states: Tensor, controls: Tensor | None = None, linked: bool = False) -> tuple[Tensor, ...]:
        """One block with the memories in and out.

        Args:
            linked: The rows are channels of one signal. They all stand at the same place of an interval in any case.
        """
        rows, _, frames = dry.shape
        memory = dict(zip(self.state_shapes(), states, strict=True))
        waiting, ready = memory.pop("waiting"), memory.pop("ready")
        at_, interval = int(memory.pop("position")[0, 0, 0]), self.bank.interval
        heard = torch.cat((waiting[..., :at_].to(dry.dtype), dry), dim=-1)
        whole = heard.shape[-1] // interval * interval
        played = ready[..., at_:].to(dry.dtype)
        if whole:
            x = heard[..., :whole]
            wet, new = self._play(x.transpose(0, 1) if linked else x, _unfolded(memory, rows, linked))
            wet = wet.transpose(0, 1) if linked else wet
            played, ready, memory = torch.cat((played, wet), dim=-1), wet[..., -interval:].double(), _folded(new, rows, memory)
        rest = heard[..., whole:].double()
        position = states[0].new_full((rows, 1, 1), rest.shape[-1])
        waiting = torch.nn.functional.pad(rest, (0, interval - rest.shape[-1]))
        return played[..., :frames], position, waiting, ready, *memory.values()

    def _play(self, x: Tensor, state: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        config = self.config
        return play(x, self.design(), self.bank, state, config.adapt, config.tce_carrier)

    def design(self) -> Design:
        """The numbers that it plays with, differentiable."""
        values = self.values()
        single = values.pop("gains_db", None)
        return design(torch, values | self.config.structure, self.bank, self.config.sample_rate_hz, single)


def at(param: Param, free_value: Tensor) -> Tensor:
    """A parameter's value for an unconstrained number; differentiable `param.at(sigmoid(u))`."""
    share = torch.sigmoid(free_value)
    return param.low * (param.high / param.low) ** share if param.scale == "log" else param.low + share * (param.high - param.low)


def free(param: Param, value: float) -> float:
    """The unconstrained number for a value, as far as it isn't at an end of its range."""
    share = min(max(param.share(value), _CLEAR), 1.0 - _CLEAR)
    return math.log(share / (1.0 - share))


_LINKED = ("tce_followers", "followers", "heard")


def _unfolded(memory: dict[str, Tensor], rows: int, linked: bool) -> dict[str, Tensor]:
    """A model's memories as `play` has them: (rows, channels, ...), without channels for what is linked."""
    lead = (1, rows) if linked else (rows, 1)
    shapes = {"bank": (2, STAGES), "highpass": (1, 2), "tce_highpass": (1, 2), "out_highpass": (1, 2)}
    found = {}
    for name, state in memory.items():
        if name in _LINKED:
            found[name] = (state[:1] if linked else state).squeeze(-1)
        elif name == "bank":
            found[name] = state.reshape(*lead, 2, STAGES, state.shape[-1])
        else:
            found[name] = state.reshape(*lead, *shapes.get(name, (state.shape[-1],)))
    return found


def _folded(state: dict[str, Tensor], rows: int, like: dict[str, Tensor]) -> dict[str, Tensor]:
    """What `_unfolded` took apart, in the order and the shapes of `like`."""
    return {name: state[name].reshape(-1, *old.shape[1:]).expand(rows, -1, -1) for name, old in like.items()}
