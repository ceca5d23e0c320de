"""The suite "training": trainers in turns, what their curves say, and a tiny run."""

import json
import threading

import pytest
import torch

from fxlab.console.bench import training as view
from fxlab.errors import InputError, UsageError
from fxlab.metrics.timing import Interval
from fxlab.models.tcn import TCN
from fxlab.models.tcn_config import SIZES
from fxlab.services.bench import training as bench_training
from fxlab.services.bench.training import Request, Trained, TrainingResult
from fxlab.services.bench.training_data import load_pairs
from fxlab.services.bench.training_plot import figure
from fxlab.services.bench.turns import Runner
from fxlab.services.machine import describe
from fxlab.settings import EffectSettings, ModelSettings, TrainSettings
from fxlab.training.evaluate import play

SETUP = {"network": "nano", "batch": 2, "segment": 64, "threads": 1, "data": "clip"}


def trained(name, step_s, *curve):
    return Trained(name, "1", 10, 9.0, Interval(step_s, step_s, step_s), list(curve), {})


def steps_until_stopped(log, most=1000):
    def work(runner):
        for _ in range(most):
            log.append((runner.name, torch.get_num_threads(), threading.active_count()))
            if runner.stepped():
                return

    return work


def test_runners_take_turns():
    log = []
    runners = [Runner("a", steps_until_stopped(log), 1), Runner("b", steps_until_stopped(log), 2)]
    runners[0].turn(3)
    runners[1].turn(2)
    runners[0].turn(1)
    assert [(name, threads) for name, threads, _ in log] == [("a", 1)] * 3 + [("b", 2)] * 2 + [("a", 1)]
    assert [len(runner.times_s) for runner in runners] == [4, 2]
    for runner in runners:
        runner.stop()
        assert runner.ended and runner.seconds == sum(runner.times_s)


def test_a_runner_that_ends_early_or_fails():
    short = Runner("a", steps_until_stopped([], most=2), 1)
    short.turn(10)
    assert short.ended and len(short.times_s) == 2
    short.turn(1)
    short.stop()

    def fails(runner):
        runner.stepped()
        raise InputError("no", "hint")

    runner = Runner("b", fails, 1)
    runner.turn(1)
    with pytest.raises(InputError):
        runner.turn(1)
    assert runner.ended


def test_what_curves_say():
    ours = trained("fxlab", 0.1, (0.0, 0, 1.0), (2.0, 20, 0.04), (3.0, 30, 0.3), (4.0, 40, 0.02))
    theirs = trained("neural-amp-modeler", 0.3, (0.0, 0, 1.0), (8.0, 20, 0.05), (9.0, 30, 0.06))
    result = TrainingResult(describe(), SETUP, [ours, theirs])
    assert result.comparison == {
        "steps_per_second_ratio": pytest.approx(3),
        "target_esr": 0.05,
        "their_seconds": 8.0,
        "seconds": 2.0,
        "time_ratio": 0.25,
        "lasting_seconds": 4.0,
        "lasting_time_ratio": 0.5,
    }
    assert "0.25 of the time, and no worse one any more after 4 s, 0.5 of the time" in view.sentences(result)[1]
    assert json.loads(json.dumps(result.to_json()))["comparison"]["target_esr"] == 0.05
    figure(result).draw_without_rendering()
    worse = TrainingResult(describe(), SETUP, [theirs, ours])
    assert worse.comparison["time_ratio"] is None
    assert "doesn't become" in view.sentences(worse)[1]
    assert TrainingResult(describe(), SETUP, [ours], "no package").comparison is None


def tiny(**more):
    settings = TrainSettings(batch_size=2, segment=512, threads=1)
    return Request(model=ModelSettings(size="nano"), settings=settings, steps=4, **more)


def test_a_tiny_run(tmp_path, monkeypatch, capsys):
    def absent(*_):
        raise bench_training.MissingError("not there", "pip install it")

    monkeypatch.setattr(bench_training, "_theirs", absent)
    threads = torch.get_num_threads()
    result = bench_training.run(tiny(plot=tmp_path / "curve.png", html=tmp_path / "curve.html"))
    assert result.html_error is None and "ESR, dB" in (tmp_path / "curve.html").read_text("utf-8")
    assert torch.get_num_threads() == threads
    (ours,) = result.trainers
    assert ours.steps == 4 and ours.curve[0][1] == 0 and ours.curve[-1][1] == 4
    assert ours.seconds > 0 and result.missing == "not there pip install it"
    assert (tmp_path / "curve.png").stat().st_size > 1000
    json.dumps(result.to_json())
    view.show(result)
    assert "not there" in capsys.readouterr().out


def test_the_clip_is_cut_into_what_trains_and_what_judges():
    name, train, judged = load_pairs(None, EffectSettings("clipper"), lambda *_, **__: None)
    assert "clipper" in name
    assert len(train[0].target) == 4 * len(judged[0].target) == 192_000
    assert train[0].from_rest and not judged[0].from_rest


def test_what_it_refuses(tmp_path):
    with pytest.raises(UsageError):
        bench_training.run(Request(model=ModelSettings(type="lstm")))
    with pytest.raises(UsageError):
        bench_training.run(tiny(plot=tmp_path / "curve.txt"))
    with pytest.raises(UsageError):
        bench_training.run(tiny(dataset=tmp_path, effect=EffectSettings("saturator")))
    with pytest.raises(InputError):
        bench_training.run(tiny(dataset=tmp_path))


def test_the_other_trainer_begins_with_the_same_network():
    pytest.importorskip("nam.train.lightning_module", reason="no trainer of neural-amp-modeler", exc_type=ImportError)
    from fxlab.services.bench import training_nam as bench_training_nam

    torch.manual_seed(0)
    network = TCN(SIZES["nano"]).eval()
    _, train, judged = load_pairs(None, None, lambda *_, **__: None)
    other = bench_training_nam.Trainer(network, train, 4096, 2, 0)
    with torch.no_grad():
        network.scale.fill_(0.02 / other.network().level)
    assert abs(play(other.network(), judged[0])[1] - play(network, judged[0])[1]).max() < 1e-5
    runner = Runner("other", other.run, 1)
    runner.turn(2)
    runner.stop()
    assert len(runner.times_s) >= 2
    assert abs(play(other.network(), judged[0])[1] - play(network, judged[0])[1]).max() > 1e-5
