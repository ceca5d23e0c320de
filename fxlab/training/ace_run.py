"""A training run that is a fit: `ace_fit` in epochs that are judged, saved and resumed like those of a network's training.

An epoch is all the settings that are tried first, the way down from one of the best of them, or a single step of the way from
there. What is known so far is kept in the run as plain numbers.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch

from fxlab.errors import InputError
from fxlab.models.ace import Ace
from fxlab.models.ace_config import PARAMS, SCALARS, AceConfig
from fxlab.models.model import Config
from fxlab.settings import TrainSettings
from fxlab.training.ace_fit import Piece, Problem, places
from fxlab.training.least_squares import Descent
from fxlab.training.loop import Run
from fxlab.training.pair import Pair

PIECES, PIECE_S, CONTEXT_S = 4, 1.2, 0.5
_TRIED, _STARTS, _DOWN, _GOOD = 64, 3, 10, 0.03
_PHASES = ("even", "projected", "exact", "done")
_MOST = {"even": 20, "projected": 40, "exact": 100}
_TRIED_AGAIN, _AGAIN = 16, 4
_SHELVES, _SHELF_Q = ((2000.0, 6000.0, 12_000.0), (-8.0, 8.0)), 0.5
_TOGETHER = (
    ("shelf_hz", "shelf_q", "shelf_db"),
    ("noise_floor_db", "delta_db"),
    ("li_smoothing_ms", "li_strength", "li_width_erb"),
    ("ex_smoothing_ms", "ex_strength", "ex_threshold_db"),
    ("dp_attack_ms", "dp_decay_s", "dp_cutoff_hz"),
    ("tce_attack_ms", "tce_decay_ms", "tce_threshold_db"),
)
_ROUGHLY, _CONVERGED, _EXACT = 1e-2, 1e-3, 1e-12
_EVENNESS, _SOFT, _SOFTER = 0.5, 1e-2, 1e-3


class Fit:
    """Fits a run's ACE; has the interface of `fxlab.training.loop.Loop`.

    Args:
        run: Fresh or restored, of an `Ace`.
        pairs: What to learn from.
        settings: How to train; `epochs` and `threads` are heeded.
        validate, save, report, stopping, figure: As of `Loop`.
    """

    def __init__(
        self,
        run: Run,
        pairs: Sequence[Pair],
        settings: TrainSettings,
        validate: Callable[[Run], float | None],
        save: Callable[[Run, bool], None],
        report: Callable[[Run, int, dict], None],
        stopping: Callable[[], bool],
        figure: str,
    ) -> None:
        self.run, self.settings, self.figure = run, settings, figure
        self.validate, self.save, self.report, self.stopping = validate, save, report, stopping
        config, threads = run.model.config, settings.threads or torch.get_num_threads()
        pieces = pieces_of(pairs, run.model)
        self._rough = Problem(config, pieces[::2], _EVENNESS, _SOFT, threads)
        self._even = Problem(config, pieces, _EVENNESS, _SOFTER, threads)
        self._exact = Problem(config, pieces, 0.0, 0.0, threads)
        self._descent: Descent | None = None

    def go(self) -> str:
        """Fits; returns why it ended: "converged", "finished" (no epochs are left) or "interrupted"."""
        run = self.run
        while run.epoch < self.settings.epochs and (run.fit.get("phase") != "done" or "unjudged" in run.fit):
            began = time.monotonic()
            whole = "unjudged" in run.fit or self._epoch()
            figure = self.validate(run) if whole else None
            run.seconds += time.monotonic() - began
            if figure is None:
                if whole:  # what was found must not be sought again, nor be left without a figure where it was the last
                    run.fit["unjudged"] = True
                self.save(run, False)
                return "interrupted"
            run.fit.pop("unjudged", None)
            better = figure < run.best
            if better:
                run.best, run.best_epoch = figure, run.epoch
            row = {"epoch": run.epoch, "step": run.step, "learning_rate": 0.0, "loss": run.fit["cost"], self.figure: figure}
            run.history.append(row | {"seconds": run.seconds})
            run.epoch += 1
            self._tell(run.fit["cost"])
            self.save(run, better)
            if self.stopping():
                return "interrupted"
        return "converged" if run.fit.get("phase") == "done" else "finished"

    def _epoch(self) -> bool:
        """One epoch of the phase that the run is in; false where it was stopped, to be done again."""
        fit = self.run.fit
        phase = fit.get("phase", "tries")
        if phase == "tries":
            return self._try()
        if phase == "starts":
            return self._start()
        problem = self._even if phase == "even" else self._exact
        if self._descent is None:
            self._descent = _descent(problem, np.array(fit["place"]), phase == "exact")
            self._descent.radius = fit.get("radius", self._descent.radius)
        fallen = self._descent.step()
        point = self._descent.point
        steps = fit["steps"] + 1
        self._keep(phase, point.place, point.cost, steps, self._descent.radius)
        if fallen < (_ROUGHLY if phase == "even" else _CONVERGED) or point.cost < _EXACT or steps >= _MOST[phase]:
            following = _PHASES[_PHASES.index(phase) + 1]
            if phase == "projected" and point.cost >= _EXACT and fit.get("again", 0) < _AGAIN:
                return self._try_again(point.place, point.cost, fit.get("again", 0) + 1)
            place = self._exact.completed(point.place) if phase == "projected" else point.place
            self._keep(following, place, point.cost, 0)
            self._descent = None
        return True

    def _try(self) -> bool:
        """The costs of settings all over the range; those that are tried further are the best, behind the defaults."""
        found = []
        tried = places(self.run.model.config, place_of(self.run.model), _TRIED, self.settings.seed)
        for place in tried:
            if self.stopping():
                return False
            found.append(self._rough.projected(place))
            self._tell(min(found), tried=f"{len(found)}/{len(tried)}")
        order = [0, *(k for k in np.argsort(found).tolist() if k)][: 1 + _STARTS]
        self._keep("starts", tried[0], found[0], 0)
        self.run.fit |= {"waiting": [tried[k].tolist() for k in order], "best": None}
        return True

    def _try_again(self, place: np.ndarray, cost: float, count: int) -> bool:
        """Other values of a few parameters that belong together, all else as it is; goes on from the best if that is better.

        What matters little can stand in a false bottom of its own while all else is right, and where one of the three signals has
        found no use, nothing leads to it.
        """
        rng, before = np.random.default_rng((self.settings.seed, count)), cost
        for group in _TOGETHER:
            moving = [SCALARS.index(name) for name in group]
            for _ in range(_TRIED_AGAIN):
                if self.stopping():
                    return False
                other, shares = place.copy(), rng.uniform(0.02, 0.98, len(moving))
                other[moving] = np.log(shares / (1.0 - shares))
                if (found := self._exact.projected(other)) < cost:
                    place, cost = other, found
                self._tell(cost, tried_again=group[0])
        better = cost < (1.0 - _CONVERGED) * before
        self._keep("projected" if better else "exact", place if better else self._exact.completed(place), cost, 0)
        self.run.fit["again"] = count
        self._descent = None
        return True

    def _start(self) -> bool:
        """The way down from the next of the places that wait, for some steps; the best of all is gone on with.

        The others are left where that is good already. Then the best is tried with other shelves, which what comes after the
        shelf makes up for so well that no way leads from one to the next.
        """
        fit = self.run.fit
        waiting, best = list(fit["waiting"]), fit["best"]
        descent = _descent(self._rough, np.array(waiting.pop(0)), False)
        for _ in range(_DOWN):
            if self.stopping():
                return False
            if descent.step() < _CONVERGED:
                break
            self._tell(descent.point.cost)
        if best is None or descent.point.cost < best["cost"]:
            best = {"cost": descent.point.cost, "place": descent.point.place.tolist()}
        varied = fit.get("varied", False)
        if not varied and (not waiting or best["cost"] <= _GOOD):
            waiting, varied = [place.tolist() for place in _other_shelves(np.array(best["place"]))], True
        self._keep("starts" if waiting else "even", np.array(best["place"]), best["cost"], 0)
        self.run.fit |= {"waiting": waiting, "best": best, "varied": varied}
        return True

    def _keep(self, phase: str, place: np.ndarray, cost: float, steps: int, radius: float | None = None) -> None:
        """Notes where the fit stands, and gives the model that place."""
        again = {"again": self.run.fit["again"]} if "again" in self.run.fit else {}
        self.run.fit = {"phase": phase, "place": place.tolist(), "cost": cost, "steps": steps, **again}
        if radius is not None:
            self.run.fit["radius"] = radius
        set_place(self.run.model, place if phase in ("exact", "done") else self._exact.completed(place))

    def _tell(self, cost: float, **fields: str) -> None:
        latest = {self.figure.removeprefix("validation_"): self.run.history[-1][self.figure]} if self.run.history else {}
        self.run.step = self.run.epoch
        self.report(self.run, self.settings.epochs, {"loss": cost, **latest, **fields})


def fits(config: Config, loss: str) -> bool:
    """Whether a model is fitted by least squares to a loss of that name, instead of by gradients in small steps."""
    return isinstance(config, AceConfig) and loss == "effect"


def _other_shelves(place: np.ndarray) -> list[np.ndarray]:
    found = []
    for hz, db in itertools.product(*_SHELVES):
        other = place.copy()
        for name, value in (("shelf_hz", hz), ("shelf_db", db), ("shelf_q", _SHELF_Q)):
            share = PARAMS[name].share(value)
            other[SCALARS.index(name)] = np.log(share / (1.0 - share))
        found.append(other)
    return found


def check_fit(run: Run) -> None:
    """Raises `ValueError`, `TypeError` or `KeyError` for a fit, read from a file, that can't be gone on with."""
    fit = run.fit
    if not fit:
        return
    length = len(place_of(run.model))
    found = [fit["place"], *fit.get("waiting", ())] + ([fit["best"]["place"]] if fit.get("best") else [])
    sane = all(np.shape(place) == (length,) and np.isfinite(np.array(place, float)).all() for place in found)
    if not (sane and fit["phase"] in ("tries", "starts", *_PHASES) and fit["steps"] >= 0 and fit["cost"] >= 0):
        raise ValueError("no fit of this model")


