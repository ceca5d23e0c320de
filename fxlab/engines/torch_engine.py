"""Networks run by torch: the reference that every other engine is measured against, and its TorchScript form."""

from __future__ import annotations

import copy
import io
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from fxlab.engines.network import NetworkProcessor
from fxlab.errors import UsageError
from fxlab.models.checkpoint import network_of
from fxlab.models.model import Card, Model


class Streaming(nn.Module):
    """A network's `stream` as its `forward`, for tracing; of one with knobs the second argument is `controls`."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, dry: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
        if self.network.config.controls:
            controls, *states = others
            return self.network.stream(dry, *states, controls=controls)
        if self.network.config.kind == "ace":
            return self.network.stream(dry, *others, linked=True)
        return self.network.stream(dry, *others)


class TorchProcessor(NetworkProcessor):
    """Runs `network.stream` eagerly, or `call`, which takes what `trace` makes takes, in its place when that is given."""

    def __init__(self, network: nn.Module, card: Card, call: Callable[..., tuple[Tensor, ...]] | None = None) -> None:
        super().__init__(card, network.state_shapes(), network.config.controls, getattr(network, "tail", None))
        self.network = network.eval()
        self._call = call or Streaming(self.network)
        self._dtype = getattr(network, "state_dtype", next(network.parameters()).dtype)

    def exact(self) -> TorchProcessor:
        """The same in double precision: how far off it this one is tells what rounding alone makes of the network."""
        return TorchProcessor(copy.deepcopy(self.network).double(), self.card)

    def _allocate(self) -> None:
        super()._allocate()
        self._state = {name: torch.from_numpy(array).to(self._dtype).numpy() for name, array in self._state.items()}

    @torch.inference_mode()
    def _infer(self, dry: np.ndarray, out: np.ndarray, controls: np.ndarray | None) -> None:
        states = [torch.from_numpy(array) for array in self._state.values()]
        knobs = [] if controls is None else [torch.from_numpy(controls).to(self._dtype).expand(self.channels, -1, -1)]
        wet, *new_states = self._call(torch.from_numpy(dry[:, None]).to(self._dtype), *knobs, *states)
        for state, new in zip(states, new_states, strict=True):
            state.copy_(new)
        np.copyto(out, wet.numpy()[:, 0])


def trace(network: nn.Module) -> torch.jit.ScriptModule:
    """The streaming network as TorchScript: (dry, *states) to (wet, *new states), any block size and batch.

    A network with knobs takes (dry, controls, *states), controls of shape (batch, controls, 1 or as many frames as `dry`).

    Raises:
        UsageError: An ACE, which computes outside of torch.
    """
    if network.config.kind == "ace":
        raise UsageError("An ACE has no TorchScript form.", "Use ONNX, the fused engine, or a profile (`--format profile`).")
    knobs = [torch.zeros(1, network.config.controls, 1)] if network.config.controls else []
    states = [torch.zeros(1, *shape) for shape in network.state_shapes().values()]
    with torch.inference_mode(), warnings.catch_warnings():
        # torch calls its own TorchScript deprecated; other programs still load it.
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(Streaming(network).eval(), (torch.zeros(1, 1, 64), *knobs, *states), check_trace=False)
        return torch.jit.freeze(traced)


def save_torchscript(traced: torch.jit.ScriptModule, path: Path, files: dict[str, str]) -> None:
    """Writes it with text files inside, which `torch.jit.load(path, _extra_files=...)` gives back."""
    content = io.BytesIO()  # torch's own file writer ends the whole process where the disk is full
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(traced, content, _extra_files=files)
    path.write_bytes(content.getbuffer())


def torch_processor(model: Model) -> TorchProcessor:
    """A processor that runs the network eagerly."""
    return TorchProcessor(network_of(model), model.card)


def torchscript_processor(model: Model) -> TorchProcessor:
    """A processor that runs the network's TorchScript form, made in memory."""
    network = network_of(model)
    return TorchProcessor(network, model.card, trace(network))
