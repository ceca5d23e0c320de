"""What is measured: every effect opened once per engine, with the times that opening takes."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fxlab.effects.params import Value
from fxlab.effects.processor import Processor
from fxlab.effects.registry import effects as dsp_effects
from fxlab.engines.loader import (
    MODEL_SUFFIXES,
    Opened,
    engines_of,
    model_path,
    open_processor,
    processor_of,
    read_model,
)
from fxlab.engines.registry import engines as network_engines
from fxlab.errors import UsageError, nearest
from fxlab.services.bench.gate import all_engines
from fxlab.settings import EffectSettings
from fxlab.wording import told

_LIBRARY = {"numba": "numba", "fused": "numba", "torch": "torch", "torchscript": "torch", "onnx": "onnxruntime"}

_EMULATIONS = ("tcn", "tcn-nano", "lstm", "gru")

_MOST_SETTINGS = 3
"""Settings that `described` names at most."""

Planned = tuple[str, EffectSettings, str]
"""Label, effect, engine."""


@dataclass
class Subject:
    """One effect run by one engine.

    Args:
        effect: Name in tables, unique together with the engine.
        opened: The processor (prepared) with its card or parameters.
        audio: float32 (1, frames) at `rate_hz`.
        rate_hz: The model's own rate, or the audio's.
        load_s, prepare_s, cold_s: Opening; allocating, compiling and warming up; and the first block after that.
    """

    effect: str
    opened: Opened
    audio: np.ndarray
    rate_hz: int
    load_s: float
    prepare_s: float
    cold_s: float

    @property
    def engine(self) -> str:
        return self.opened.engine

    @property
    def processor(self) -> Processor:
        return self.opened.processor


def default_effects() -> list[EffectSettings]:
    """The default saturator, and the networks that ship for it where they are installed."""
    return [EffectSettings("saturator"), *(EffectSettings(name) for name in _EMULATIONS if model_path(name).is_file())]


def plan(effects: Sequence[EffectSettings], engines: Sequence[str], fastest: bool = False) -> tuple[list[Planned], list[str]]:
    """Every (label, effect, engine) to measure, and what was left out and why.

    Args:
        effects: What to measure; an effect whose engine isn't "auto" runs on that one only.
        engines: Engines to confine it to, empty for all.
        fastest: Where no engine is named, "auto" instead of all: the fastest one that is proven.

    Raises:
        UsageError: An unknown engine or effect, or nothing left to measure.
        InputError: A model file that isn't there.
        MissingError: An engine of another package that can't be used.
    """
    registry = network_engines()
    for engine in engines:
        if engine not in all_engines():
            raise UsageError(f"There is no engine '{engine}'.", nearest(engine, all_engines()))
        if engine in registry:
            registry[engine]  # a package's that can't be used says why
    planned: list[Planned] = []
    skipped: list[str] = []
    labels = {"dry"}  # what goes in is called so on pages
    for effect in effects:
        known = engines_of(effect.name)
        wanted = list(engines) or ([] if effect.engine == "auto" else [effect.engine])
        chosen = [engine for engine in all_engines() if engine in known and (not wanted or engine in wanted)]
        if fastest and not wanted:
            chosen = ["auto"]
        label = label_of(effect.name, labels)
        if not chosen:
            skipped.append(f"{label} doesn't run on {' or '.join(wanted)}")
        planned += [(label, effect, engine) for engine in chosen]
    if not planned:
        hint = "Run `fxlab bench` without --engine to see all."
        raise UsageError("Nothing is left to measure: " + "; ".join(skipped) + ".", hint)
    return planned, skipped


def import_libraries(engines: Sequence[str]) -> dict[str, float]:
    """Imports what the engines need, so that no engine's load time holds it; seconds per library."""
    took = {}
    for library in dict.fromkeys(_LIBRARY[engine] for engine in engines if engine in _LIBRARY):
        start = time.perf_counter()
        importlib.import_module(library)
        took[library] = time.perf_counter() - start
    return took


@contextmanager
def torch_threads(engines: Sequence[str], threads: int) -> Iterator[None]:
    """torch confined to so many threads while measuring, where an engine uses it."""
    if not {"torch", "torchscript"} & set(engines):
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def open_subject(
    label: str,
    effect: EffectSettings,
    engine: str,
    audio_at: Callable[[int | None], tuple[np.ndarray, int]],
    buffers: Sequence[int],
    threads: int,
) -> Subject:
    """Opens and prepares one effect on one engine, and runs the first block after that.

    `prepare` compiles and warms up, so what a cold start costs is in its time and not in the first block's.

    Args:
        audio_at: Gives the mono audio at a rate (None: its own) and that rate.
        buffers: The buffer sizes that will be asked for.
    """
    compiling_s = _compile_fused(effect.name) if engine in ("fused", "auto") else 0.0
    start = time.perf_counter()
    opened = open_processor(effect.name, effect.set, engine, threads)
    subject = prepared(label, opened, time.perf_counter() - start, audio_at, buffers)
    if subject.engine == "fused":
        subject.prepare_s += compiling_s
    return subject


def _compile_fused(name: str) -> float:
    """Seconds that the fused engine's kernels take to be compiled or read from the cache; nothing once they are, or for DSP.

    Opening a model proves it, so its first `prepare` would be counted as loading.
    """
    if "fused" not in engines_of(name):
        return 0.0
    processors = [processor_of(read_model(model_path(name))[0], "fused") for _ in range(2)]
    took = []
    for processor in processors:
        start = time.perf_counter()
        processor.prepare(processor.native_rate_hz, 1, 4096)
        took.append(time.perf_counter() - start)
    return max(0.0, took[0] - took[1])


def prepared(
    label: str, opened: Opened, load_s: float, audio_at: Callable[[int | None], tuple[np.ndarray, int]], buffers: Sequence[int]
) -> Subject:
    """`open_subject` for what is open already."""
    audio, rate_hz = audio_at(opened.processor.native_rate_hz)
    first = np.ascontiguousarray(np.resize(audio, (1, min(buffers))))
    out = np.empty_like(first)
    start = time.perf_counter()
    opened.processor.prepare(rate_hz, 1, max(buffers))
    ready = time.perf_counter()
    opened.processor.process(first, out)
    done = time.perf_counter()
    return Subject(label, opened, audio, rate_hz, load_s, ready - start, done - ready)


def label_of(name: str, taken: set[str]) -> str:
    """A short name for tables, added to those taken: the effect's or the file's stem, its path when that is taken."""
    path = Path(name)
    label = path.stem if path.suffix.lower() in MODEL_SUFFIXES else name
    if label in taken:
        label = name
    count = 2
    while label in taken:
        label = f"{name} ({count})"
        count += 1
    taken.add(label)
    return label


def changed(opened: Opened) -> dict[str, Value]:
    """An effect's settings that aren't its defaults; all of a chain's."""
    usual = dsp_effects()[opened.name].resolve({}) if opened.name in dsp_effects() else {}
    return {name: value for name, value in opened.parameters.items() if name not in usual or value != usual[name]}


def described(opened: Opened) -> str:
    """An effect's name, with the settings that tell it from the same effect as another network copies it."""
    settings = [f"{name} {told(value)}" for name, value in changed(opened).items()] if opened.name in dsp_effects() else []
    more = ["…"] if len(settings) > _MOST_SETTINGS else []
    return ", ".join([opened.name, *settings[:_MOST_SETTINGS], *more])
