"""The compiled TCN: equal to torch's operations in value and gradient, whatever the sizes, knobs, threads and memory before."""

import copy

import pytest
import torch

from fxlab.models import tcn_function
from fxlab.models.tcn import TCN
from fxlab.models.tcn_config import SIZES, ArrayConfig, TCNConfig

# Sizes that are multiples of nothing; kernels of a single sample and of many; one array and three; heads with and without bias.
CONFIGS = {
    "one": TCNConfig((ArrayConfig(3, 1, (1, 2), (2,)),)),
    "odd": TCNConfig((ArrayConfig(5, 3, (1, 7, 2), (3, 2, 1)), ArrayConfig(3, 1, (1, 60), (6, 3), head_bias=True))),
    "three": TCNConfig((ArrayConfig(9, 17, (1,)), ArrayConfig(17, 25, (4, 1), head_bias=True), ArrayConfig(25, 1, (2, 3), (5,)))),
    **{size: SIZES[size] for size in ("nano", "standard", "single")},
}


def case(config, batch, frames, controls=0, seed=0):
    """A network, its input, its knobs' positions and a gradient of its output."""
    torch.manual_seed(seed)
    network = TCN(config.with_controls(controls))
    for name, weight in network.named_parameters():
        if "film" in name:
            torch.nn.init.normal_(weight, std=0.4)
    dry = torch.randn(batch, 1, network.receptive_field - 1 + frames)
    knobs = torch.rand(batch, controls, 1) * 2 - 1 if controls else None
    return network, dry, knobs, torch.randn(batch, 1, frames)


def learn(network, dry, knobs, slope):
    """The output and the gradients of all weights."""
    network.zero_grad()
    out = network(dry, knobs)
    out.backward(slope)
    return [out.detach(), *(p.grad for p in network.parameters())]


def exactly(network, dry, knobs, slope):
    """The same by torch's operations in double precision."""
    return learn(copy.deepcopy(network).double(), dry.double(), None if knobs is None else knobs.double(), slope.double())


def is_compiled(network, dry, knobs=None):
    return tcn_function.suits(network.config, dry, knobs, network.parameters())


def close(found, expected):
    """Output and gradients as a whole, and every weight's, some of which are differences of large numbers."""
    pairs = [(a, b) for a, b in zip(found, expected, strict=True) if b is not None]
    assert [a is None for a in found] == [b is None for b in expected]
    for value, exact in pairs:
        assert value.shape == exact.shape and value.dtype == torch.float32
        assert (value - exact).abs().max() <= 1e-2 * exact.abs().max()
    (out, exact_out), slopes = pairs[0], pairs[1:]
    assert (out - exact_out).abs().max() <= 1e-6 * max(1, exact_out.abs().max())
    error, size = (torch.cat([x.flatten() for x in part]).norm() for part in ([a - b for a, b in slopes], [b for _, b in slopes]))
    assert error <= 1e-5 * size


def same(results, others):
    return all(a is b is None or torch.equal(a, b) for a, b in zip(results, others, strict=True))


@pytest.mark.parametrize("controls", [0, 3])
@pytest.mark.parametrize("batch, frames", [(1, 1), (2, 47), (3, 300)])
@pytest.mark.parametrize("size", CONFIGS)
def test_values_and_gradients_are_those_of_torch(size, batch, frames, controls):
    made = case(CONFIGS[size], batch, frames, controls)
    assert is_compiled(*made[:3])
    close(learn(*made), exactly(*made))


@pytest.mark.parametrize("size", ["large", "lite", "feather"])
def test_the_other_sizes(size):
    made = case(SIZES[size], 2, 100)
    close(learn(*made), exactly(*made))


def test_a_gradient_is_the_slope_of_the_output():
    """Against differences of the compiled network itself, without torch's derivatives."""
    network, dry, _, slope = case(CONFIGS["odd"], 2, 80)
    gradients = dict(zip([name for name, _ in network.named_parameters()], learn(network, dry, None, slope)[1:], strict=True))
    for name, weight in network.named_parameters():
        direction, step = torch.randn_like(weight), 1e-2
        ends = []
        with torch.no_grad():
            for side in (1, -2):
                weight += side * step * direction
                ends.append((network(dry).double() * slope).sum())
            weight += step * direction
        expected = (ends[0] - ends[1]) / (2 * step)
        found = 0.0 if gradients[name] is None else (gradients[name] * direction).sum()
        assert abs(found - expected) <= 2e-2 * max(1.0, abs(expected)), name


