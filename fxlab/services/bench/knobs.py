"""`fxlab bench --suite knobs`: how near networks are to the wet side of a dataset, at every setting of the knobs it has."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fxlab.audio.atomic import replacing
from fxlab.effects.registry import effects
from fxlab.engines.loader import check_network, model_path, read_model
from fxlab.errors import FxlabError, InputError, UsageError
from fxlab.models.checkpoint import network_of
from fxlab.models.controls import Control, controls_of, settings_of
from fxlab.models.model import Model
from fxlab.progress import Progress, silent
from fxlab.services.bench.heard import Heard
from fxlab.services.bench.output import require_page, require_writable, with_page
from fxlab.services.bench.subjects import label_of
from fxlab.services.by_setting import Setting, figures_of
from fxlab.settings import EffectSettings
from fxlab.training.evaluate import by_setting, play
from fxlab.training.manifest import SPLITS, Manifest
from fxlab.training.pair import Pair, context_of
from fxlab.wording import figure

TASK = "Playing"
_CHOICES = (*SPLITS, "all")


@dataclass
class Request:
    """What to compare on what.

    Args:
        dataset: Folder that `fxlab dataset` made.
        effects: The networks; knobs that the dataset doesn't vary stand where they are set here.
        split: Whose takes are played; "all" for those of all splits, for recordings that were held out as whole files.
        csv: File to write, one row per network and setting.
        force: Files may overwrite others.
        html: Page to write.
        command: What was typed, for the page.
    """

    dataset: Path
    effects: Sequence[EffectSettings]
    split: str = "test"
    csv: Path | None = None
    force: bool = False
    html: Path | None = None
    command: str = ""


@dataclass(frozen=True)
class Network:
    """A network's figures at every setting, in the order of the settings."""

    name: str
    parameters_count: int
    settings: list[Setting]

    @property
    def worst(self) -> Setting:
        return max(self.settings, key=lambda setting: setting.esr)

    @property
    def median_esr(self) -> float:
        return float(np.median([setting.esr for setting in self.settings]))


@dataclass(frozen=True)
class Result:
    """All networks on one split of a dataset, and the page that was written, or why there is none though one was asked for.

    Args:
        heard: A take at the worst setting of each network; empty unless a page is wanted.
    """

    dataset: Path
    split: str
    sample_rate_hz: int
    sources: list[str]
    networks: list[Network] = field(default_factory=list)
    heard: Sequence[Heard] = ()
    html: Path | None = None
    html_error: FxlabError | None = None

    def to_json(self) -> dict[str, Any]:
        networks = [
            dataclasses.asdict(network) | {"worst_esr": network.worst.esr, "median_esr": network.median_esr}
            for network in self.networks
        ]
        found = {name: getattr(self, name) for name in ("split", "sample_rate_hz", "sources")}
        return {"dataset": str(self.dataset), **found, "networks": networks, "html": self.html and str(self.html)}


def run(request: Request, progress: Progress = silent) -> Result:
    """Plays every take of the split through every network, as training does, and compares.

    Raises:
        UsageError: No network, an effect that is none, an unknown split, or a knob that the network hasn't got.
        InputError: A dataset or model that can't be used, or settings beyond a network's range.
        OutputError: The file can't be written.
    """
    if not request.effects:
        raise UsageError("No network was named.", "Add --effect MODEL: a file that `fxlab train` or `fxlab export` wrote.")
    if request.split not in _CHOICES:
        raise UsageError(f"There is no split '{request.split}'.", f"Choose one of: {', '.join(_CHOICES)}.")
    require_writable(request.csv, request.force)
    require_page(request.html, (request.csv,), request.force)
    models = [_model(effect) for effect in request.effects]
    manifest = Manifest.load(request.dataset)
    manifest.verify(progress)
    pairs = [pair for split in (SPLITS if request.split == "all" else (request.split,)) for pair in manifest.pairs(split)]
    if not pairs:
        raise InputError(f"The split '{request.split}' of {request.dataset} is empty.", "Choose another with --split.")
    taken: set[str] = set()
    named = [label_of(effect.name, taken) for effect in request.effects]
    players = [_Player(*of) for of in zip(named, request.effects, models, strict=True)]
    networks = []
    for number, player in enumerate(players):

        def report(done: int, number: int = number) -> None:
            progress(TASK, number * len(pairs) + done, len(pairs) * len(models))

        networks.append(_network(player, manifest.sample_rate_hz, pairs, report))
    progress(TASK, len(pairs) * len(models), len(pairs) * len(models))
    result = Result(
        dataset=Path(request.dataset),
        split=request.split,
        sample_rate_hz=manifest.sample_rate_hz,
        sources=sorted({row["source"] for row, _ in pairs}),
        networks=networks,
        heard=_heard(players, networks, manifest.sample_rate_hz, pairs) if request.html else (),
    )
    if request.csv:
        _write_csv(result, request.csv)
    if request.html is None:
        return result
    from fxlab.services.bench.knobs_page import page_of

    return with_page(result, request.html, lambda: page_of(result, request.command), request.force)


