"""The loop: it learns, survives being stopped anywhere, divides work when memory runs out, and stops when it diverges.

Recurrent networks carry their state from window to window, and are as sure to go on to the bit.
"""

import dataclasses
import math

import numpy as np
import pytest
import torch

from fxlab.errors import CheckError, MissingError, UsageError
from fxlab.models.stack import Stack
from fxlab.models.stack_config import LayerConfig, StackConfig
from fxlab.settings import TrainSettings
from fxlab.training.data import Segments
from fxlab.training.loop import Loop, Run, learning_rate, pick_device
from fxlab.training.losses import effect_loss
from fxlab.training.pair import Pair


class Gain(torch.nn.Module):
    """A network of two weights that can learn a gain."""

    receptive_field = 2
    recurrent = False

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv1d(1, 1, 2)

    def forward(self, x, controls=None):
        return self.conv(x)


NOISE = np.random.default_rng(0).standard_normal(5000).astype(np.float32) * 0.3
PAIR = Pair(NOISE, 0.5 * NOISE)
SETTINGS = TrainSettings(epochs=4, batch_size=4, segment=256, learning_rate=0.05, warmup_steps=2, stft_weight=0.0)


def cells(cell):
    """A recurrent network with a convolution, so that there are states of every kind."""
    layers = LayerConfig("conv1d", 1, 2, "tanh", 3), LayerConfig(cell, 2, 3), LayerConfig("dense", 3, 1)
    return lambda: Stack(StackConfig(layers, warm_up=40))


# Windows of which 7 sequences fill 5000 samples; the last epoch's sequence is cut off after its first window.
RECURRENT = {"epochs": 3, "batch_size": 3, "segment": 200, "windows": 3, "steps_per_epoch": 7}


def make(settings=SETTINGS, network=Gain, **changes):
    torch.manual_seed(0)
    model = network()
    settings = dataclasses.replace(settings, **changes).for_network(model.recurrent)
    run = Run.fresh(model, settings)
    segments = Segments([PAIR], settings.segment, model.receptive_field - 1, settings.seed, settings.windows)
    saved = []

    def save(current, best):
        tensors = {name: tensor.clone() for name, tensor in current.tensors().items()}
        weights = {name: tensor.clone() for name, tensor in current.model.state_dict().items()}
        record = current.record() | {"history": list(current.history)}
        saved.append((weights, tensors, record, best))

    def validate(current):
        if network is not Gain:
            return 1.0
        weight = current.weights()["conv.weight"]
        return float((weight[0, 0, 1] - 0.5) ** 2 + weight[0, 0, 0] ** 2)

    def loop(run=run, loss=effect_loss, stopping=lambda: False):
        return Loop(run, segments, settings, loss, validate, save, lambda *a: None, stopping)

    return run, loop, saved


def weights_of(run):
    return torch.cat([p.detach().flatten() for p in run.model.parameters()])


def test_it_learns_a_gain():
    run, loop, saved = make(epochs=40)
    assert loop().go() == "finished"
    assert run.best < 1e-4
    assert run.history[-1]["loss"] < 0.01 * run.history[0]["loss"]
    assert [row["epoch"] for row in run.history] == list(range(40))
    assert saved[-1][2]["epoch"] == 40


@pytest.mark.parametrize("ema", [0.0, 0.9])
@pytest.mark.parametrize("stop_after", [1, 4, 5, 11])
def test_a_stopped_run_goes_on_to_the_bit(stop_after, ema):
    check_that_it_goes_on(stop_after, ema=ema)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("stop_after", [1, 2, 3, 7, 8, 13])
def test_a_run_stopped_amid_a_sequence_goes_on_to_the_bit(stop_after, cell):
    """Between two windows, behind the last one, and in the sequence that its epoch cuts off."""
    check_that_it_goes_on(stop_after, ema=0.9, network=cells(cell), **RECURRENT)


