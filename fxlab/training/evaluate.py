"""What a network is worth: its error on recordings, and what it plays when nobody plays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from fxlab.metrics import quality, spectrum
from fxlab.settings import TrainSettings
from fxlab.training.pair import Pair, context_of

CHUNK = 1 << 16
_PIECE_S = 10.0  # bounds the memory of a loss
_ROWS = 4  # of a recurrent network, all the same: compiled layers run four at once, torch's GRU takes 20 times as long for one


@torch.inference_mode()
def play(network: nn.Module, pair: Pair) -> tuple[np.ndarray, np.ndarray]:
    """A pair's target and the network's output for it, float32 (frames,) each.

    What isn't judged (`Pair.judged`) is left out of both. Recurrent networks warm up once, on that or on silence, and then carry
    their state through the whole take.
    """
    device = next(network.parameters()).device
    context = context_of(network, [pair])
    heard, target = pair.judged(context)
    rows = _ROWS if network.recurrent else 1
    dry = torch.from_numpy(heard).expand(rows, 1, -1)
    controls = torch.from_numpy(pair.controls)[:, None].expand(rows, -1, 1).to(device)
    output = np.empty_like(target)
    states = []
    if network.recurrent:
        _, *states = network.stream(dry[..., :context].to(device), *network.rest(rows), controls=controls)
    for start in range(0, len(target), CHUNK):
        piece = dry[..., start : start + CHUNK + context].to(device)
        if states:
            wet, *states = network.stream(piece[..., context:], *states, controls=controls)
        else:
            wet = network(piece, controls)
        output[start : start + CHUNK] = wet[0, 0].cpu().numpy()
    return target, output


def pooled_esr(network: nn.Module, pairs: Iterable[Pair]) -> float:
    """Energy of all errors over energy of all targets."""
    error = energy = 0.0
    for pair in pairs:
        target, output = play(network, pair)
        error += float(np.sum(np.square(target - output, dtype=np.float64)))
        energy += float(np.sum(np.square(target, dtype=np.float64)))
    return error / energy if energy else float("inf") if error else 0.0


BoundLoss = Callable[[torch.Tensor, torch.Tensor, TrainSettings], torch.Tensor]


@torch.inference_mode()
def loss_of(target: np.ndarray, output: np.ndarray, loss: BoundLoss, settings: TrainSettings, rate_hz: int) -> float:
    """A training loss of signals (frames,), taken of about 10 seconds at a time and weighted with their length."""
    pieces = max(1, round(len(target) / (_PIECE_S * rate_hz)))
    total = 0.0
    for one in zip(np.array_split(target, pieces), np.array_split(output, pieces), strict=True):
        total += len(one[0]) * float(loss(*(torch.from_numpy(signal)[None] for signal in one), settings))
    return total / len(target)


def mean_loss(network: nn.Module, pairs: Iterable[Pair], loss: BoundLoss, settings: TrainSettings, rate_hz: int) -> float:
    """`loss_of` all takes, weighted with their length."""
    total, frames = 0.0, 0
    for pair in pairs:
        target, output = play(network, pair)
        total += len(target) * loss_of(target, output, loss, settings, rate_hz)
        frames += len(target)
    return total / frames if frames else float("inf")


def score(target: np.ndarray, output: np.ndarray) -> dict[str, float | str]:
    """ESR, pre-emphasised ESR, MR-STFT distance and the verdict on the ESR."""
    error = quality.esr(target, output)
    return {
        "esr": error,
        "pre_emphasised_esr": quality.pre_emphasised_esr(target, output),
        "mr_stft": quality.mr_stft(target, output),
        "verdict": quality.verdict(error),
    }


def pooled(played: Sequence[tuple[np.ndarray, np.ndarray]]) -> dict[str, float | str]:
    """`score` of several targets and outputs as one: ratios of summed energies, the mean of the distances."""
    energies = np.sum([quality.energies(target, output) for target, output in played], axis=0)
    error = quality.ratio(*energies[0])
    return {
        "esr": error,
        "pre_emphasised_esr": quality.ratio(*energies[1]),
        "mr_stft": float(np.mean([quality.mr_stft(target, output) for target, output in played])),
        "verdict": quality.verdict(error),
    }


def by_setting(played: Iterable[tuple[Mapping[str, float], np.ndarray, np.ndarray]]) -> list[dict[str, Any]]:
    """Parameters, target and output of each take to one row per setting of the parameters, in their order.

    A row has `parameters`, the number of `takes`, their `frames`, and what `pooled` gives.
    """
    groups: dict[tuple, list[tuple[np.ndarray, np.ndarray]]] = {}
    for parameters, target, output in played:
        groups.setdefault(tuple(parameters.items()), []).append((target, output))
    return [
        {
            "parameters": dict(setting),
            "takes": len(takes),
            "frames": sum(len(target) for target, _ in takes),
            **pooled(takes),
        }
        for setting, takes in sorted(groups.items())
    ]


@torch.inference_mode()
def on_silence(network: nn.Module, rate_hz: int, controls: np.ndarray) -> dict[str, float]:
    """The network's own noise (dB of full scale, DC excluded) and its DC on a second of silence, with its knobs so."""
    device = next(network.parameters()).device
    silence = torch.zeros(1, 1, network.receptive_field - 1 + rate_hz, device=device)
    output = network(silence, torch.from_numpy(controls)[None, :, None].to(device))[0, 0].cpu().numpy()
    return {"noise_db": spectrum.noise_floor_db(output), "dc": spectrum.dc_on_silence(output)}
