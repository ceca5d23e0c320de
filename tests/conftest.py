"""What all tests share: where real audio is, and a quiet, single-threaded set-up."""

from __future__ import annotations

import gc
import importlib.util
import os
import shutil
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

COUNTER = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
static volatile long calls;
long allocations(void) { return calls; }
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
void *malloc(size_t n) { __sync_fetch_and_add(&calls, 1); return __libc_malloc(n); }
void *calloc(size_t n, size_t m) { __sync_fetch_and_add(&calls, 1); return __libc_calloc(n, m); }
void *realloc(void *p, size_t n) { __sync_fetch_and_add(&calls, 1); return __libc_realloc(p, n); }
void *aligned_alloc(size_t a, size_t n) { __sync_fetch_and_add(&calls, 1); return __libc_memalign(a, n); }
int posix_memalign(void **p, size_t a, size_t n) { __sync_fetch_and_add(&calls, 1); return !(*p = __libc_memalign(a, n)); }
"""

# How long an example takes is up to the machine.
hypothesis.settings.register_profile("untimed", hypothesis.settings(), deadline=None)
hypothesis.settings.load_profile("untimed")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.pop("COLUMNS", None)  # pytest-xdist's 80, though nobody looks at a terminal
# Or every child process, and there are hundreds, would compile fxlab's sources anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# The package under test is the installed one, or the checkout where none is; child processes find the same from any folder.
_found = importlib.util.find_spec("fxlab")
_root = str(Path(_found.origin).parents[1] if _found and _found.origin else Path(__file__).parents[1])
if _found is None:
    sys.path.insert(0, _root)
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (_root, os.environ.get("PYTHONPATH"))))
if "FXLAB_DATA" in os.environ:
    os.environ["FXLAB_DATA"] = os.path.abspath(os.environ["FXLAB_DATA"])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests with a sound server or a cluster have three tries: those two miss their own deadlines on a busy machine.

    What fxlab does wrong fails three times, and CI's log names whatever was tried again.
    """
    for item in items:
        if not {"pulse", "workers", "doomed"}.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.flaky(reruns=2))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """What torch draws doesn't depend on the tests before."""
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)


@pytest.fixture(scope="session", autouse=True)
def elsewhere(tmp_path_factory) -> Iterator[None]:
    """Tests run in a folder without fxlab: Python looks for it there first, so that child processes would find the checkout's.

    That isn't the installed one, and its kernels would be compiled once more.
    """
    before = os.getcwd()
    os.chdir(tmp_path_factory.mktemp("elsewhere"))
    yield
    os.chdir(before)


@pytest.fixture(scope="session")
def memory_taken():
    """`memory_taken(play, fine)`: bytes that 1,000 calls of `play` hold at most over what was held before, as tracemalloc sees.

    Of up to three tries the first that took `fine` bytes or less, or the last: tests that run beside this one are told of it by
    a thread of this process, which allocates too.
    """

    def measured(play):
        gc.collect()
        tracemalloc.start()
        try:
            play()
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            for _ in range(1000):
                play()
            return tracemalloc.get_traced_memory()[1] - before
        finally:
            tracemalloc.stop()

    def taken(play, fine):
        for _ in range(3):
            if (took := measured(play)) <= fine:
                break
        return took

    return taken


@pytest.fixture(scope="session")
def play_stage():
    """`play_stage(stage, block)`: the output of one block, (channels, frames), from the stage's machine code."""
    import numpy as np
    from numba import njit

    from fxlab.kernels.stages import call_stage

    @njit
    def play(function, at, frames):
        return call_stage(function, at, frames)

    def played(stage, block):
        stage.dry[: block.size] = block.ravel()
        stage.wet[:] = np.nan
        assert play(stage.function, stage.at, block.shape[1])
        assert np.isnan(stage.wet[block.size :]).all()
        return stage.wet[: block.size].reshape(block.shape).copy()

    return played


@pytest.fixture(scope="session")
def malloc_counter(tmp_path_factory) -> str:
    """Path of a library for LD_PRELOAD that counts calls of the C library's allocator: `allocations()` says how many."""
    if not sys.platform.startswith("linux"):
        pytest.skip("counting malloc needs glibc (not Windows or macOS)")
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler to build the counter with")
    folder = tmp_path_factory.mktemp("counter")
    (folder / "counter.c").write_text(COUNTER)
    library = folder / "counter.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-fno-builtin", "-o", library, folder / "counter.c"], check=True)
    return str(library)