def _model(effect: EffectSettings) -> Model:
    if effect.name in effects():
        raise UsageError(f"{effect.name} is no network.", "The suite knobs compares networks with recordings of their effect.")
    check_network(effect.name)
    return read_model(model_path(effect.name))[0]


class _Player:
    """A network that plays takes of a dataset, each with the knobs where they stood."""

    def __init__(self, label: str, effect: EffectSettings, model: Model) -> None:
        self.label, self.model = label, model
        self._set, self._controls, self._network = effect.set, controls_of(model.card), network_of(model)

    def play(self, row: dict[str, Any], pair: Pair) -> tuple[np.ndarray, np.ndarray] | None:
        """Target and output, (frames,) each; None where the target is silent: to that no error can be related."""
        pair = dataclasses.replace(pair, controls=_places(self.label, self._controls, self._set, row))
        return play(self._network, pair) if np.any(pair.judged(context_of(self._network, [pair]))[1]) else None


def _network(
    player: _Player, rate_hz: int, pairs: Sequence[tuple[dict[str, Any], Pair]], report: Callable[[int], None]
) -> Network:
    own_hz = player.model.card["sample_rate_hz"]
    if own_hz != rate_hz:
        rates = f"{player.label} runs at {own_hz} Hz, the dataset is at {rate_hz} Hz"
        raise InputError(f"{rates}.", "Make the dataset with --rate, or with recordings of that rate.")
    played = []
    for done, (row, pair) in enumerate(pairs):
        report(done)
        if found := player.play(row, pair):
            played.append((row["parameters"], *found))
    if not played:
        raise InputError("All takes are too short or silent.", "Choose another --split, or a dataset of longer recordings.")
    return Network(player.label, player.model.config.parameters_count, figures_of(by_setting(played), rate_hz))


def _heard(
    players: Sequence[_Player], networks: Sequence[Network], rate_hz: int, pairs: Sequence[tuple[dict[str, Any], Pair]]
) -> list[Heard]:
    """The longest take of each network's worst setting, dry, as recorded and through all networks."""
    found = []
    for worst in {tuple(network.worst.parameters.items()): network.worst for network in networks}.values():
        takes = [(row, pair) for row, pair in pairs if row["parameters"] == worst.parameters and np.any(pair.target)]
        row, pair = max(takes, key=lambda take: len(take[1].target))
        both = {player.label: player.play(row, pair) for player in players}
        versions = {"dry": pair.input, "target": pair.target} | {label: made[1] for label, made in both.items() if made}
        frames = min(map(len, versions.values()))  # some networks begin later: they must hear something first
        setting = ", ".join(f"{name} {figure(value)}" for name, value in worst.parameters.items())
        about = f"{row['source']}{f' at {setting}' if setting else ''}"
        found.append(Heard(about, rate_hz, {name: sound[None, -frames:] for name, sound in versions.items()}))
    return found


def _places(label: str, controls: Sequence[Control], given: dict, row: dict[str, Any]) -> np.ndarray:
    """Where the knobs stood when a row was made: as its effect says, or its parameters, or as given."""
    names = {control.name for control in controls}
    unknown = sorted(row["parameters"].keys() - names)
    if unknown:
        raise UsageError(f"{label} has no knob for {', '.join(unknown)}, which the dataset varies.", "Choose another --effect.")
    values = dict(given)
    for control in controls:
        stage = row["effect"][control.stage] if control.stage is not None and control.stage < len(row["effect"]) else {}
        if control.parameter in stage.get("parameters", {}):
            values[control.name] = stage["parameters"][control.parameter]
    try:
        return settings_of(controls, values | row["parameters"])
    except UsageError as error:
        raise InputError(f"The dataset goes beyond what {label} has learnt: {error.message}", error.hint) from None


def _write_csv(result: Result, path: Path) -> None:
    rows = []
    for network in result.networks:
        for setting in network.settings:
            figures = dataclasses.asdict(setting)
            rows.append({"network": network.name, **figures.pop("parameters"), **figures})
    with replacing(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
