"""What all suites of `fxlab bench` share: the request, the checks before a minute of measuring, the files after it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from fxlab.errors import UsageError
from fxlab.progress import Progress
from fxlab.services.bench.gate import check_gates, parse_gate
from fxlab.services.bench.measure import Cell, measure
from fxlab.services.bench.output import require_page, require_picture, require_writable, with_page, write_csv, write_plot
from fxlab.services.bench.report import CellReport, Result
from fxlab.services.bench.subjects import Subject, import_libraries, open_subject
from fxlab.services.clip import load_clip
from fxlab.services.machine import describe
from fxlab.setting import check
from fxlab.settings import BenchSettings, EffectSettings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fxlab.pages.parts import Page

FULL_BUFFERS = [2**i for i in range(12)]
CLIP = Path(str(files("fxlab") / "assets" / "clip.flac"))
_BUDGET_S, _FULL_BUDGET_S = 38.0, 150.0

Found = TypeVar("Found", bound=Result)


@dataclass
class Request:
    """What to measure and how.

    Args:
        suite: One of `bench.SUITES`.
        effects: Effects, shipped models or model files, each measured by itself; empty for what the suite measures by default.
        engines: Confines it to these engines; empty for all that an effect has ("pareto": the fastest).
        settings: Buffers, runs, threads and garbage collector.
        input: Audio to measure on; None for the clip that ships. Mono; of more channels the mean, of long files the beginning.
        seed: Of the order of measurements and of the bootstrap.
        full: Every buffer size from 1 to 2048 frames instead of `settings.buffers`.
        budget_s: Seconds of timed processing to aim at; 0 means what suits a run of about a minute (`full`: about four).
        gates: Conditions that have to hold (see `bench_gate`).
        csv, plot, html: Files to write, None for none.
        command: What was typed, for the page.
        force: They may overwrite.
        peers: Compare with pedalboard as well.
    """

    suite: str = "effects"
    effects: Sequence[EffectSettings] = ()
    engines: Sequence[str] = ()
    settings: BenchSettings = field(default_factory=BenchSettings)
    input: Path | None = None
    seed: int = 0
    full: bool = False
    budget_s: float = 0.0
    gates: Sequence[str] = ()
    csv: Path | None = None
    plot: Path | None = None
    html: Path | None = None
    command: str = ""
    force: bool = False
    peers: bool = False


class Session:
    """One run of the bench, checked and ready to measure.

    Raises:
        UsageError: A setting, gate or file name that can't be understood, a file that exists.
        InputError: Audio that can't be used.
        OutputError: A file that can't be written.
    """

    def __init__(self, request: Request, progress: Progress) -> None:
        self._began = time.perf_counter()
        self.request, self.progress = request, progress
        self.settings = _checked(request.settings)
        self._gates = [parse_gate(text) for text in request.gates]
        require_picture(request.plot)
        for path in (request.csv, request.plot):
            require_writable(path, request.force)
        require_page(request.html, (request.csv, request.plot, request.input), request.force)
        self.buffers = FULL_BUFFERS if request.full else sorted(set(self.settings.buffers))
        self.machine = describe()
        self.clip = load_clip(request.input or CLIP)
        self._imports: dict[str, float] = {}

    def open(self, planned: Sequence[tuple[str, EffectSettings, str]], libraries: Sequence[str]) -> list[Subject]:
        """Every planned (label, effect, engine), prepared; what the engines in `libraries` need is imported before."""
        self._imports = import_libraries(libraries)
        subjects = []
        for label, effect, engine in planned:
            self.progress("Loading", len(subjects), len(planned), engine=f"{label}/{engine}")
            subjects.append(self.open_one(label, effect, engine))
        self.progress("Loading", len(planned), len(planned))
        return subjects

    def open_one(self, label: str, effect: EffectSettings, engine: str) -> Subject:
        return open_subject(label, effect, engine, self.clip.at, self.buffers, self.settings.threads)

    def measure(self, subjects: Sequence[Subject]) -> list[tuple[Subject, Cell]]:
        """Every subject at every buffer size, timed."""
        pairs = [(s, Cell((s.effect, s.engine, n), s.processor, s.audio, n)) for s in subjects for n in self.buffers]
        budget_s = self.request.budget_s or (_FULL_BUDGET_S if self.request.full else _BUDGET_S)
        collect = self.settings.gc == "on"
        measure([cell for _, cell in pairs], self.settings.runs, budget_s, self.request.seed, collect, progress=self.progress)
        return pairs

    def setup(self, reports: Sequence[CellReport]) -> dict[str, Any]:
        """How it was measured, for the result; `reports` are those of the cells timed."""
        clip = self.clip
        return {
            "suite": self.request.suite,
            "audio": clip.name,
            "audio_s": clip.seconds,
            "audio_rate_hz": clip.rate_hz,
            "audio_silent": not clip.audio.any(),
            "replaced_samples": clip.replaced,
            "buffers": self.buffers,
            "runs": self.settings.runs,
            "threads": self.settings.threads,
            "gc": self.settings.gc,
            "seed": self.request.seed,
            "import_s": self._imports,
            "timed_audio_s": sum(report.stats.audio_s for report in reports),
            "timed_s": sum(float(report.times_s.sum()) for report in reports),
            "total_s": time.perf_counter() - self._began,
        }

    def finish(self, result: Found, draw: Callable[[Found], Figure], page: Callable[[Found], Page]) -> Found:
        """The result with its gates tried, after its files are written; the page last."""
        result = dataclasses.replace(result, gates=check_gates(self._gates, result.rows()))
        if self.request.csv:
            write_csv(result, self.request.csv)
        if self.request.plot:
            write_plot(draw(result), self.request.plot)
        if self.request.html:
            self.progress("Making the page", 0, None)
        return with_page(result, self.request.html, lambda: page(result), self.request.force)


def _checked(settings: BenchSettings) -> BenchSettings:
    for item in dataclasses.fields(settings):
        check(settings, item.name, getattr(settings, item.name))
    if not settings.buffers or any(type(size) is not int for size in settings.buffers):
        raise UsageError(f"buffers = {settings.buffers} are no buffer sizes.", "Whole numbers of frames, such as 64,128,512.")
    return settings
