"""`fxlab bench`: DSP and networks measured side by side, for speed, latency, memory and likeness."""

from __future__ import annotations

from fxlab.errors import CheckError, UsageError, nearest
from fxlab.progress import Progress, silent
from fxlab.services.bench import pareto as bench_pareto
from fxlab.services.bench import subjects as bench_subjects
from fxlab.services.bench.figures import cell_reports, engine_reports, quality_reports
from fxlab.services.bench.heard import heard
from fxlab.services.bench.page import page_of
from fxlab.services.bench.peers import measure_peers, require_pedalboard
from fxlab.services.bench.plot import figure
from fxlab.services.bench.report import Result
from fxlab.services.bench.session import Request, Session
from fxlab.services.bench.subjects import plan, torch_threads
from fxlab.settings import EffectSettings

SUITES = ("effects", "pareto")
"""effects: DSP and networks on every engine; pareto: which network of an effect is worth its cost (`bench_pareto`). The others
are services of their own."""

_OTHERS = ("knobs", "training", "live", "ace", "master", "grow")


def default_effects(suite: str) -> list[EffectSettings]:
    """What a suite measures when no effect is named."""
    return bench_pareto.default_effects() if suite == "pareto" else bench_subjects.default_effects()


def run(request: Request, progress: Progress = silent) -> Result:
    """Measures, and writes the files asked for.

    A gate that fails is no error here: see `Result.gates` and `require_gates`.

    Raises:
        UsageError: An unknown suite, effect, engine, parameter or setting, a gate that can't be understood.
        InputError: Audio or a model file that can't be used.
        MissingError: pedalboard isn't installed and `peers` asks for it.
        OutputError: A file that can't be written.
    """
    if request.suite not in SUITES:
        raise UsageError(f"There is no suite '{request.suite}'.", nearest(request.suite, (*SUITES, *_OTHERS)))
    return (bench_pareto.run if request.suite == "pareto" else _effects)(request, progress)


def require_gates(result: Result) -> None:
    """Raises `CheckError` naming what failed, when a gate did."""
    failed = [outcome for outcome in result.gates if not outcome.passed]
    if failed:
        lines = [f"{outcome.gate}: {failure}" for outcome in failed for failure in outcome.failures]
        hint = "The figures are above; a busy machine can fail a gate on time."
        raise CheckError("A gate failed.\n" + "\n".join(lines), hint)


def _effects(request: Request, progress: Progress) -> Result:
    session = Session(request, progress)
    if request.peers:
        require_pedalboard()
    planned, skipped = plan(request.effects or default_effects(request.suite), request.engines)
    engines = [engine for _, _, engine in planned]
    with torch_threads(engines, session.settings.threads):
        subjects = session.open(planned, engines)
        cells = cell_reports(session.measure(subjects), request.seed)
        found = engine_reports(subjects, cells)
        quality = quality_reports(subjects, cells, progress)
        peers = measure_peers(session.clip, session.settings.runs, request.seed, progress) if request.peers else []
    result = Result(session.machine, session.setup(cells), found, cells, quality, peers, skipped=skipped)
    return session.finish(result, figure, lambda found: page_of(found, heard(subjects, quality), request.command))
