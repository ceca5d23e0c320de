"""Opening what is measured: which part of a start counts as what."""

from types import SimpleNamespace

import numpy as np
import pytest

from fxlab.effects.processor import Processor
from fxlab.engines.loader import Opened
from fxlab.services.bench import subjects as bench_subjects
from fxlab.settings import EffectSettings


def test_what_preparing_takes_is_not_in_the_first_block(monkeypatch):
    """`prepare` runs a processor once, which is when kernels compile; the first block comes after that."""

    class Compiles(Processor):
        compiled = False

        def _allocate(self):
            pass

        def _run(self, block, out):
            now[0] += 0.001 if self.compiled else 7.0
            self.compiled = True

    now = [0.0]
    opened = Opened("slow", "numba", Compiles(), {})
    monkeypatch.setattr(bench_subjects, "open_processor", lambda *_: opened)
    monkeypatch.setattr(bench_subjects, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    found = bench_subjects.open_subject("slow", EffectSettings("slow"), "numba", lambda _: (np.ones((1, 9)), 48_000), [64], 1)
    assert (found.prepare_s, found.cold_s) == (7.0, pytest.approx(0.001))


def test_compiling_a_fused_network_counts_as_preparing(monkeypatch):
    """Its kernels are compiled by the first `prepare` of any network, before a model is opened and plays its golden vector."""
    opened, asked = [], []
    real_open, real_make = bench_subjects.open_processor, bench_subjects.processor_of
    monkeypatch.setattr(bench_subjects, "open_processor", lambda *a: opened.append(len(asked)) or real_open(*a))
    monkeypatch.setattr(bench_subjects, "processor_of", lambda *a: asked.append(a) or real_make(*a))
    effect, audio = EffectSettings("tcn-nano"), lambda rate: (np.ones((1, 99), np.float32), rate)
    for engine, made in (("fused", 2), ("onnx", 0)):
        opened.clear(), asked.clear()
        bench_subjects.open_subject("nano", effect, engine, audio, [64], 1)
        assert opened == [made] and len(asked) == made