def test_weights_of_their_own_for_every_row():
    config = CONFIGS["odd"]
    network, dry, _, slope = case(config, 3, 70)
    shared = dict(network.named_parameters())
    names = tcn_function.weight_names(config)
    own = [torch.stack([shared[name].detach() * (1 + row) / 2 for row in range(3)]).requires_grad_() for name in names]
    out = tcn_function.tcn(config, dry, own)
    found = torch.autograd.grad(out, own, slope, allow_unused=True)
    for row in range(3):
        weights = [weight[row].detach().requires_grad_() for weight in own]
        alone = tcn_function.tcn(config, dry[row : row + 1], weights)
        assert torch.equal(alone[0], out[row])
        slopes = torch.autograd.grad(alone, weights, slope[row : row + 1], allow_unused=True)
        assert same(slopes, [None if g is None else g[row] for g in found])


def test_one_row_of_knobs_for_all():
    network, dry, knobs, slope = case(CONFIGS["odd"], 3, 70, controls=2)
    close(learn(network, dry, knobs[:1], slope), exactly(network, dry, knobs[:1], slope))


def test_threads_change_no_bit():
    made = case(CONFIGS["odd"], 7, 200)
    threads, found = torch.get_num_threads(), []
    try:
        for count in (1, 2, 3, 3):
            torch.set_num_threads(count)
            found.append(learn(*made))
    finally:
        torch.set_num_threads(threads)
    assert all(same(found[0], other) for other in found[1:])


def test_without_gradients_values_are_the_same():
    network, dry, knobs, slope = case(CONFIGS["three"], 2, 200)
    expected = learn(network, dry, knobs, slope)[0]
    with torch.no_grad():
        assert torch.equal(network(dry), expected)
    with torch.inference_mode():
        assert torch.equal(network(dry), expected)


def test_graphs_that_live_at_once_keep_their_memory():
    network, dry, _, slope = case(CONFIGS["odd"], 2, 100)
    weights = [p for name, p in network.named_parameters() if "arrays.1.layers.1.residual" not in name]
    alone = torch.autograd.grad(network(dry), weights, slope)
    first, second = network(dry), network(2 * dry)
    assert same(torch.autograd.grad(first, weights, slope, retain_graph=True), alone)
    torch.autograd.grad(second, weights, slope)
    assert same(torch.autograd.grad(first, weights, slope), alone)


def test_memory_layout_does_not_matter():
    network, dry, _, slope = case(CONFIGS["odd"], 4, 60)
    wide = torch.stack((dry, dry), dim=-1)[..., 0]
    assert not wide.is_contiguous()
    assert same(learn(network, wide, None, slope), learn(network, dry, None, slope))
    ones = torch.ones(1).expand(slope.shape)
    assert same(learn(network, dry, None, ones), learn(network, dry, None, torch.ones_like(slope)))


def test_what_is_not_a_number_stays_so():
    """Else training would go on with a network that is lost."""
    network, dry, _, slope = case(CONFIGS["odd"], 2, 50)
    dry[1, 0, 20] = float("nan")
    out = learn(network, dry, None, slope)[0]
    assert not out[0].isnan().any() and out[1].isnan().any()
    with torch.no_grad():
        next(iter(network.arrays[0].layers)).conv.weight[0, 0, 0] = float("nan")
    assert not torch.isfinite(network(dry[:1])).all()


def test_other_networks_and_tensors_take_the_plain_path():
    network, dry, knobs, _ = case(CONFIGS["odd"], 2, 20, controls=1)
    assert is_compiled(network, dry, knobs)
    assert not is_compiled(network, dry, knobs.expand(-1, -1, dry.shape[-1]))
    assert not is_compiled(network, dry.clone().requires_grad_(), knobs)
    assert not is_compiled(network.double(), dry.double(), knobs.double())
    array = CONFIGS["odd"].arrays[1]
    for change in ({"activation": "relu"}, {"gated": True}, {"head_kernel": 3}):
        other = TCN(TCNConfig((ArrayConfig(**{**vars(array), **change}),)))
        assert not is_compiled(other, dry)
        assert other(dry).shape[0] == 2


def test_the_dry_signal_gets_its_gradient():
    network, dry, _, slope = case(CONFIGS["odd"], 1, 20)
    dry.requires_grad_()
    (found,) = torch.autograd.grad(network(dry), dry, slope)
    exact = dry.detach().double().requires_grad_()
    (expected,) = torch.autograd.grad(network.double()(exact), exact, slope.double())
    assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()


def test_shapes_that_do_not_fit():
    config = CONFIGS["odd"]
    network, dry, _, _ = case(config, 2, 20)
    weights = [dict(network.named_parameters())[name] for name in tcn_function.weight_names(config)]
    for wrong in (dry[:, 0], dry[..., :50], dry.expand(-1, 2, -1)):
        with pytest.raises(ValueError):
            tcn_function.tcn(config, wrong, weights)
    with pytest.raises(ValueError):
        tcn_function.tcn(config, dry, [weights[0].expand(3, -1, -1, -1), *weights[1:]])