@pytest.fixture
def pulse(tmp_path) -> Iterator[Any]:
    """A PulseAudio daemon of the test's own (see `live/pulse.py`); skips the test where there can be none."""
    spec = importlib.util.spec_from_file_location("fxlab_tests_pulse", Path(__file__).parent / "live" / "pulse.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if reason := module.why_not():
        pytest.skip(f"no sound server: {reason}")
    server = module.Pulse(tmp_path)
    try:
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def shared_audio() -> Path:
    """The folder with real audio (`$FXLAB_DATA/audio`); skips the test where there is none."""
    return _shared("audio")


@pytest.fixture(scope="session")
def shared_models() -> Path:
    """The folder with other programs' models (`$FXLAB_DATA/models`); skips the test where there is none."""
    return _shared("models")


@pytest.fixture(scope="session")
def conditioned():
    """`conditioned(config, knobs=3, seed=0)`: a network of that make with so many of three knobs, in which each is well heard."""
    import numpy as np

    from fxlab.effects.params import Param
    from fxlab.models.controls import Control
    from fxlab.models.model import Model, describe

    controls = (
        Control(Param("drive_db", 12.0, 0.0, 36.0, "dB", "", "db"), 0, "drive_db"),
        Control(Param("cutoff_hz", 4000.0, 500.0, 16_000.0, "Hz", "", "log"), 0, "cutoff_hz"),
        Control(Param("bias", 0.0, -0.5, 0.5, "", "")),
    )

    def make(config, knobs=3, seed=0):
        config, rng, weights = config.with_controls(knobs), np.random.default_rng(seed), {}
        for name, shape in config.weight_shapes().items():
            bound = max(1, int(np.prod(shape[1:]))) ** -0.5
            weights[name] = np.asarray(rng.uniform(-bound, bound, shape), np.float32)
        if config.kind == "tcn":
            weights["scale"] = np.float32(0.1)
        card = {"model": describe(config), "sample_rate_hz": 48_000, "latency": 0, "receptive_field": config.receptive_field}
        return Model(config, weights, card | {"controls": [control.to_json() for control in controls[:knobs]]})

    return make


@pytest.fixture(scope="session")
def instrument_file(tmp_path_factory):
    """`instrument_file(automaton="grown", seed=0)`: file of an instrument of 16 harmonics and 8 noise bands that was never taught
    to play; its automaton, unless it is "classic" or "", is the one that the tests of growth measure."""
    import numpy as np
    from safetensors.numpy import load_file

    from fxlab.models.checkpoint_file import write
    from fxlab.models.model import CARD_FORMAT, describe
    from fxlab.timbre.config import InstrumentConfig

    folder = tmp_path_factory.mktemp("instruments")
    golden = load_file(Path(__file__).parent / "timbre" / "golden" / "automaton.safetensors")

    def make(automaton="grown", seed=0):
        path = folder / f"{automaton or 'none'}-{seed}.safetensors"
        if path.exists():
            return path
        config = InstrumentConfig(
            harmonics=16, bands=8, mfcc=0, hidden=6, layers=1, dense=6, automaton=automaton, channels=8, cell_hidden=24
        )
        rng = np.random.default_rng(seed)
        weights = {name: rng.normal(0, 0.5, shape).astype(np.float32) for name, shape in config.weight_shapes().items()}
        if automaton == "grown":
            weights |= {f"automaton.{name}": array for name, array in golden.items()}
        level = np.where(np.arange(40) < 34, -22.0, -90.0).tolist()
        card = {
            "format": CARD_FORMAT,
            "model": describe(config),
            "sample_rate_hz": config.sample_rate_hz,
            "parameters_count": config.parameters_count,
            "features": {
                "tracker": "swift-f0 0.3.0",
                "sample_rate_hz": config.sample_rate_hz,
                "hop": config.hop,
                "loudness": {"mean": -30.0, "spread": 10.0},
                "range_midi": [50.0, 74.0],
                "loudness_range_db": [-50.0, -15.0],
            },
            "phrase": {"midi": [57.0] * 40, "voiced": [1.0] * 40, "loudness_db": level},
            "licence": "CC0",
        }
        write(path, weights, card)
        return path

    return make


def _shared(name: str) -> Path:
    folder = Path(os.environ.get("FXLAB_DATA", Path(__file__).parents[2] / "shared")) / name
    if not folder.is_dir():
        pytest.skip(f"no data: set FXLAB_DATA to the folder that holds {name}/")
    return folder
