"""The compiled LSTM and GRU layers: equal to torch's own in value and gradient, whatever the sizes, threads and memory before."""

import pytest
import torch
from torch import nn

from fxlab.models import buffers
from fxlab.models.recurrent_function import gru_layer, lstm_layer

LAYERS = {"lstm": (lstm_layer, nn.LSTM, 2), "gru": (gru_layer, nn.GRU, 1)}
NAMES = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
# Batch, frames, inputs, hidden: sizes that are multiples of nothing, parts of unequal size, typical ones.
SIZES = ((1, 9, 1, 3), (2, 40, 3, 5), (5, 33, 2, 24), (17, 70, 7, 8), (4, 1, 1, 16), (8, 200, 16, 16), (36, 100, 1, 40))


def case(kind, batch, frames, inputs, hidden, seed=0):
    """Weights, input, states, and gradients of the output and the last states."""
    torch.manual_seed(seed)
    count = LAYERS[kind][2]
    network = LAYERS[kind][1](inputs, hidden, batch_first=True)
    weights = [getattr(network, name).detach().requires_grad_() for name in NAMES]
    x = torch.randn(batch, frames, inputs, requires_grad=True)
    states = [torch.randn(batch, hidden, requires_grad=True) for _ in range(count)]
    flow = [torch.randn(batch, frames, hidden)] + [torch.randn(batch, hidden) for _ in range(count)]
    return weights, x, states, flow


def run(kind, weights, x, states):
    return LAYERS[kind][0](x, *states, *weights)


def exact(kind, weights, x, states):
    """The same in double precision by torch's module."""
    network = LAYERS[kind][1](x.shape[-1], states[0].shape[-1], batch_first=True).double()
    packed = tuple(state.double()[None] for state in states)
    parameters = dict(zip(NAMES, (weight.double() for weight in weights), strict=True))
    out, last = torch.func.functional_call(network, parameters, (x.double(), packed if len(packed) > 1 else packed[0]))
    return out, *(state[0] for state in (last if len(packed) > 1 else (last,)))


def gradients(results, flow, wanted):
    loss = sum((result * slope).sum() for result, slope in zip(results, flow, strict=True))
    return torch.autograd.grad(loss, wanted)


def is_compiled(result):
    return result.grad_fn is not None and "_Layer" in type(result.grad_fn).__name__


def same(results, others):
    return all(torch.equal(a, b) for a, b in zip(results, others, strict=True))


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("kind", LAYERS)
def test_values_and_gradients_are_those_of_torch(kind, sizes):
    weights, x, states, flow = case(kind, *sizes)
    results, expected = run(kind, weights, x, states), exact(kind, weights, x, states)
    assert is_compiled(results[0])
    for result, value in zip(results, expected, strict=True):
        assert result.shape == value.shape and result.dtype == torch.float32
        assert (result - value).abs().max() <= 1e-6
    wanted = [x, *states, *weights]
    for slope, value in zip(gradients(results, flow, wanted), gradients(expected, flow, wanted), strict=True):
        assert slope.shape == value.shape
        assert (slope - value).abs().max() <= 1e-5 * value.abs().max()


@pytest.mark.parametrize("used", range(3))
def test_each_result_alone_has_gradients(used):
    weights, x, states, flow = case("lstm", 5, 20, 2, 6)
    wanted = [x, *states, *weights]
    slopes = torch.autograd.grad((run("lstm", weights, x, states)[used] * flow[used]).sum(), wanted)
    expected = torch.autograd.grad((exact("lstm", weights, x, states)[used] * flow[used]).sum(), wanted)
    for slope, value in zip(slopes, expected, strict=True):
        assert (slope - value).abs().max() <= 1e-5 * value.abs().max()


@pytest.mark.parametrize("kind", LAYERS)
def test_an_input_without_gradient_changes_nothing_else(kind):
    weights, x, states, flow = case(kind, 6, 30, 3, 9)
    whole = gradients(run(kind, weights, x, states), flow, weights)
    assert same(whole, gradients(run(kind, weights, x.detach(), states), flow, weights))


@pytest.mark.parametrize("kind", LAYERS)
def test_a_sequence_in_pieces_is_the_sequence(kind):
    weights, x, states, _ = case(kind, 6, 50, 1, 16)
    out, *last = run(kind, weights, x, states)
    pieces, now = [], states
    for piece in x.split([1, 20, 29], dim=1):
        wet, *now = run(kind, weights, piece, now)
        pieces.append(wet)
    assert same((torch.cat(pieces, dim=1), *last), (out, *now))


