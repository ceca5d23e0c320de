"""Once prepared, a compiled effect neither compiles nor allocates, whatever its settings and the size of the blocks."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher

from fxlab.effects.registry import effects

RATE = 48_000
SIZES = (1, 64, 700, 2048)
VARIANTS = ({}, {"oversample": 2}, {"oversample": 8, "antialias": "adaa1"}, {"antialias": "adaa1"})
VARIANTS += ({"antialias": "none"}, {"dither": "tpdf"}, {"rate_hz": 9000.0}, {"rate_hz": 9000.0, "dither": "tpdf"})
VARIANTS += ({"rate_hz": 9000.0, "dither": "tpdf", "oversample": 4}, {"mode": "tanh"}, {"mode": "cubic", "oversample": 4})
CASES = [
    pytest.param(name, settings, id=f"{name}-{'-'.join(map(str, settings.values())) or 'default'}")
    for name in sorted(effects())
    for settings in VARIANTS
    if settings.keys() <= {parameter.name for parameter in effects()[name].parameters}
]
every_case = pytest.mark.parametrize("name, settings", CASES)


def compiled():
    """Signatures of every compiled function in the package."""
    modules = [module for key, module in sys.modules.items() if key.startswith("fxlab.")]
    return {
        (value.py_func.__module__, value.py_func.__qualname__, str(signature))
        for module in modules
        for value in vars(module).values()
        if isinstance(value, Dispatcher)
        for signature in value.signatures
    }


def prepared(name, settings):
    processor = effects()[name].processor("numba", **settings)
    processor.prepare(RATE, 2, max(SIZES))
    return processor


def noise(frames):
    return (0.4 * np.random.default_rng(frames).standard_normal((2, frames))).astype(np.float32)


def compiled_late():
    """What `process` compiled although `prepare` had run, over all cases: a set of (case, function, signature)."""
    late = set()
    for case in CASES:
        processor = prepared(*case.values)
        before = compiled()
        for frames in SIZES:
            block = noise(frames)
            processor.process(block, np.empty_like(block))
        late |= {(case.id, *found) for found in compiled() - before}
    assert compiled()
    return late


def test_nothing_is_compiled_after_prepare():
    # In a process of its own: what other tests have compiled by now would hide what is missing here.
    run = subprocess.run([sys.executable, __file__], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


@every_case
def test_processing_does_not_allocate(name, settings, memory_taken):
    processor = prepared(name, settings)
    block = noise(700)
    out = np.empty_like(block)
    for _ in range(10):
        processor.process(block, out)
    assert memory_taken(lambda: processor.process(block, out), 2048) <= 2048


if __name__ == "__main__":
    print(compiled_late())
