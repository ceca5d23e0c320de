"""ACE in torch: the output of the reference, gradients of finite differences, and no more memory of a piece than its state."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from fxlab.effects.ace import EFFECT, LEARNABLE
from fxlab.effects.ace.bank import bank_of
from fxlab.effects.ace.module import AceModule
from fxlab.effects.ace.reference import AceReference
from fxlab.effects.ace.torch_bank import analyse, synthesise
from fxlab.effects.ace.torch_contrast import expand, inhibit, prominence, quotient
from fxlab.effects.ace.torch_follow import follow
from fxlab.effects.ace.torch_play import play
from fxlab.effects.biquad_torch import cascade_on

RATE = 8000
SMALL = {"bands": 16, "latency_ms": 4}
# Every mechanism is at work, every frequency within the band, the noise floor within reach of the quiet passages.
BUSY = SMALL | {
    **{"tce_highpass_hz": 700, "shelf_hz": 1500, "shelf_db": 4, "tce_threshold_db": -60, "noise_floor_db": -66},
    **{"delta_db": -66, "li_strength": 3, "ex_strength": 2, "ex_threshold_db": -9.3, "dp_decay_s": 0.1, "mix": 0.8},
    **{f"band{n}_db": 5 * (-1) ** n + n / 3 for n in range(1, 9)},
}
VARIANTS = (
    SMALL,
    BUSY,
    BUSY | {"adapt": True, "tce_carrier": "highpassed"},
    SMALL | {"time_constants": "synthdef", "dp_decay_s": 0, "li_strength": 0, "ex_strength": 0},
)


def tensor(*shape, seed=0, scale=1.0):
    generator = torch.Generator().manual_seed(seed)
    return (scale * torch.randn(*shape, generator=generator, dtype=torch.float64)).requires_grad_()


def hits(*shape, seed=0):
    """Bursts of noise (..., frames) that begin 400 samples apart and fade."""
    fade = torch.exp(-(torch.arange(shape[-1]) % 400) / 60.0)
    return (tensor(*shape, seed=seed).detach() * (0.3 * fade + 1e-4)).double()


def module(**parameters):
    return AceModule(sample_rate_hz=RATE, **parameters)


def played(form, x, state=None):
    return play(x, form.design(), form.bank, state, form.fixed["adapt"], form.fixed["tce_carrier"])


def check(function, *inputs):
    assert torch.autograd.gradcheck(function, inputs)


def test_follower_gradients():
    rise, fall = tensor(4, seed=1).detach().sigmoid().requires_grad_(), tensor(2, 1, seed=2).detach().sigmoid().requires_grad_()
    check(follow, tensor(2, 9, 4), rise, fall, tensor(2, 4, seed=3))


def test_follower_is_its_definition():
    x, first = tensor(1, 50, 3).detach(), tensor(1, 3, seed=1).detach()
    y, out = first[0].numpy(), follow(x, x.new_tensor(0.3), x.new_tensor(0.9), first)[0].numpy()
    for now, followed in zip(x[0].numpy(), out, strict=True):
        y = now + np.where(now > y, 0.3, 0.9) * (y - now)
        assert np.abs(followed - y).max() < 1e-14


def test_bank_gradients():
    bank = dataclasses.replace(bank_of(RATE, 16, 4), interval=64)  # of which a chunk has four
    s, state = tensor(1, 2, 5 * 64), tensor(1, 2, 2, 4, 16, seed=1).detach()
    weights = tensor(1, 2, 5, 16, seed=2, scale=1e-3).detach()
    assert torch.autograd.gradcheck(lambda s: (weights * analyse(s, bank, state)[0]).sum(), (s,), fast_mode=True)
    first, last = tensor(1, 5, 16, seed=3), tensor(1, 5, 16, seed=4)

    def summed(s, first, last):
        return synthesise(s, bank, analyse(s, bank, state)[1], first, last)

    assert torch.autograd.gradcheck(summed, (s, first, last), fast_mode=True)


def test_contrast_gradients():
    e, p, wanted, present = (tensor(2, 4, 3, seed=seed).detach().exp().requires_grad_() for seed in range(4))
    strength, number = (2.0 + tensor(2, 4)).detach().requires_grad_(), torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    check(prominence, e, p, number)
    check(inhibit, e, tensor(2, 4, 3, seed=4, scale=9.0), strength)
    check(expand, e, wanted, strength, number)
    check(quotient, e, p, wanted, present, tensor(2, 3, seed=5), number)


def test_filter_gradients_from_a_state():
    x, sections, state = tensor(2, 12), tensor(1, 5, seed=1, scale=0.3), tensor(2, 1, 2, seed=2).detach()
    check(lambda *given: cascade_on(*given, state)[0], x, sections)
    with pytest.raises(ValueError, match="doesn't fit"):
        cascade_on(x, sections, state[:1])


@pytest.mark.parametrize("adapt, carrier", [(False, "full"), (True, "highpassed")])
def test_gradients_of_all_parameters_and_the_audio(adapt, carrier):
    form, x = module(**BUSY, adapt=adapt, tce_carrier=carrier), hits(2, 480).requires_grad_()
    weights = torch.linspace(-1.0, 1.0, 480, dtype=torch.float64).cos() * 100.0
    names, values = zip(*form.named_parameters(), strict=True)
    assert set(names) == set(LEARNABLE)

    def loss(x, *values):
        return (weights * torch.func.functional_call(form, dict(zip(names, values, strict=True)), (x,))).sum()

    gradients = torch.autograd.grad(loss(x, *values), (x, *values))
    with torch.no_grad():
        direction = torch.randn(x.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        change = [loss(x + step * direction * x, *values) for step in (1e-6, -1e-6)]
        assert torch.isclose((change[0] - change[1]) / 2e-6, (gradients[0] * direction * x).sum(), rtol=1e-5)
        for i, (name, gradient) in enumerate(zip(names, gradients[1:], strict=True)):
            step = 1e-5 * values[i].abs().clamp(min=1e-2)
            change = [loss(x, *values[:i], values[i] + sign * step, *values[i + 1 :]) for sign in (1, -1)]
            estimate = (change[0] - change[1]) / (2 * step)
            assert gradient != 0 and torch.isclose(estimate, gradient, rtol=1e-4, atol=1e-9 / step), (name, estimate, gradient)


@pytest.mark.parametrize("parameters", VARIANTS)
def test_equals_the_reference(parameters):
    x, form, reference = hits(2, 1200), module(**parameters), AceReference(**EFFECT.resolve(parameters))
    reference.prepare(RATE, 2, 1200)
    expected = np.empty((2, 1200), np.float64)
    reference._run(x.numpy(), expected)
    with torch.no_grad():
        y, state = played(form, x[None])
    assert np.abs(y[0, :, : -form.bank.interval].numpy() - expected[:, form.bank.interval :]).max() < 1e-12
    for name, values in state.items():
        assert values.dtype == torch.float64 and np.allclose(values[0], reference._state[name], rtol=1e-9, atol=1e-12), name


@pytest.mark.parametrize("rate", [8000, 48_000])
def test_module_equals_a_mono_stream_for_any_number_of_frames(rate):
    x, form, reference = hits(701, seed=3).float(), AceModule(sample_rate_hz=rate), AceReference()
    reference.prepare(rate, 1, 701)
    expected = np.empty((1, 701), np.float32)
    reference.process(x[None].numpy(), expected)
    for frames in (0, 1, 15, 16, 17, 701):
        y = form(x[:frames])
        assert y.dtype == torch.float32 and y.shape == (frames,)
        assert np.abs(y.detach().numpy() - expected[0, :frames]).max(initial=0.0) < 1e-6


def test_whole_clips_without_gradients_equal_those_with(monkeypatch):
    monkeypatch.setattr("fxlab.effects.ace.module._PIECE", 50)
    x, form = hits(2, 3, 1203), module(**BUSY, adapt=True)
    kept = form(x)
    with torch.no_grad():
        assert (form(x) - kept).abs().max() < 1e-12


@pytest.mark.parametrize("parameters", VARIANTS)
def test_pieces_equal_the_whole_in_output_and_gradient(parameters):
    form, x = module(**parameters), hits(2, 2, 1600, seed=5)
    weights = tensor(2, 2, 1000, seed=6).detach()
    whole = x.clone().requires_grad_()
    expected, expected_state = played(form, whole)
    (weights * expected[..., 600:]).sum().backward()
    parts = [part.requires_grad_() for part in x.clone().split([200, 400, 1000], -1)]
    outs, state = [], None
    for part in parts:
        out, state = played(form, part, state)
        outs.append(out)
    assert (torch.cat(outs, -1) - expected).abs().max() < 1e-12
    assert all(torch.allclose(state[name], expected_state[name], rtol=1e-9, atol=1e-12) for name in state)
    assert all(not values.requires_grad for values in state.values())
    (weights * outs[-1]).sum().backward()
    assert parts[0].grad is None and parts[1].grad is None
    assert (parts[-1].grad - whole.grad[..., 600:]).abs().max() < 1e-9 * whole.grad.abs().max()


def test_rows_are_apart_and_channels_linked():
    form, x = module(**BUSY, adapt=True), hits(3, 2, 800)
    with torch.no_grad():
        together, state = played(form, x)
        alone = [played(form, x[row : row + 1]) for row in range(3)]
        swapped, _ = played(form, x.flip(1))
        unlinked = form(x)
    for row, (y, own) in enumerate(alone):
        assert (y[0] - together[row]).abs().max() < 1e-12
        assert all(torch.allclose(own[name][0], state[name][row], rtol=1e-9, atol=1e-12) for name in own)
    assert (swapped.flip(1) - together).abs().max() < 1e-12
    assert (unlinked - together).abs().max() > 1e-3


def test_threads_change_nothing():
    form, x = module(**BUSY), hits(5, 640)
    threads, results = torch.get_num_threads(), []
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            audio = x.clone().requires_grad_()
            y = form(audio)
            y.square().sum().backward()
            results.append((y.detach(), audio.grad))
    finally:
        torch.set_num_threads(threads)
    assert all((a - b).abs().max() < 1e-12 for a, b in zip(*results, strict=True))


@pytest.mark.parametrize("parameters", VARIANTS)
@pytest.mark.parametrize("signal", ["silence", "constant", "broken", "enormous"])
def test_gradients_stay_finite(parameters, signal):
    x = torch.zeros(2, 400, dtype=torch.float64)
    x += {"silence": 0.0, "constant": 1.0, "broken": 0.1, "enormous": 1e6}[signal]
    if signal == "broken":
        x[:, 100:200:7], x[:, 250] = float("nan"), float("inf")
    form = module(**parameters)
    y = form(x.requires_grad_())
    (y.sum() + y.square().sum()).backward()
    assert y.isfinite().all() and x.grad.isfinite().all()
    assert all(value.grad.isfinite().all() for value in form.parameters())


def test_parameters_are_held_within_their_ranges():
    form, x = module(**SMALL), hits(800)
    with torch.no_grad():
        form.mix.fill_(7.0)
        form.li_strength.fill_(-3.0)
        assert torch.equal(form(x), module(**SMALL, mix=1, li_strength=0)(x))


def test_frames_must_be_whole_intervals():
    form = AceModule(sample_rate_hz=48_000)
    for frames in (0, 17):
        with pytest.raises(ValueError, match="whole intervals"):
            played(form, torch.zeros(1, 1, frames))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu():
    form, x = module(**BUSY), hits(2, 800)
    expected = form(x)
    expected.square().sum().backward()
    other = module(**BUSY).cuda()
    y = other(x.cuda())
    y.square().sum().backward()
    assert y.is_cuda and (y.cpu() - expected).abs().max() < 1e-9
    assert all(torch.isclose(a.grad, b.grad.cpu()) for a, b in zip(form.parameters(), other.parameters(), strict=True))
