"""The training loop: one model, one loss, resumable to the bit on a CPU.

What a run is, at any moment, is `Run`: weights, optimiser moments, weight average, carried states, counters and history. It
is saved whole and read back whole, and the data of an epoch depends on (seed, epoch) alone, so that a run which was killed and
resumed has the weights of one that was left alone.

Recurrent networks learn by truncated backpropagation through time (Wright et al. 2019): a long sequence goes by in windows,
with one step per window; the state at the end of a window, cut off from its gradient, is where the next one begins. Before the
first window the network hears the sequence's context, without a gradient.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from fxlab.errors import CheckError, MissingError
from fxlab.settings import TrainSettings
from fxlab.training.data import Segments
from fxlab.training.distributed import ALONE, Team
from fxlab.training.losses import Loss

SAVE_EVERY_S = 60.0
_COUNT, _FIGURE = (int,), (float, int)
_RECORDED = {
    **dict.fromkeys(("epoch", "step_in_epoch", "step", "best_epoch", "halvings"), _COUNT),
    **dict.fromkeys(("seconds", "loss_sum", "best"), _FIGURE),
    **{"history": (list,), "fit": (dict,)},
}


@dataclass
class Run:
    """The state of a training run.

    `carried` are a recurrent network's states amid a sequence, (batch, features, frames) each; `fit` is what a run that is a fit
    (`ace_run`) has found so far.
    """

    model: nn.Module
    optimiser: torch.optim.Optimizer
    average: dict[str, Tensor] | None
    carried: list[Tensor] = field(default_factory=list)
    epoch: int = 0
    step_in_epoch: int = 0
    step: int = 0
    best: float = math.inf
    best_epoch: int = -1
    seconds: float = 0.0
    loss_sum: float = 0.0
    halvings: int = 0
    history: list[dict] = field(default_factory=list)
    fit: dict = field(default_factory=dict)

    @classmethod
    def fresh(cls, model: nn.Module, settings: TrainSettings) -> Run:
        options = {"lr": settings.learning_rate, "weight_decay": settings.weight_decay, "fused": True}
        optimiser = torch.optim.AdamW(model.parameters(), **options)
        average = {name: tensor.clone() for name, tensor in model.state_dict().items()} if settings.ema else None
        return cls(model, optimiser, average)

    def weights(self) -> dict[str, Tensor]:
        """What is evaluated and shipped: the average where there is one."""
        return self.average if self.average is not None else self.model.state_dict()

    def tensors(self) -> dict[str, Tensor]:
        """Everything besides the weights that resuming needs, by name."""
        named = {}
        for index, state in self.optimiser.state_dict()["state"].items():
            named |= {f"{index}.{key}": torch.as_tensor(value) for key, value in state.items()}
        named |= {f"carried.{index}": state for index, state in enumerate(self.carried)}
        return named | {f"average.{name}": tensor for name, tensor in (self.average or {}).items()}

    def record(self) -> dict:
        """The counters and the history as plain data."""
        names = ("epoch", "step_in_epoch", "step", "best_epoch", "seconds", "loss_sum", "halvings", "history", "fit")
        return {name: getattr(self, name) for name in names} | {"best": None if math.isinf(self.best) else self.best}

    def restore(self, tensors: dict[str, Tensor], record: dict) -> None:
        """Takes back what `tensors` and `record` gave; the model's weights are already in place.

        Raises:
            KeyError, ValueError, IndexError, RuntimeError: They belong to another run.
        """
        state: dict[int, dict[str, Tensor]] = {}
        carried: dict[int, Tensor] = {}
        for name, tensor in tensors.items():
            owner, _, key = name.partition(".")
            if owner == "average":
                (self.average or {})[key].copy_(tensor)
            elif owner == "carried":
                carried[int(key)] = tensor.to(next(self.model.parameters()).device)
            else:
                state.setdefault(int(owner), {})[key] = tensor
        parameters = list(self.model.parameters())
        for index, moments in state.items():
            if any(moments[key].shape != parameters[index].shape for key in ("exp_avg", "exp_avg_sq")):
                raise ValueError(index)
        self.carried = [carried[index] for index in range(len(carried))]
        self.optimiser.load_state_dict({"state": state, "param_groups": self.optimiser.state_dict()["param_groups"]})
        for name, value in record.items():
            name = "best" if name == "best_esr" else name  # as fxlab 0.4 called it
            value = math.inf if name == "best" and value is None else value
            if type(value) not in _RECORDED[name]:
                raise ValueError(name)
            setattr(self, name, value)


def pick_device(name: str) -> torch.device:
    """`auto` is CUDA where there is some; raises `MissingError` when CUDA is asked for and absent."""
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise MissingError("There is no CUDA device, or this torch can't use it.", "Train with --device cpu.")
    return torch.device("cuda" if name == "cuda" or (name == "auto" and available) else "cpu")


def learning_rate(step: int, total: int, settings: TrainSettings) -> float:
    """Linear warm-up (a tenth of a short run at most), then half a cosine from the peak to `final_rate` of it."""
    warmup = min(settings.warmup_steps, total // 10)
    if step < warmup:
        return settings.learning_rate * (step + 1) / warmup
    progress = (step - warmup) / max(1, total - warmup)
    share = settings.final_rate + (1 - settings.final_rate) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
    return settings.learning_rate * share


class Loop:
    """Runs epochs until they are done, the patience is spent or `stopping` says so.

    Args:
        run: Fresh or restored.
        segments: Training data.
        settings: How to train.
        loss: (target, output, settings) to a scalar, both (batch, frames).
        validate: The run's weights to their figure on the validation split, less being better; None if it was stopped, which a
            resumed run makes up for.
        save: Called with (run, is_best) whenever the run must survive.
        report: Called with (run, steps in all, fields) after each step.
        stopping: Asked between steps and behind a validation; true ends the run there, saved.
        team: The processes that share the batches; all are given the same, and the first alone validates and saves.
        figure: What the history calls the figure of the validation split, "validation_..."; people see what follows.
    """

    def __init__(
        self,
        run: Run,
        segments: Segments,
        settings: TrainSettings,
        loss: Loss,
        validate: Callable[[Run], float | None],
        save: Callable[[Run, bool], None],
        report: Callable[[Run, int, dict], None],
        stopping: Callable[[], bool] = lambda: False,
        team: Team = ALONE,
        figure: str = "validation_esr",
    ) -> None:
        self.figure = figure
        self.run, self.segments, self.settings, self.team = run, segments, settings, team
        self.loss, self.validate, self.report = loss, validate, report
        self.save = save if team.first else lambda run, best: None
        self.stopping = lambda: team.any(stopping())
        self.device = next(run.model.parameters()).device
        self.batch = settings.batch_size * settings.accumulate
        self.steps = settings.steps_per_epoch or segments.steps(self.batch)
        self.total = self.steps * settings.epochs

    def go(self) -> str:
        """Trains; returns why it ended: "finished", "early stop" or "interrupted".

        Raises:
            CheckError: The loss is no longer a number. The last good state stays saved.
            MissingError: Even a single segment doesn't fit into memory.
        """
        run = self.run
        while run.epoch < self.settings.epochs:
            if self.settings.patience and run.epoch - 1 - run.best_epoch >= self.settings.patience:
                return "early stop"
            self._steps()
            if run.step_in_epoch < self.steps:
                self.save(run, False)
                return "interrupted"
            if not self._end_epoch() or self.stopping():
                return "interrupted"
        return "finished"

    def _steps(self) -> None:
        """The rest of the epoch's steps, or those until `stopping`."""
        run, saved = self.run, time.monotonic()
        run.model.train()
        for index, batch in enumerate(self.segments.epoch(run.epoch, self.batch, self.steps)):
            if index < run.step_in_epoch:
                continue
            began = time.monotonic()
            if index % self.segments.windows == 0:
                run.carried = []
            loss = self._step(batch)
            now = time.monotonic()
            run.step, run.step_in_epoch = run.step + 1, index + 1
            run.seconds, run.loss_sum = run.seconds + now - began, run.loss_sum + loss
            latest = {self.figure.removeprefix("validation_"): run.history[-1][self.figure]} if run.history else {}
            self.report(run, self.total, {"loss": run.loss_sum / run.step_in_epoch, **latest})
            if now - saved > SAVE_EVERY_S:
                self.save(run, False)
                saved = time.monotonic()
            if self.stopping():
                return

    def _end_epoch(self) -> bool:
        """Validates and goes on to the next epoch; false if that was stopped."""
        run, began = self.run, time.monotonic()
        found = self.team.of_first(lambda: self.validate(run))
        run.seconds += time.monotonic() - began
        if found is None:
            self.save(run, False)
            return False
        better = found < run.best
        if better:
            run.best, run.best_epoch = found, run.epoch
        figures = {"loss": run.loss_sum / run.step_in_epoch, self.figure: found, "seconds": run.seconds}
        rate = learning_rate(run.step - 1, self.total, self.settings)
        run.history.append({"epoch": run.epoch, "step": run.step, "learning_rate": rate, **figures})
        run.epoch, run.step_in_epoch, run.loss_sum, run.carried = run.epoch + 1, 0, 0.0, []
        self.save(run, better)
        return True

    def _step(self, batch: tuple) -> float:
        """One optimiser step; when memory runs out it is repeated in smaller parts.

        Figures of the loss that span a batch, such as its energy floor, are then taken per part.
        """
        run = self.run
        rate = learning_rate(run.step, self.total, self.settings)
        for group in run.optimiser.param_groups:
            group["lr"] = rate
        while True:
            try:
                loss, carried = self._gradients(batch)
                break
            except torch.OutOfMemoryError:
                if self.settings.batch_size >> run.halvings <= 1:
                    raise MissingError(
                        "Not even one segment fits into memory.", "Take shorter segments or a smaller size."
                    ) from None
                run.halvings += 1
        norm = nn.utils.clip_grad_norm_(run.model.parameters(), self.settings.clip_norm or math.inf)
        if not (math.isfinite(loss) and bool(torch.isfinite(norm))):
            raise CheckError(
                f"Training diverged: the loss is no longer a number after step {run.step}.",
                "Lower --learning-rate. The checkpoints saved before this step are intact.",
            )
        run.optimiser.step()
        run.carried = carried
        if run.average is not None:
            # The average starts as a plain mean so that the random initial weights are soon forgotten.
            decay = min(self.settings.ema, (1 + run.step) / (10 + run.step))
            weights = run.model.state_dict()
            torch._foreach_lerp_([run.average[name] for name in weights], list(weights.values()), 1 - decay)
        return loss

    def _gradients(self, batch: tuple) -> tuple[float, list[Tensor]]:
        """Leaves the gradients with the weights; returns the loss and a recurrent network's states behind the batch."""
        dry, target, controls = batch
        self.run.optimiser.zero_grad(set_to_none=True)
        part = max(1, self.settings.batch_size >> self.run.halvings)
        total, carried = 0.0, []
        mixed = self.settings.mixed_precision and self.device.type == "cuda"
        for start in range(0, len(dry), part):
            stop = min(start + part, len(dry))
            own = self.team.share(start, stop)
            with self.team.out_of_memory_together():
                x, knobs = (signal[own].to(self.device, non_blocking=True) for signal in (dry, controls))
                with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=mixed):
                    output, states = self._play(x, knobs, [state[own] for state in self.run.carried])
            output, *states = (self.team.gathered(rows, stop - start) for rows in (output[:, 0].float(), *states))
            with self.team.out_of_memory_together():
                y = target[start:stop].to(self.device, non_blocking=True)
                loss = self.loss(y, output, self.settings) * (len(y) / len(dry))
                loss.backward()
            total += float(loss.detach())
            carried.append(states)
        self.team.summed(list(self.run.model.parameters()))
        return total, [torch.cat(parts) for parts in zip(*carried, strict=True)]

    def _play(self, dry: Tensor, controls: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """The output, and the states behind it where the network is recurrent; without states `dry` begins with its context."""
        model = self.run.model
        if not model.recurrent:
            return model(dry, controls), []
        if not states:
            context = self.segments.context
            with torch.no_grad():
                _, *states = model.stream(dry[..., :context], *model.rest(len(dry)), controls=controls)
            dry = dry[..., context:]
        wet, *states = model.stream(dry, *states, controls=controls)
        return wet, [state.detach().to(torch.promote_types(state.dtype, torch.float32)) for state in states]