def pieces_of(pairs: Sequence[Pair], model: Ace) -> list[Piece]:
    """The loudest part of every pair, with what sounded before as its context, of no more than `PIECES` pairs.

    Raises:
        InputError: All are silent.
    """
    rate_hz, found = model.config.sample_rate_hz, []
    length, context = round(PIECE_S * rate_hz), round(CONTEXT_S * rate_hz)
    pairs = [pair for pair in pairs if pair.target.any()]
    if not pairs:
        raise InputError("All pairs to learn from are silent.", "Make the dataset from audio in which something is played.")
    chosen = [pairs[k] for k in np.unique(np.linspace(0, len(pairs) - 1, PIECES).round().astype(int))]
    for pair in chosen:
        first = max(pair.lead, 0 if pair.from_rest else min(context, len(pair.target) // 2))
        energy = np.concatenate(([0.0], np.cumsum(np.square(pair.target, dtype=np.float64))))
        starts = np.arange(first, max(first + 1, len(pair.target) - length), max(1, length // 8))
        stops = np.minimum(starts + length, len(pair.target))
        start = int(starts[np.argmax(energy[stops] - energy[starts])])
        begin, stop = max(0, start - context), min(start + length, len(pair.target))
        found.append(
            Piece(np.ascontiguousarray(pair.input[begin:stop]), pair.target[start:stop].astype(np.float64), start - begin)
        )
    return found


def place_of(model: Ace) -> np.ndarray:
    """A model's unconstrained numbers, float64."""
    return torch.cat((model.scalars, model.gains)).detach().cpu().double().numpy()


@torch.no_grad()
def set_place(model: Ace, place: np.ndarray) -> None:
    """Gives a model its unconstrained numbers."""
    values = torch.from_numpy(place)
    model.scalars.copy_(values[: len(SCALARS)])
    model.gains.copy_(values[len(SCALARS) :])


def _descent(problem: Problem, place: np.ndarray, all_of_it: bool) -> Descent:
    if all_of_it:
        return Descent(problem.cost, problem.point, place, problem.bounds)
    return Descent(problem.projected, problem.projected_point, place, problem.bounds)
