"""`fxlab train`: a dataset in, a run folder with checkpoints, figures and pictures out."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fxlab.errors import FxlabError, InputError, UsageError
from fxlab.models import checkpoint
from fxlab.models.ace_config import AceConfig
from fxlab.models.controls import Control, controls_of
from fxlab.models.model import Card, Config
from fxlab.models.registry import architecture, build
from fxlab.models.stack_config import StackConfig
from fxlab.pages.listening import listening
from fxlab.pages.parts import Listening
from fxlab.progress import Progress, silent
from fxlab.services.interrupt import stop_on_ctrl_c
from fxlab.services.train.card import new_card
from fxlab.services.train.folder import BEST, LAST, check_output, make_writable, restore
from fxlab.services.train.judge import Judgement, judged
from fxlab.services.train.keeping import Keeper, told
from fxlab.services.train.report import write_report
from fxlab.services.train.validation import can_be_scored, validator
from fxlab.settings import ModelSettings, TrainSettings
from fxlab.training.ace_certainty import certainties, parameters
from fxlab.training.ace_run import Fit, fits
from fxlab.training.data import Segments
from fxlab.training.distributed import ALONE, Team
from fxlab.training.loop import Loop, Run, pick_device
from fxlab.training.manifest import Manifest
from fxlab.training.memories import spread_memories
from fxlab.training.objective import Objective
from fxlab.training.pair import Pair, context_of

_SMALL = 5_000  # parameters; nano trains twice as fast on one thread as on two, standard 1.3 times as fast on two
_SETTLED = 8  # leads; after one the device still drifts by what can be heard of it


@dataclass
class Request:
    """What to train on what.

    Args:
        dataset: Folder that `fxlab dataset` made.
        output: Run folder; made if absent.
        model: Architecture, size and licence.
        settings: How to train.
        profile: Name of the profile it all came from, for the card.
        resume: Go on with the run in `output`.
        force: Start over although `output` holds a run.
        listen: Keep what the network makes of a recording in the result, for a page.
    """

    dataset: Path
    output: Path
    model: ModelSettings = field(default_factory=ModelSettings)
    settings: TrainSettings = field(default_factory=TrainSettings)
    profile: str | None = None
    resume: bool = False
    force: bool = False
    listen: bool = False


@dataclass
class Result:
    """How the run ended and what the best network is worth.

    Args:
        ended: "finished", "early stop", "converged" or "interrupted".
        metrics: On the test split (validation where there is none): all takes as one, each take, silence, verdict.
        files: What was written, by role.
        figure: What the figure of the validation split is called, by which the best network was chosen.
        heard: A passage of the recording in which it is farthest off: dry, target and network; None where it wasn't asked for.
        html, html_error: Where the page was written, and what kept it from being written.
    """

    output: Path
    ended: str
    card: Card
    epochs: int
    steps: int
    seconds: float
    device: str
    batch_halvings: int
    metrics: dict[str, Any]
    files: dict[str, str]
    figure: str = "validation_esr"
    heard: Listening | None = None
    html: Path | None = None
    html_error: FxlabError | None = None

    def to_json(self) -> dict:
        plain = dataclasses.asdict(dataclasses.replace(self, heard=None, html_error=None))
        del plain["heard"], plain["html_error"]
        return plain


def run(request: Request, progress: Progress = silent, team: Team = ALONE) -> Result:
    """Trains, evaluates the best weights on the test split and writes the report.

    Every process of a team calls it alike; the first alone writes.

    Raises:
        UsageError: A run is already there, or is resumed with other settings; an unknown model, size or loss.
        InputError: The dataset is missing, changed or too short; the run to resume is damaged.
        CheckError: Training diverged.
        OutputError: The run folder can't be written.
    """
    check_output(request)
    plain = architecture(request.model.type).config(request.model.size)
    device = pick_device(request.settings.device)
    manifest = Manifest.load(request.dataset)
    objective = Objective.named(request.settings.loss, manifest.sample_rate_hz)
    if team.first:
        manifest.verify(progress)
    controls = controls_of(manifest.header)
    torch.manual_seed(request.settings.seed)
    network = build(_fitted(plain, manifest, controls))
    if isinstance(network.config, StackConfig) and network.recurrent:
        spread_memories(network)
    network.to(device)
    team.begin(network)
    settings = request.settings.for_network(network.recurrent, objective.shortest)
    card = new_card(network, manifest, controls, request.model, settings, request.profile)
    _share_cores(network, settings.threads)
    pairs = {split: _in_time(manifest.pairs(split), card["latency"]) for split in ("train", "validation", "test")}
    for split in ("validation", "test"):
        pairs[split] = [(row, pair) for row, pair in pairs[split] if can_be_scored(pair, network)]
    for split in ("train", "validation"):
        if not pairs[split]:
            raise InputError(
                f"The dataset {request.dataset} has nothing for its {split} split that a network can be fed with.",
                "Make it from more or longer files, with a larger --validation, or with `fxlab dataset --synthesize 3min`.",
            )
    state = Run.fresh(network, settings)
    if request.resume:
        restore(state, request.output / LAST, card, settings)
    train = [pair for _, pair in pairs["train"]]
    fitted = fits(network.config, objective.name)
    if fitted and team is not ALONE:
        raise UsageError("An ACE is fitted by one process.", "Run `fxlab train` without torchrun; --threads shares the work.")
    segments = None if fitted else Segments(train, settings.segment, context_of(network, train), settings.seed, settings.windows)
    team.any(False)  # now all have seen what was there
    if team.first:
        make_writable(request.output)

    keeper = Keeper(request.output, card, settings, objective.figure, anew=not request.resume)
    with stop_on_ctrl_c() as stopping:
        judge = functools.partial(objective.of, settings=settings)
        validate = validator(judge, [pair for _, pair in pairs["validation"]], stopping, progress)
        common = {"validate": validate, "save": keeper.save, "report": told(progress, settings), "stopping": stopping}
        if segments is None:
            loop = Fit(state, train, settings, figure=objective.figure, **common)
        else:
            loop = Loop(state, segments, settings, objective.minimised, team=team, figure=objective.figure, **common)
        ended = loop.go()
    if ended == "interrupted":
        progress("Saved, testing", 0, None)

    def conclude() -> Result:
        keeper.ensure_best(state)
        judged_on = pairs["test"] or pairs["validation"]
        return _conclude(keeper, state, objective, ended, train, judged_on, progress, request.listen)

    return team.of_first(conclude)


def _fitted(config: Config, manifest: Manifest, controls: Sequence[Control]) -> Config:
    """The configuration with an input for every knob, and with the time that it takes to settle as the recorded device does.

    An ACE gets the dataset's sample rate.
    """
    if isinstance(config, AceConfig):
        config = config.at_rate(manifest.sample_rate_hz)
    lead = max(row.get("lead", 0) for row in manifest.rows)
    if isinstance(config, StackConfig) and config.recurrent and lead:
        config = dataclasses.replace(config, warm_up=max(config.warm_up, _SETTLED * lead))
    return config.with_controls(len(controls)) if controls else config


def _in_time(pairs: list[tuple[dict, Pair]], latency: int) -> list[tuple[dict, Pair]]:
    """The pairs with targets as late as the network."""
    return [(row, pair.delayed(latency - row["latency"])) for row, pair in pairs]


def _share_cores(network: torch.nn.Module, threads: int) -> None:
    """As many CPU threads as asked for; else one for a small network, which waits more than it gains on two.

    An ACE has few parameters and much to do.
    """
    small = sum(p.numel() for p in network.parameters()) < _SMALL and not isinstance(network.config, AceConfig)
    if threads or small:
        torch.set_num_threads(threads or 1)


def _conclude(
    keeper: Keeper,
    state: Run,
    objective: Objective,
    ended: str,
    train: list[Pair],
    pairs: list[tuple[dict, Pair]],
    progress: Progress,
    listen: bool,
) -> Result:
    """Scores the best weights, stores the figures in their card and writes report and pictures."""
    folder, card = keeper.folder, keeper.card
    network, saved, _, _ = checkpoint.load(folder / BEST)
    found = judged(network, card, pairs, progress, objective, keeper.settings)
    metrics = saved["metrics"] | found.metrics
    if isinstance(network.config, AceConfig):
        fitted = fits(network.config, objective.name)
        metrics["parameters"] = certainties(network, train, card["effect"]) if fitted else parameters(network)
    card |= {"training": saved["training"], "metrics": metrics}
    checkpoint.save(folder / BEST, network, card)
    files = write_report(folder, card, state.history, objective.figure, ended, found.worst, found.played) | keeper.files
    return Result(
        output=folder,
        ended=ended,
        card=card,
        epochs=state.epoch,
        steps=state.step,
        seconds=state.seconds,
        device=next(state.model.parameters()).device.type,
        batch_halvings=state.halvings,
        metrics=card["metrics"],
        files=files,
        figure=objective.figure,
        heard=_heard(found, card) if listen else None,
    )


def _heard(found: Judgement, card: Card) -> Listening:
    """The dry input as late as the other two."""
    dry, target, output = found.played
    late = np.concatenate((np.zeros(card["latency"], np.float32), dry))[: len(dry)]
    name = Path(found.worst).name
    note = f"{name}, never trained on, in which the network is farthest off."
    sounds = {"dry": late, "target": target, "network": output}
    return listening("Dry, target and network", sounds, card["sample_rate_hz"], note=note)