def check_that_it_goes_on(stop_after, **changes):
    undisturbed, loop, _ = make(**changes)
    loop().go()

    first, loop, saved = make(**changes)
    assert loop(stopping=lambda: first.step >= stop_after).go() == "interrupted" or first.step_in_epoch == 0
    weights, tensors, record, _ = saved[-1]

    second, loop, _ = make(**changes)
    second.model.load_state_dict(weights)
    second.restore(tensors, record)
    while loop(second).go() != "finished":
        pass
    assert torch.equal(weights_of(second), weights_of(undisturbed))
    assert all(torch.equal(a, b) for a, b in zip(second.weights().values(), undisturbed.weights().values(), strict=True))
    assert [row["loss"] for row in second.history] == [row["loss"] for row in undisturbed.history]


def test_running_out_of_memory_halves_the_batch_and_trains_much_the_same():
    whole, loop, _ = make()
    loop().go()

    parts, loop, _ = make()
    forward = parts.model.forward

    def greedy(x, controls):
        if len(x) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(x, controls)

    parts.model.forward = greedy
    loop().go()
    assert parts.halvings == 2
    torch.testing.assert_close(weights_of(parts), weights_of(whole), rtol=0.05, atol=0.01)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_windows_play_as_the_sequence_in_one_piece(cell):
    """With weights that stand still; the next sequence starts from its own context, not from the last one's end."""
    run, loop, _ = make(network=cells(cell), **RECURRENT, learning_rate=0.0)
    played = []

    def loss(target, output, settings):
        played.append((target.clone(), output.detach().clone()))
        return effect_loss(target, output, settings)

    loop(loss=loss).go()
    assert len(played) == 21 and not run.carried
    whole = Segments([PAIR], 600, run.model.receptive_field - 1, SETTINGS.seed)
    for epoch in range(3):
        for number, (dry, target, _) in enumerate(whole.epoch(epoch, 3, 2)):
            windows = played[7 * epoch + 3 * number : 7 * epoch + 3 * number + 3]
            assert torch.equal(torch.cat([y for y, _ in windows], dim=1), target)
            with torch.no_grad():
                expected = run.model(dry)[:, 0]
            torch.testing.assert_close(torch.cat([y for _, y in windows], dim=1), expected, rtol=0, atol=1e-6)


def test_running_out_of_memory_splits_carried_states_too():
    whole, loop, _ = make(network=cells("lstm"), **RECURRENT)
    loop().go()

    parts, loop, _ = make(network=cells("lstm"), **RECURRENT)
    stream, calls = parts.model.stream, []

    def greedy(dry, *states, controls):
        calls.append(len(dry))
        if len(dry) > 1 and len(calls) > 5:  # amid the first sequence
            raise torch.OutOfMemoryError("CUDA out of memory")
        return stream(dry, *states, controls=controls)

    parts.model.stream = greedy
    loop().go()
    assert parts.halvings == 1 and calls[-1] == 1
    torch.testing.assert_close(weights_of(parts), weights_of(whole), rtol=0.1, atol=0.03)


def test_memory_that_holds_not_even_one_segment_is_an_error():
    run, loop, _ = make()

    def hopeless(x, controls):
        raise torch.OutOfMemoryError("CUDA out of memory")

    run.model.forward = hopeless
    with pytest.raises(MissingError):
        loop().go()


def test_other_runtime_errors_pass():
    run, loop, _ = make()

    def broken(x, controls):
        raise RuntimeError("shape mismatch")

    run.model.forward = broken
    with pytest.raises(RuntimeError, match="shape"):
        loop().go()


def test_divergence_stops_before_the_weights_are_harmed():
    run, loop, saved = make()
    calls = []

    def loss(target, output, settings):
        calls.append(1)
        value = effect_loss(target, output, settings)
        return value * math.nan if len(calls) > 6 else value

    with pytest.raises(CheckError) as caught:
        loop(loss=loss).go()
    assert "step 6" in caught.value.message
    assert torch.isfinite(weights_of(run)).all()
    assert torch.isfinite(saved[-1][0]["conv.weight"]).all()


