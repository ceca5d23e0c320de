"""Compiled LSTM and GRU layers against torch's and against a loop in double precision."""

import itertools

import numpy as np
import pytest
import soundfile
import torch
from torch import nn

from fxlab.audio.testsignals import synthesize
from fxlab.engines.fused.affine_kernel import affine
from fxlab.engines.fused.packing import pack_gru, pack_lstm, width_of
from fxlab.engines.fused.recurrent_kernel import gru, lstm
from fxlab.engines.golden import random_blocks

RATE = 48_000
SIZES = (1, 3, 8, 16, 24, 32, 64, 96)
CELLS = {"lstm": (nn.LSTM, pack_lstm, lstm, 4), "gru": (nn.GRU, pack_gru, gru, 3)}
NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class Layers:
    """Layers of one torch module, played block by block by the compiled loops."""

    def __init__(self, cell, module, largest):
        self.cell = cell
        _, pack, self.kernel, gates = CELLS[cell]
        self.layers = []
        for index in range(module.num_layers):
            packed = pack(*(getattr(module, f"{name}_l{index}").detach().numpy() for name in NAMES))
            inputs, width = module.input_size if index == 0 else module.hidden_size, width_of(module.hidden_size)
            start = np.zeros((largest, gates * width), np.float32)
            states = [np.zeros(width, np.float32) for _ in range(2 if cell == "lstm" else 1)]
            self.layers.append((inputs, packed, states, start, np.full((largest, width), np.nan, np.float32)))

    def play(self, block):
        """(frames, inputs) to (frames, width), in the last layer's own memory."""
        for inputs, (input_weights, bias, weights, *more), states, gates, out in self.layers:
            joined = inputs == 1
            start = bias[None] if joined else gates[: len(block)]
            if not joined:
                affine(block, inputs, 1, 1, input_weights, bias, start)
            out = out[: len(block)]
            self.kernel(block, joined, input_weights, start, weights, *more, *states, out)
            block = out
        return block


def make(cell, inputs, size, layers=1, seed=0, scale=1.0):
    torch.manual_seed(seed)
    module = CELLS[cell][0](inputs, size, layers, batch_first=True)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(scale)
    return module


def by_torch(module, x):
    with torch.inference_mode():
        return module(torch.from_numpy(np.array(x))[None])[0][0].numpy()


def by_kernels(cell, module, x, sizes):
    layers, done, wet = Layers(cell, module, max(sizes)), 0, []
    for size in sizes:
        wet.append(layers.play(x[done : done + size]).copy())
        done += size
    return np.concatenate(wet)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("size", SIZES)
def test_equals_torch_on_real_audio(cell, layers, size, shared_audio):
    take, _ = soundfile.read(shared_audio / "di" / "power_guitar.flac", frames=4000, start=5 * RATE, dtype="float32")
    assert np.abs(take).max() > 0.1
    module = make(cell, 1, size, layers, seed=size)
    played = by_kernels(cell, module, take[:, None], random_blocks(len(take), 300, size))
    np.testing.assert_allclose(played[:, :size], by_torch(module, take[:, None]), rtol=0, atol=1e-5)
    assert not played[:, size:].any()


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("inputs", [1, 2, 5])
@pytest.mark.parametrize("scale", [0.1, 3.0, 20.0])
def test_equals_torch_with_any_inputs_and_weights(cell, inputs, scale):
    x = np.random.default_rng(inputs).standard_normal((400, inputs)).astype(np.float32)
    module = make(cell, inputs, 21, scale=scale)
    played = by_kernels(cell, module, x, random_blocks(len(x), 40, 1))
    # Large weights make the recurrence chaotic: it is then compared over the first frames only.
    frames = 400 if scale < 10 else 4
    np.testing.assert_allclose(played[:frames, :21], by_torch(module, x)[:frames], rtol=0, atol=1e-5)
    assert np.isfinite(played).all() and np.max(np.abs(played)) <= 1


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("sizes", [[1] * 200, [16] * 12 + [8], [199, 1], [200]])
def test_no_split_shows(cell, sizes):
    x = synthesize(1.0, RATE, seed=3)[:200, None]
    module = make(cell, 1, 56)
    whole = by_kernels(cell, module, x, [200])
    np.testing.assert_allclose(by_kernels(cell, module, x, sizes), whole, rtol=0, atol=1e-6)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("size", [5, 16, 40])
def test_equals_a_loop_in_double_precision(cell, size):
    x, module = synthesize(1.0, RATE, seed=4)[:1500, None], make(cell, 1, size, seed=1)
    w_ih, w_hh, b_ih, b_hh = (getattr(module, f"{name}_l0").detach().numpy().astype(np.float64) for name in NAMES)
    h, c, wanted = np.zeros(size), np.zeros(size), np.empty((len(x), size))
    for t in range(len(x)):
        a, b = w_ih @ x[t] + b_ih, w_hh @ h + b_hh
        if cell == "lstm":
            i, f, g, o = np.split(a + b, 4)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
        else:
            (ar, az, an), (br, bz, bn) = np.split(a, 3), np.split(b, 3)
            z = sigmoid(az + bz)
            h = (1 - z) * np.tanh(an + sigmoid(ar + br) * bn) + z * h
        wanted[t] = h
    played = by_kernels(cell, module, x, random_blocks(len(x), 100, 2))
    np.testing.assert_allclose(played[:, :size], wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_without_biases_silence_ends_in_zeros_not_in_denormals(cell):
    module = make(cell, 1, 16)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if "bias" in name:
                parameter.zero_()
    layers = Layers(cell, module, 100)
    layers.play(np.ones((100, 1), np.float32))
    states = layers.layers[0][2]
    for _ in range(20):
        out = layers.play(np.zeros((100, 1), np.float32))
        for state in states[-1:]:
            assert not ((state != 0) & (np.abs(state) < 1e-15)).any()
    assert not out.any() and not any(state.any() for state in states)


@pytest.mark.parametrize("cell", CELLS)
def test_any_finite_input_keeps_the_state_finite(cell):
    x = np.array([1e30, -1e30, 1e-30, 0, 3e38, 1], np.float32)[:, None]
    played = by_kernels(cell, make(cell, 1, 16), x, [6])
    assert np.isfinite(played).all() and np.max(np.abs(played)) <= 1


@pytest.mark.parametrize("cell", CELLS)
def test_no_allocation_in_1000_blocks(cell, memory_taken):
    layers = Layers(cell, make(cell, 1, 16, 2), 64)
    blocks = [np.zeros((size, 1), np.float32) for size in (1, 17, 64)]
    for block in blocks * 3:
        layers.play(block)
    turns = itertools.cycle(blocks)
    assert memory_taken(lambda: layers.play(next(turns)), 2047) < 2048
