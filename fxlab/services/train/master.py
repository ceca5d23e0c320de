"""`fxlab train --model master`: songs in, a network that brings degraded ones back out."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from fxlab.audio.bands import CENTRES_HZ
from fxlab.audio.sources import expand
from fxlab.errors import FxlabError, InputError, UsageError
from fxlab.hashing import value_sha256
from fxlab.mastering.components import components
from fxlab.mastering.config import SIZES, MasterConfig
from fxlab.mastering.corpus import row_of
from fxlab.mastering.evaluation import Evaluation, evaluate
from fxlab.mastering.examples import Pool
from fxlab.mastering.features import COUNT
from fxlab.mastering.network import MasterNet
from fxlab.mastering.songs import SPLITS, songs_of
from fxlab.mastering.training import MasterLoop, Teacher, validator
from fxlab.models import checkpoint
from fxlab.models.model import Card
from fxlab.progress import Progress, silent
from fxlab.services.interrupt import stop_on_ctrl_c
from fxlab.services.train.card import fresh_card
from fxlab.services.train.folder import BEST, LAST, check_output, make_writable, restore
from fxlab.services.train.keeping import Keeper, told
from fxlab.services.train.master_report import write_report
from fxlab.settings import DatasetSettings, MasteringSettings, ModelSettings, TrainSettings
from fxlab.training.loop import Run, pick_device

FIGURE = "validation_loss"
_BATCH = 32
_HELD_OUT_DRAWS = 3
_SEEDS = {"train": 0, "validation": 1, "test": 2}


@dataclass
class Request:
    """What to train on what.

    Args:
        inputs: Songs: files, folders, patterns.
        output: Run folder; made if absent.
        model: Size, licence, attribution.
        settings: How to train; a batch of 0 takes 32.
        mastering: What to train, and what examples and losses are like.
        dataset: Shares for validation and testing of songs that aren't in fxlab's own list.
        profile: Name of the profile it came from, for the card.
        resume: Go on with the run in `output`.
        force: Start over although `output` holds a run.
    """

    inputs: Sequence[str | Path]
    output: Path
    model: ModelSettings = field(default_factory=lambda: ModelSettings(type="master"))
    settings: TrainSettings = field(default_factory=TrainSettings)
    mastering: MasteringSettings = field(default_factory=MasteringSettings)
    dataset: DatasetSettings = field(default_factory=DatasetSettings)
    profile: str | None = None
    resume: bool = False
    force: bool = False


@dataclass
class Result:
    """How the run ended and what the best network is worth on songs that it never heard.

    Args:
        ended: "finished", "early stop" or "interrupted".
        evaluation: See `fxlab.mastering.evaluation`.
        files: What was written, by role.
        html, html_error: Where the page was written, and what kept it from being written.
    """

    output: Path
    ended: str
    card: Card
    epochs: int
    steps: int
    seconds: float
    evaluation: Evaluation
    files: dict[str, str]
    html: Path | None = None
    html_error: FxlabError | None = None

    def to_json(self) -> dict[str, Any]:
        own = {name: value for name, value in vars(self).items() if name != "html_error"}
        return {**own, "output": str(self.output), "evaluation": self.evaluation.to_json()}


def config_for(size: str, mastering: MasteringSettings) -> MasterConfig:
    """The configuration that size and settings ask for; raises `UsageError` for an unknown size."""
    size = "compact" if size == "auto" else size
    if size not in SIZES:
        raise UsageError(f"There is no mastering network of size '{size}'.", f"Choose one of: {', '.join(SIZES)}.")
    plain = SIZES[size].with_phase(mastering.phase)
    features = {"features": COUNT, "pooled_dropout": mastering.pooled_dropout} if mastering.features else {}
    return dataclasses.replace(plain, skips=mastering.skips, conditioning=mastering.conditioning, **features)


class Songs:
    """The songs of a request by split, their examples made when they are first asked for and kept: runs may share them."""

    def __init__(self, request: Request, rate_hz: int, progress: Progress) -> None:
        found = songs_of(expand(request.inputs), request.dataset.validation, request.dataset.test, request.settings.seed)
        self.of = {split: [song for song in found if song.split == split] for split in SPLITS}
        for split in ("train", "validation"):
            if not self.of[split]:
                raise InputError(
                    f"There is no song to {'learn from' if split == 'train' else 'validate with'}.",
                    "Name three songs or more; some of fxlab's own list are kept for testing.",
                )
        self._rate_hz, self._request, self._progress = rate_hz, request, progress
        self._pools: dict[str, Pool] = {}

    def pool(self, split: str) -> Pool:
        """The examples of a split."""
        if split not in self._pools:
            wanted = self._request.mastering
            self._pools[split] = Pool(
                self.of[split],
                self._rate_hz,
                wanted.draws,
                wanted.excerpt_s,
                wanted.windows,
                wanted.untouched,
                self._request.settings.seed * len(SPLITS) + _SEEDS[split],
                self._progress,
                "Degrading songs" if split == "train" else f"Degrading songs for {split}",
            )
        return self._pools[split]

    def corpus(self) -> list[dict]:
        """What finished songs measure that are trained on, for comparison."""
        rows = []
        for number, song in enumerate(self.of["train"]):
            self._progress("Measuring songs", number, len(self.of["train"]), file=song.name)
            rows.append(row_of(song))
        return rows


def run(request: Request, progress: Progress = silent, songs: Songs | None = None) -> Result:
    """Trains, evaluates the best weights on songs kept back and writes the report.

    Args:
        songs: Made by an earlier run of the same request but for what the network consists of.

    Raises:
        UsageError: A run is already there, or is resumed with other settings.
        InputError: Too few songs, or one that can't be read or is too short; the run to resume is damaged.
        CheckError: Training diverged.
        OutputError: The run folder can't be written.
    """
    check_output(request)
    config = config_for(request.model.size, request.mastering)
    settings = dataclasses.replace(request.settings, batch_size=request.settings.batch_size or _BATCH)
    torch.set_num_threads(settings.threads or 1)
    pick_device("cpu")
    torch.manual_seed(settings.seed)
    network = MasterNet(config)
    songs = songs or Songs(request, config.sample_rate_hz, progress)
    card = _card(request, network, songs, settings)
    state = Run.fresh(network, settings)
    if request.resume:
        restore(state, request.output / LAST, card, settings)
    make_writable(request.output)
    pools = {split: songs.pool(split) for split in ("train", "validation")}
    mean, spread = pools["train"].moments()
    card |= {"features": {"mean": mean.tolist(), "spread": spread.tolist()}, "corpus": songs.corpus()}
    teacher = Teacher((mean, spread), request.mastering, settings.seed)

    keeper = Keeper(request.output, card, settings, FIGURE, anew=not request.resume)
    with stop_on_ctrl_c() as stopping:
        loop = MasterLoop(
            state,
            pools["train"],
            settings,
            teacher,
            validate=validator(pools["validation"], teacher, stopping),
            save=keeper.save,
            report=told(progress, settings),
            stopping=stopping,
            figure=FIGURE,
        )
        ended = loop.go()
        keeper.ensure_best(state)
        return _conclude(keeper, request.settings.seed, state, songs, ended, stopping, progress)


def _conclude(keeper: Keeper, seed: int, state: Run, songs: Songs, ended: str, stopping, progress: Progress) -> Result:
    folder, card = keeper.folder, keeper.card
    network, saved, _, _ = checkpoint.load(folder / BEST)
    judged = songs.of["test"] or songs.of["validation"]
    evaluation = evaluate(network, saved, judged, _HELD_OUT_DRAWS, seed, progress, stopping)
    card |= {"training": saved["training"], "metrics": saved["metrics"] | evaluation.to_json()}
    checkpoint.save(folder / BEST, network, card)
    files = write_report(folder, card, state.history, FIGURE, ended, evaluation) | keeper.files
    return Result(folder, ended, card, state.epoch, state.step, state.seconds, evaluation, files)


def _card(request: Request, network: MasterNet, songs: Songs, settings: TrainSettings) -> Card:
    config = network.config
    listed = [song.to_json() for split in SPLITS for song in songs.of[split]]
    about = {
        "sample_rate_hz": config.sample_rate_hz,
        "components": [dataclasses.asdict(one) | {"receptive_field_ms": one.receptive_field_ms} for one in components(config)],
        "effect": [],
        "data": {
            "songs": listed,
            "bands_hz": CENTRES_HZ.tolist(),
            "manifest_sha256": value_sha256([listed, dataclasses.asdict(request.mastering)]),
        },
        "mastering": dataclasses.asdict(request.mastering),
    }
    return fresh_card(config, about, request.model, settings, request.profile)
