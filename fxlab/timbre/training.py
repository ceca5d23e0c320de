"""The training of an instrument: the loop of all trainings, over segments of recordings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from fxlab.errors import UsageError
from fxlab.models.checkpoint import network_of
from fxlab.settings import GrowSettings, TrainSettings
from fxlab.timbre.config import InstrumentConfig
from fxlab.timbre.ddsp import Ddsp
from fxlab.timbre.instrument import read_instrument
from fxlab.timbre.losses import SpectralLoss
from fxlab.timbre.perceptual import PerceptualLoss
from fxlab.timbre.segments import Batch, Segments
from fxlab.timbre.synthesis_torch import synthesize, white_noise
from fxlab.training.loop import Loop, Run

_FLOOR = 1e-5
"""Amplitude under which a teacher's and a pupil's controls count as equal."""


class Lesson:
    """What a batch costs.

    Args:
        settings: Scales and weights.
        sample_rate_hz: Of the audio.
        teacher: An instrument's network to learn from too, or None.
    """

    def __init__(self, settings: GrowSettings, sample_rate_hz: int, teacher: Ddsp | None = None) -> None:
        self.settings, self.teacher = settings, teacher
        self.spectral = SpectralLoss(settings.scales)
        self.perceptual = PerceptualLoss(sample_rate_hz) if settings.perceptual_weight else None

    def loss(self, network: Ddsp, batch: Batch, seed: int) -> Tensor:
        """The weighted sum of all terms; `seed` numbers the noise."""
        played, controls = play(network, batch, seed)
        loss = self.spectral(played, batch.audio)
        if self.settings.time_weight:
            loss = loss + self.settings.time_weight * (played - batch.audio).abs().mean()
        if self.perceptual:
            loss = loss + self.settings.perceptual_weight * self.perceptual(played, batch.audio)
        if self.teacher is not None:
            with torch.no_grad():
                wanted = self.teacher(batch.given, batch.f0_hz)
            terms = (
                ((one + _FLOOR).log() - (two + _FLOOR).log()).abs().mean() for one, two in zip(controls, wanted, strict=True)
            )
            loss = loss + self.settings.teacher_weight * sum(terms)
        return loss


def teacher_of(settings: GrowSettings, config: InstrumentConfig, device: torch.device) -> Ddsp | None:
    """The network that the settings name as a teacher, if any; raises `UsageError` for one that plays otherwise than `config`."""
    if not settings.teacher:
        return None
    model = read_instrument(Path(settings.teacher))
    same = ("sample_rate_hz", "hop", "harmonics", "bands", "mfcc")
    if any(getattr(model.config, name) != getattr(config, name) for name in same):
        raise UsageError(
            f"{settings.teacher} can't teach an instrument of another rate, hop or number of partials.", "Choose another."
        )
    return network_of(model).to(device).requires_grad_(False)


def play(network: Ddsp, batch: Batch, seed: int) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """The audio of a batch, (batch, frames * hop), in its room, and the network's answers."""
    harmonics, noise = network(batch.given, batch.f0_hz)
    quiet = batch.quietness[..., None]
    frames = batch.f0_hz.shape[1] - 1
    white = white_noise(network.config, len(batch), frames, torch.Generator().manual_seed(seed)).to(batch.audio.device)
    audio = synthesize(network.config, batch.f0_hz, harmonics * quiet, noise * quiet, white)
    return network.room(audio), (harmonics, noise)


class InstrumentLoop(Loop):
    """`Loop` whose batches are segments of recordings."""

    def __init__(self, run: Run, segments: Segments, settings: TrainSettings, lesson: Lesson, **rest: object) -> None:
        super().__init__(run, segments, settings, loss=None, **rest)  # type: ignore[arg-type]
        self.lesson = lesson

    def _gradients(self, batch: Batch) -> tuple[float, list[Tensor]]:
        run, total = self.run, 0.0
        run.optimiser.zero_grad(set_to_none=True)
        part = max(1, self.settings.batch_size >> run.halvings)
        mixed = self.settings.mixed_precision and self.device.type == "cuda"
        for start in range(0, len(batch), part):
            own = batch.part(slice(start, start + part)).to(self.device)
            # Every part of a step has a noise of its own, the same after a resumption.
            seed = (self.settings.seed * 1_000_003 + run.step) * 4096 + start
            with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=mixed):
                loss = self.lesson.loss(run.model, own, seed) * (len(own) / len(batch))
            loss.backward()
            total += float(loss.detach())
        return total, []


def validator(kept: Sequence[Batch], lesson: Lesson, stopping: Callable[[], bool]) -> Callable[[Run], float | None]:
    """What `Loop` asks for the figure of the weights: the spectral loss of what was kept back; None if it was stopped."""

    def validate(run: Run) -> float | None:
        network, weights = run.model, {name: tensor.clone() for name, tensor in run.model.state_dict().items()}
        network.load_state_dict(run.weights())
        try:
            found = spectral_loss(network, kept, lesson, stopping)
        finally:
            network.load_state_dict(weights)
        return found

    return validate


def spectral_loss(
    network: nn.Module, kept: Sequence[Batch], lesson: Lesson, stopping: Callable[[], bool] = lambda: False
) -> float | None:
    """The spectral loss of recordings, each weighed by its length; None if it was stopped."""
    device = next(network.parameters()).device
    total = samples = 0.0
    with torch.no_grad():
        for number, batch in enumerate(kept):
            if stopping():
                return None
            own = batch.to(device)
            played, _ = play(network, own, number)
            total += float(lesson.spectral(played, own.audio)) * own.audio.shape[-1]
            samples += own.audio.shape[-1]
    return total / samples
