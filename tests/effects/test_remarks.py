"""What processors tell of their own decisions: through chains and pipelines, anew after a reset."""

from __future__ import annotations

import re

import numpy as np
import pytest
import soundfile

from fxlab.effects.chain import Chain
from fxlab.effects.registry import effect
from fxlab.services.render.service import Request, run
from fxlab.settings import EffectSettings

RATE = 8000


def noise(frames=800):
    return 0.1 * np.random.default_rng(0).standard_normal((1, frames)).astype(np.float32)


def played(processor, audio):
    processor.process(audio, np.empty_like(audio))
    return processor.remarks()


@pytest.mark.parametrize("engine", ["numba", "numpy"])
def test_ace_tells_how_it_adapted_and_nothing_where_it_does_not(engine):
    chain = Chain([effect("eq").processor(), effect("ace").processor(engine, bands=16, adapt=True)])
    chain.prepare(RATE, 1, 2000)
    assert chain.remarks() == []
    (remark,) = played(chain, noise())
    assert remark.startswith("ace adapted: contrast strengths × ") and ", transients × " in remark
    mean, least, most, _ = (float(number) for number in re.findall(r"\d+\.\d+", remark))
    assert 0 < least <= mean <= most <= 2
    chain.reset()
    assert chain.remarks() == []
    still = effect("ace").processor(engine, bands=16)
    still.prepare(RATE, 1, 2000)
    assert played(still, noise()) == []


def test_a_rendering_keeps_them_file_by_file(tmp_path):
    for name in "ab":
        soundfile.write(tmp_path / f"{name}.wav", noise()[0], RATE)
    chain = [EffectSettings("ace", set={"bands": 16, "adapt": True})]
    files = [tmp_path / "a.wav", tmp_path / "b.wav"]
    result = run(Request(files, chain, tmp_path / "out", workers=1))
    told = [report.remarks for report in result.files]
    assert told[0] == told[1] and len(told[0]) == 1
    assert [one["remarks"] for one in result.to_json()["files"]] == told
