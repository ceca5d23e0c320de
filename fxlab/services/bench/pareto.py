"""`fxlab bench --suite pareto`: which network of an effect is worth its cost, in error, time and bytes.

Every network runs on its fastest engine beside the effect that it copies, and those in ONNX files once more with their weights
rounded to float16 and int8. These compute in the same float32 arithmetic: they are judged by what they play and how large they
are, and take over the times of the network that they are made of.
"""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fxlab.effects.registry import effects as dsp_effects
from fxlab.engines.golden import vector_of
from fxlab.engines.loader import Opened, check_network, model_path, open_processor, processor_of, read_model
from fxlab.errors import UsageError
from fxlab.models.model import Model
from fxlab.models.precision import PRECISIONS, precision_of, rounded
from fxlab.progress import Progress
from fxlab.services.bench.figures import cell_reports, engine_reports, quality_reports
from fxlab.services.bench.heard import heard
from fxlab.services.bench.pareto_page import page_of
from fxlab.services.bench.pareto_plot import figure
from fxlab.services.bench.session import Request, Session
from fxlab.services.bench.standing import ParetoResult, Standing, compared
from fxlab.services.bench.subjects import Subject, changed, label_of, plan, prepared, torch_threads
from fxlab.services.scoring import open_target
from fxlab.settings import EffectSettings
from fxlab.shipped import NETWORKS


def default_effects() -> list[EffectSettings]:
    """The networks that ship, where they are installed."""
    return [EffectSettings(name) for name in NETWORKS if model_path(name).is_file()]


def run(request: Request, progress: Progress) -> ParetoResult:
    """Measures the networks asked for and the effects that they copy; effects alone bring the networks that ship of them.

    Raises: as `bench.run`.
    """
    if request.full or request.peers:
        raise UsageError("--full and --peers belong to the suite 'effects'.", "Leave them out; --buffers takes any sizes.")
    session = Session(request, progress)
    asked = request.effects or default_effects()
    effects = [effect for effect in asked if effect.name in dsp_effects()]
    networks = [effect for effect in asked if effect.name not in dsp_effects()] or _shipped_of(effects)
    for network in networks:
        check_network(network.name)
    planned, skipped = plan(networks, request.engines, fastest=True) if networks else ([], [])
    libraries = ["numba", "onnx", *(engine for _, _, engine in planned if engine != "auto")]
    with tempfile.TemporaryDirectory(prefix="fxlab-") as folder, torch_threads(libraries, session.settings.threads):
        opened = session.open(planned, libraries)
        entries = _with_targets(session, effects, opened)
        timed = session.measure([entry.subject for entry in entries])
        entries = list(_with_variants(session, entries, Path(folder), skipped))
        reports = cell_reports(timed, request.seed)
        cells, standings = [], []
        for entry in entries:
            of = entry.parent or entry.subject
            own = [cell for cell in reports if (cell.effect, cell.engine) == (of.effect, of.engine)]
            cells += [dataclasses.replace(cell, effect=entry.subject.effect) for cell in own]
            standings += [entry.standing] * len(own)
        subjects = [entry.subject for entry in entries]
        found = engine_reports(subjects, cells)
        quality = quality_reports(subjects, cells, progress)
    settings = {entry.subject.effect: changed(entry.subject.opened) for entry in entries if entry.standing.reference}
    facts = {"skipped": skipped, "standings": standings, "settings": settings}
    result = ParetoResult(session.machine, session.setup(reports), found, cells, quality, **facts)
    result = dataclasses.replace(result, standings=compared(result, standings))
    timed_subjects = [entry.subject for entry in entries if entry.parent is None]
    return session.finish(result, figure, lambda found: page_of(found, heard(timed_subjects, quality), request.command))


@dataclass
class _Entry:
    """A subject, where it stands, and for a rounded network the one whose times it takes over."""

    subject: Subject
    standing: Standing
    parent: Subject | None = None


def _shipped_of(effects: Sequence[EffectSettings]) -> list[EffectSettings]:
    """The networks that ship of any of these effects, whatever its settings."""
    names = {effect.name for effect in effects}
    cards = {network.name: read_model(model_path(network.name))[0].card for network in default_effects()}
    return [EffectSettings(name) for name, card in cards.items() if names & {stage["name"] for stage in card["effect"]}]


def _with_targets(session: Session, effects: Sequence[EffectSettings], networks: Sequence[Subject]) -> list[_Entry]:
    """The effects asked for and those that the networks copy, each followed by its networks; last those that copy nothing."""
    labels = {subject.effect for subject in networks}
    groups: dict[Hashable, list[_Entry]] = {"": []}

    def group(opened: Opened | None, load_s: float, rate_hz: int | None) -> list[_Entry]:
        key = (opened.name, *sorted(opened.parameters.items())) if opened else ""
        if key not in groups:
            label = label_of(opened.name, labels)
            subject = prepared(label, opened, load_s, lambda own: session.clip.at(own or rate_hz), session.buffers)
            groups[key] = [_Entry(subject, Standing(label, reference=True))]
        return groups[key]

    for effect in effects:
        start = time.perf_counter()
        opened = open_processor(effect.name, effect.set, effect.engine)
        group(opened, time.perf_counter() - start, None)
    for network in networks:
        start = time.perf_counter()
        opened = open_target(network.opened.copied)
        entries = group(opened, time.perf_counter() - start, network.rate_hz)
        target = entries[0].standing.target if opened else None
        entries.append(_Entry(network, Standing(target, precision=precision_of(network.opened.card))))
    groups[""] = groups.pop("")
    return [entry for entries in groups.values() for entry in entries]


def _with_variants(session: Session, entries: Sequence[_Entry], folder: Path, skipped: list[str]) -> Iterator[_Entry]:
    """Every entry, followed by the roundings of a network that isn't rounded yet, prepared on its engine.

    Only of ONNX files: others store nothing but float32, and sizes of different formats say nothing about rounding.
    """
    labels = {entry.subject.effect for entry in entries}
    named: dict[str, str] = {}
    for number, entry in enumerate(entries):
        session.progress("Rounding weights", number, len(entries), effect=entry.subject.effect)
        yield entry
        path = entry.subject.opened.path
        if entry.standing.precision != "fp32" or path.suffix.lower() != ".onnx":
            continue
        model, _ = read_model(path)
        for precision in PRECISIONS[1:]:
            name, file = f"{entry.subject.effect}-{precision}", folder / f"{number}-{precision}.onnx"
            try:
                _save_rounded(model, precision, file)
            except UsageError as error:
                skipped.append(f"{name}, since {error.message[0].lower()}{error.message[1:].rstrip('.')}")
                continue
            label = named.get(name) or named.setdefault(name, label_of(name, labels))
            subject = session.open_one(label, EffectSettings(str(file)), entry.subject.engine)
            standing = dataclasses.replace(entry.standing, precision=precision, timed_as=entry.subject.effect)
            yield _Entry(subject, standing, entry.subject)
    session.progress("Rounding weights", len(entries), len(entries))


def _save_rounded(model: Model, precision: str, path: Path) -> None:
    """What `fxlab export --precision` writes."""
    from fxlab.engines.onnx_engine import save_onnx

    network = rounded(model, precision)
    save_onnx(path, network, vector_of(processor_of(network, "torch"), network.card))
