"""The grow suite: who learns what, who is judged by what, and what the figures mean."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import soundfile
import torch

from fxlab.console.bench import grow as view
from fxlab.errors import InputError
from fxlab.services.bench import grow as bench_grow
from fxlab.services.bench.grow import Request, Result, Trainer
from fxlab.services.bench.grow_speed import Speed
from fxlab.services.machine import describe
from fxlab.services.train import instrument as train_instrument
from fxlab.timbre import baseline
from fxlab.timbre.config import SEED_PARAMETERS, InstrumentConfig

from ...timbre.sounds import RATE_HZ, note, vibrato

SMALL = InstrumentConfig(harmonics=7, bands=4, mfcc=2, hidden=6, layers=2, dense=5, size="seed")


@pytest.fixture
def recording(tmp_path):
    notes = [note(vibrato(f0_hz, 1.5), 1.5) for f0_hz in (220.0, 330.0, 262.0)]
    soundfile.write(tmp_path / "horn.wav", np.concatenate(notes), RATE_HZ)
    return tmp_path / "horn.wav"


def test_the_baseline_has_the_weights_that_its_source_counts():
    assert sum(tensor.numel() for tensor in baseline.SeedNetwork().parameters()) == SEED_PARAMETERS


def test_everyone_learns_and_is_judged_alike(recording, tmp_path, monkeypatch):
    monkeypatch.setattr(baseline, "SIZES", {"seed": SMALL})
    monkeypatch.setattr(train_instrument, "config_for", lambda size, grow: SMALL)
    monkeypatch.setattr(bench_grow, "speeds", lambda config, seed: [Speed(44_100, 200.0, -120.0)])
    result = bench_grow.run(
        Request([recording, recording], budget_s=0.3, plot=tmp_path / "grow.png", html=tmp_path / "grow.html")
    )
    # One file named twice is one recording: steps that need several are left out.
    assert [one.name for one in result.trainers] == ["baseline", "two scales", "segments", "batches", "all four steps", "fxlab"]
    assert all(one.steps and one.curve and one.best < np.inf for one in result.trainers)
    assert max(one.curve[0][2] for one in result.trainers) < 200
    assert (tmp_path / "grow.png").stat().st_size > 10_000
    assert result.html_error is None and "all four steps" in (tmp_path / "grow.html").read_text("utf-8")
    (heard,) = result.heard
    assert list(heard.versions) == ["recording", "baseline", "all four steps", "fxlab"] and heard.rate_hz == SMALL.sample_rate_hz
    assert {sound.shape for sound in heard.versions.values()} == {heard.versions["recording"].shape}
    found = result.to_json()
    assert found["trainers"][0]["best_loss"] == result.trainers[0].best and found["setup"]["kept_back_s"] == pytest.approx(
        1.0, abs=0.05
    )
    assert found["trainers"][-1]["fxlab_times_as_fast"] == 1
    view.show(result)


def test_ratios_are_of_times_to_anothers_best():
    slow, better, ours = (Trainer(name, lambda: None, list, torch.dist) for name in ("baseline", "better", "fxlab"))
    slow.curve, better.curve, ours.curve = [(1.0, 1, 9.0), (60.0, 60, 5.0)], [(50.0, 9, 4.0)], [(2.0, 1, 6.0), (3.0, 2, 4.9)]
    result = Result(describe(), {}, [slow, better, ours], [], False)
    assert (result.ratio(slow), result.ratio(better), result.ratio(ours)) == (20.0, None, 1.0)


def test_parts_kept_back_count_by_their_lengths():
    long, short = (torch.zeros(30), torch.ones(30)), (torch.zeros(10), torch.full((10,), 5.0))
    one = Trainer("one", lambda: None, lambda: [long, short], lambda sound, audio: (sound - audio).abs().mean())
    assert one.judge() == 2.0


def test_each_step_changes_what_it_says(recording):
    from fxlab.progress import silent
    from fxlab.timbre.corpus import gather
    from fxlab.timbre.tracker import SwiftF0

    config = dataclasses.replace(SMALL)
    (take,) = gather([recording], config, SwiftF0(), 1.0, 0.15, None, silent).takes
    shapes = {}
    for name, steps in {"baseline": baseline.Steps(), **bench_grow.VARIANTS}.items():
        trainer = baseline.BaselineTrainer.__new__(baseline.BaselineTrainer)
        trainer._takes, trainer._steps, trainer._rng = [take], steps, np.random.default_rng(0)
        shapes[name] = trainer._batch()[1].shape
    longest = max(len(part) for part in take.learnt) * config.hop
    assert shapes["baseline"][0] == 1 and shapes["baseline"][1] <= longest
    assert shapes["segments"] == (1, baseline.SEGMENT_FRAMES * config.hop)
    assert shapes["batches"][0] == shapes["all four steps"][0] == baseline.BATCH
    one, two = torch.zeros(1, 4096), torch.ones(1, 4096)
    assert baseline.spectral(one, two, baseline.TWO_SCALES) < baseline.spectral(one, two, baseline.FOUR_SCALES)


def test_recordings_too_short_to_judge_by_are_refused(tmp_path):
    soundfile.write(tmp_path / "short.wav", note(vibrato(220.0, 1.2), 1.2), RATE_HZ)
    with pytest.raises(InputError, match="long enough"):
        bench_grow.run(Request([tmp_path / "short.wav"]))
