"""What `test_distributed` has three processes do; each asserts that it is right."""

import math
from pathlib import Path

import numpy as np
import torch

from fxlab.errors import CheckError, MissingError
from fxlab.models.stack import Stack
from fxlab.models.stack_config import LayerConfig, StackConfig
from fxlab.settings import TrainSettings
from fxlab.training.data import Segments
from fxlab.training.distributed import ALONE, joined
from fxlab.training.loop import Loop, Run
from fxlab.training.losses import effect_loss
from fxlab.training.pair import Pair

noise = np.random.default_rng(0).standard_normal(5000).astype(np.float32) * 0.3
pair = Pair(noise, np.tanh(3 * noise))


class Net(Stack):
    def __init__(self):
        layers = LayerConfig("conv1d", 1, 2, "tanh", 3), LayerConfig("gru", 2, 3), LayerConfig("dense", 3, 1)
        super().__init__(StackConfig(layers, warm_up=40))
        self.unused = torch.nn.Parameter(torch.ones(3))  # weight decay must leave it alone, as it does without a gradient


def entangled(target, output, settings):
    """No sum over rows."""
    return (output @ target.T).square().mean().sqrt() + (output - target).abs().max()


def train(team, batch, loss=effect_loss, spoil=None):
    torch.manual_seed(0)
    network = Net()
    if spoil:
        spoil(network, team)
    settings = TrainSettings(epochs=2, batch_size=batch, segment=200, windows=2, steps_per_epoch=5, warmup_steps=2, ema=0.9)
    run = Run.fresh(network, settings)
    segments = Segments([pair], 200, network.receptive_field - 1, 0, 2)
    saved = []
    asked = []

    def stopping():
        asked.append(1)
        return team.first and len(asked) == 7  # one hears Ctrl-C

    def save(run, best):
        saved.append(run.step)

    loop = Loop(run, segments, settings, loss, lambda run: float(team.first), save, lambda *a: None, stopping, team)
    ended = loop.go()
    assert ended == "interrupted" and run.step == 6 and run.history[0]["validation_esr"] == 1.0, (ended, run.step)
    assert bool(saved) == team.first
    return run


def weights(run):
    return torch.cat([tensor.flatten() for tensor in (*run.model.state_dict().values(), *run.average.values(), *run.carried)])


def greedy(network, team):
    stream, calls = network.stream, []

    def play(dry, *states, **more):
        calls.append(1)
        if team.rank == 1 and len(dry) > 1 and len(calls) > 4:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return stream(dry, *states, **more)

    network.stream = play


def main():
    with joined("cpu") as team:
        assert team.size == 3 and [team.first, team.rank] in ([True, 0], [False, 1], [False, 2])
        for batch in (1, 2, 5):
            for loss in (effect_loss, entangled):
                together, alone = train(team, batch, loss), train(ALONE, batch, loss)
                torch.testing.assert_close(weights(together), weights(alone), rtol=0, atol=1e-5)
                assert len(together.carried[0]) == batch and torch.equal(together.model.unused, torch.ones(3))
        assert train(team, 6, spoil=greedy).halvings == 1
        try:
            train(team, 4, lambda *signals: effect_loss(*signals) * (math.nan if team.rank == 2 else 1))
        except CheckError:
            print(f"{team.rank} stopped")
        assert team.of_first(lambda: {"rank": team.rank}) == {"rank": 0} and team.any(team.rank == 2) and not team.any(False)
        network = torch.nn.Linear(2, 2)
        torch.nn.init.constant_(network.weight, team.rank + 1)
        team.begin(network)
        assert float(network.weight.sum()) == 4
        if team.rank == 2:
            return
        try:
            while True:
                team.any(False)
        except MissingError:
            print(f"{team.rank} is done")


if __name__ == "__main__":
    main()
    threads = [name.read_text() for name in Path("/proc/self/task").glob("*/comm")]
    assert not [name for name in threads if "gloo" in name], "they can't outlive Python"