@pytest.mark.parametrize("kind", LAYERS)
def test_rows_of_a_batch_know_nothing_of_each_other(kind):
    weights, x, states, _ = case(kind, 21, 30, 2, 7)
    whole = run(kind, weights, x, states)
    few = run(kind, weights, x[18:20], [state[18:20] for state in states])
    assert same([result[18:20] for result in whole], few)


@pytest.mark.parametrize("kind", LAYERS)
def test_threads_change_no_bit(kind):
    weights, x, states, flow = case(kind, 40, 60, 1, 16)
    threads, found = torch.get_num_threads(), []
    try:
        for count in (1, 2, 3, 3):
            torch.set_num_threads(count)
            results = run(kind, weights, x, states)
            found.append((*results, *gradients(results, flow, [x, *states, *weights])))
    finally:
        torch.set_num_threads(threads)
    assert all(same(found[0], other) for other in found[1:])


@pytest.mark.parametrize("kind", LAYERS)
def test_graphs_that_live_at_once_keep_their_memory(kind):
    weights, x, states, flow = case(kind, 8, 40, 2, 16)
    wanted = [x, *states, *weights]
    alone = gradients(run(kind, weights, x, states), flow, wanted)
    loss = sum((result * slope).sum() for result, slope in zip(run(kind, weights, x, states), flow, strict=True))
    other = run(kind, weights, 2 * x, states)
    with torch.no_grad():
        run(kind, weights, 3 * x, states)
    assert same(alone, torch.autograd.grad(loss, wanted, retain_graph=True))
    gradients(other, flow, wanted)
    assert same(alone, torch.autograd.grad(loss, wanted))


@pytest.mark.parametrize("kind", LAYERS)
def test_memory_layout_of_the_arguments_does_not_matter(kind):
    weights, x, states, flow = case(kind, 6, 20, 3, 5)
    wanted = [x, *states, *weights]
    turned = x.permute(2, 0, 1).contiguous().permute(1, 2, 0)
    rows = [torch.stack((state, state), dim=-1)[..., 0] for state in states]
    shared = [torch.ones(1).expand(slope.shape) for slope in flow]
    expected = gradients(run(kind, weights, x, states), [torch.ones_like(slope) for slope in flow], wanted)
    assert same(expected, gradients(run(kind, weights, turned, rows), shared, wanted))


@pytest.mark.parametrize("kind", LAYERS)
def test_without_gradients_values_are_the_same(kind):
    weights, x, states, _ = case(kind, 9, 40, 1, 16)
    with torch.no_grad():
        assert same(run(kind, weights, x, states), [result.detach() for result in run(kind, weights, x, states)])
    played = run(kind, [weight.detach() for weight in weights], x.detach(), [state.detach() for state in states])
    assert same(played, [result.detach() for result in run(kind, weights, x, states)])


@pytest.mark.parametrize("kind", LAYERS)
def test_no_frames_change_nothing(kind):
    weights, x, states, flow = case(kind, 3, 0, 1, 5)
    out, *last = run(kind, weights, x, states)
    assert out.shape == (3, 0, 5) and same(last, states)
    slopes = gradients((out, *last), flow, [*states, *weights])
    assert same(slopes[: len(states)], flow[1:]) and not any(slope.any() for slope in slopes[len(states) :])


def test_a_gate_that_is_shut_or_open_is_exactly_that():
    """With an open forget gate and all others shut the cell stays as it is to the bit, and no gradient leaks or breaks."""
    weights, x, states, _ = case("lstm", 4, 3000, 1, 8)
    with torch.no_grad():
        weights[2].copy_(torch.tensor([-60.0, 60.0, 0.0, -60.0]).repeat_interleave(8))
    out, _, cell = run("lstm", weights, x, states)
    assert torch.equal(cell, states[1]) and not out.any()
    slopes = torch.autograd.grad(out.sum() + cell.sum(), [states[1], *weights])
    assert torch.equal(slopes[0], torch.ones_like(cell)) and not any(slope.any() for slope in slopes[1:])


@pytest.mark.parametrize("kind", LAYERS)
def test_nan_is_not_hidden(kind):
    weights, x, states, _ = case(kind, 4, 10, 1, 4)
    with torch.no_grad():
        x[1, 4] = torch.nan
    out = run(kind, weights, x, states)[0]
    assert out[1, 4:].isnan().all() and out[[0, 2, 3]].isfinite().all() and out[1, :4].isfinite().all()