def test_a_stop_during_the_last_validation_is_heard():
    """Else a training of several seeds would go on with the next one."""
    run, loop, saved = make(epochs=2)
    assert loop(stopping=lambda: len(run.history) == 2).go() == "interrupted"
    assert run.epoch == saved[-1][2]["epoch"] == 2
    steps = run.step
    assert loop().go() == "finished" and run.step == steps


def test_a_validation_that_is_stopped_is_made_up_for():
    undisturbed, loop, _ = make(ema=0.9)
    loop().go()
    first, loop, saved = make(ema=0.9)
    ended = loop()
    ended.validate = lambda current: None
    assert ended.go() == "interrupted" and not first.history and first.step_in_epoch == first.step
    weights, tensors, record, best = saved[-1]
    assert not best
    second, loop, _ = make(ema=0.9)
    second.model.load_state_dict(weights)
    second.restore(tensors, record)
    assert loop(second).go() == "finished"
    assert torch.equal(weights_of(second), weights_of(undisturbed))
    assert [row["validation_esr"] for row in second.history] == [row["validation_esr"] for row in undisturbed.history]


def test_early_stopping_counts_epochs_without_progress():
    run, loop, _ = make(epochs=50, patience=3, learning_rate=1e-8)
    ended = loop()
    ended.validate = lambda current: 1.0
    assert ended.go() == "early stop"
    assert run.epoch == 4 and run.best_epoch == 0


def test_accumulation_trains_much_like_a_larger_batch():
    large, loop, _ = make(batch_size=8, accumulate=1)
    loop().go()
    summed, loop, _ = make(batch_size=4, accumulate=2)
    loop().go()
    assert summed.step == large.step
    torch.testing.assert_close(weights_of(summed), weights_of(large), rtol=0.05, atol=0.01)


def test_the_average_follows_the_weights():
    run, loop, _ = make(epochs=40, ema=0.99)
    loop().go()
    assert not torch.equal(run.weights()["conv.weight"], run.model.state_dict()["conv.weight"])
    torch.testing.assert_close(run.weights()["conv.weight"], run.model.state_dict()["conv.weight"], atol=0.02, rtol=0)


def test_learning_rate_warms_up_and_decays():
    settings = TrainSettings(learning_rate=1.0, warmup_steps=10, final_rate=0.1)
    rates = [learning_rate(step, 200, settings) for step in range(200)]
    assert rates[0] == 0.1 and max(rates) == rates[10] == 1.0
    assert rates[10:] == sorted(rates[10:], reverse=True) and rates[-1] == pytest.approx(0.1, abs=1e-3)
    assert learning_rate(0, 5, settings) == 1.0


def test_settings_left_open_depend_on_the_kind_of_network():
    def chosen(settings, recurrent):
        settings = settings.for_network(recurrent)
        return settings.batch_size, settings.segment, settings.windows

    assert chosen(TrainSettings(), False) == (8, 8192, 1)
    assert chosen(TrainSettings(), True) == (16, 1024, 32)
    mine = TrainSettings(batch_size=3, segment=640, windows=5)
    assert chosen(mine, False) == (3, 640, 1) and chosen(mine, True) == (3, 640, 5)
    with pytest.raises(UsageError, match="too short"):
        TrainSettings(segment=63).for_network(True)


def test_cuda_is_refused_where_there_is_none():
    if torch.cuda.is_available():
        assert pick_device("auto").type == "cuda"
    else:
        assert pick_device("auto").type == "cpu"
        with pytest.raises(MissingError):
            pick_device("cuda")


@pytest.mark.parametrize("change", [{"epoch": "1"}, {"model": None}, {"history": None}, {"best": "0.1"}, {"step": True}])
def test_a_record_that_is_none_is_refused(change):
    first, loop, saved = make()
    loop(stopping=lambda: first.step >= 2).go()
    weights, tensors, record, _ = saved[-1]
    second, *_ = make()
    second.model.load_state_dict(weights)
    with pytest.raises((KeyError, ValueError)):
        second.restore(tensors, record | change)
    name = next(name for name in tensors if name.endswith("exp_avg"))
    with pytest.raises(ValueError):
        second.restore(tensors | {name: torch.zeros(1)}, record)