@pytest.mark.parametrize("kind", LAYERS)
def test_double_precision_is_torch_itself(kind):
    weights, x, states, _ = case(kind, 2, 4, 2, 3)
    inputs = [tensor.detach().double().requires_grad_() for tensor in (x, *states, *weights)]
    assert torch.autograd.gradcheck(LAYERS[kind][0], inputs)


@pytest.mark.parametrize("kind", LAYERS)
def test_a_single_channel_that_is_merely_played_is_torch_itself(kind):
    weights, x, states, _ = case(kind, 1, 30, 1, 16)
    torch_layer = torch._VF.lstm if kind == "lstm" else torch._VF.gru
    before = [state[None] for state in states]
    with torch.no_grad():
        out, *last = torch_layer(x, before if kind == "lstm" else before[0], weights, True, 1, 0.0, False, False, True)
        assert same(run(kind, weights, x, states), (out, *(state[0] for state in last)))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("kind", LAYERS)
def test_tracing_sees_torch_operations(kind):
    weights, x, states, _ = case(kind, 4, 10, 1, 4)
    fixed = [weight.detach() for weight in weights]

    class Layer(nn.Module):
        def forward(self, x, *states):
            return run(kind, fixed, x, states)

    inputs = (x.detach(), *(state.detach() for state in states))
    traced = torch.jit.trace(Layer(), inputs)
    assert f"aten::{kind}" in str(traced.inlined_graph)
    longer = (torch.randn(4, 25, 1), *inputs[1:])
    for result, value in zip(traced(*longer), run(kind, weights, longer[0], states), strict=True):
        assert (result - value).abs().max() <= 1e-6
    program = torch.export.export(Layer(), inputs, strict=False)
    assert any("aten" in str(node.target) for node in program.graph.nodes)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("kind", LAYERS)
def test_a_gpu_computes_itself(kind):
    weights, x, states, flow = case(kind, 5, 20, 1, 16)
    wanted = [tensor.detach().cuda().requires_grad_() for tensor in (x, *states, *weights)]
    results = LAYERS[kind][0](*wanted)
    assert all(result.is_cuda for result in results)
    slopes = gradients(results, [slope.cuda() for slope in flow], wanted)
    for slope, value in zip(slopes, gradients(run(kind, weights, x, states), flow, [x, *states, *weights]), strict=True):
        assert (slope.cpu() - value).abs().max() <= 1e-3 * value.abs().max()


@pytest.mark.parametrize("wrong", range(3))
def test_shapes_that_do_not_fit_are_refused(wrong):
    weights, x, states, _ = case("gru", 4, 10, 2, 6)
    arguments = [x, *states, *weights]
    arguments[wrong] = arguments[wrong][..., :-1]
    with pytest.raises(ValueError, match="6 units"):
        gru_layer(*arguments)


class Owner:
    pass


def test_memory_is_handed_on_when_its_owner_is_gone():
    first, second = Owner(), Owner()
    (array,), (other,) = buffers.take(first, (3, 1, 4099)), buffers.take(second, (3, 1, 4099))
    place = array.ctypes.data
    assert place != other.ctypes.data
    del array, first
    top, rest = buffers.take(second, (4099, 2), (1, 4099))
    assert top.ctypes.data == place and rest.ctypes.data == place + top.nbytes


def test_memory_that_nobody_uses_is_bounded(monkeypatch):
    monkeypatch.setattr(buffers, "_LIMIT", 10_000)
    monkeypatch.setattr(buffers, "_spare", {})
    owner = Owner()
    for size in (4000, 5000, 3000):
        buffers.take(owner, (size,))
    del owner
    assert 0 < sum(size * len(arrays) for size, arrays in buffers._spare.items()) <= 10_000


@pytest.mark.parametrize("hidden", [3, 16])
@pytest.mark.parametrize("kind", LAYERS)
def test_gradients_share_no_memory(kind, hidden):
    """Clipping scales each of them in place, and a second backward pass adds to each."""
    weights, x, states, flow = case(kind, 2, 9, 1, hidden)
    wanted = [x, *states, *weights]
    slopes = gradients(run(kind, weights, x, states), flow, wanted)
    before = [slope.clone() for slope in slopes]
    for slope in slopes:
        slope.mul_(2)
    assert same(slopes, [2 * slope for slope in before])
