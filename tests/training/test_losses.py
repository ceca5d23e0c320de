"""Training losses against the NumPy metrics and against what they must not do."""

from importlib.metadata import EntryPoint

import numpy as np
import pytest
import torch

from fxlab import plugins
from fxlab.errors import UsageError
from fxlab.metrics import quality
from fxlab.settings import TrainSettings
from fxlab.training import losses


@pytest.fixture
def signals():
    rng = np.random.default_rng(0)
    target = rng.standard_normal((3, 8192)) * 0.3
    return target, target + 0.01 * rng.standard_normal(target.shape)


def test_mr_stft_is_the_metric(signals):
    target, output = signals
    loss = losses.mr_stft(torch.from_numpy(target), torch.from_numpy(output)).item()
    assert loss == pytest.approx(quality.mr_stft(target, output), rel=1e-3)


@pytest.mark.parametrize("frames", [64, 700, 2047])
def test_short_segments_leave_out_long_windows(signals, frames):
    target, output = (torch.from_numpy(x[:, :frames]) for x in signals)
    value = losses.effect_loss(target, output, TrainSettings())
    assert torch.isfinite(value) and value > 0


def test_esr_of_equally_loud_segments_is_the_metric_over_the_floor(signals):
    target, output = (x / np.sqrt((signals[0] ** 2).mean(axis=1, keepdims=True)) for x in signals)
    expected = np.mean([quality.esr(t, o) for t, o in zip(target, output, strict=True)]) / 1.1
    assert losses.esr(torch.from_numpy(target), torch.from_numpy(output)).item() == pytest.approx(expected, rel=1e-5)


def test_a_silent_segment_does_not_blow_up():
    target = torch.zeros(2, 4096)
    target[0] = 0.5
    output = target + 1e-3
    value = losses.effect_loss(target, output, TrainSettings())
    assert torch.isfinite(value) and value < 1
    assert torch.isfinite(losses.effect_loss(torch.zeros(2, 4096), torch.zeros(2, 4096), TrainSettings()))


def test_gradients_are_finite_at_a_perfect_match(signals):
    target = torch.from_numpy(signals[0])
    output = target.clone().requires_grad_()
    losses.effect_loss(target, output, TrainSettings()).backward()
    assert torch.isfinite(output.grad).all()


@pytest.mark.parametrize("loss", [losses.esr, losses.dc])
def test_gradcheck(loss, signals):
    target, output = (torch.from_numpy(x[:, :32]) for x in signals)
    assert torch.autograd.gradcheck(lambda y: loss(target, y), output.clone().requires_grad_())


def test_pre_emphasis_is_a_first_order_high_pass():
    x = torch.arange(5.0)
    assert torch.equal(losses.pre_emphasis(x, 0.5), torch.tensor([1.0, 1.5, 2.0, 2.5]))
    assert losses.pre_emphasis(x, 0.0) is x


def test_dc_sees_only_the_mean():
    target = torch.randn(4, 1000)
    shifted = losses.dc(target, target + 0.1)
    assert shifted.item() == pytest.approx(0.01 / target.square().mean().item(), rel=1e-3)
    zero_mean = torch.randn(4, 1000)
    zero_mean = zero_mean - zero_mean.mean(dim=-1, keepdim=True)
    assert losses.dc(target, target + zero_mean).item() < 1e-12


def test_a_loss_that_asks_for_the_rate_is_told():
    def told(target, output, settings, sample_rate_hz):
        return sample_rate_hz

    assert losses.at_rate(told, 8000)(None, None, None) == 8000
    assert losses.at_rate(losses.effect_loss, 8000) is losses.effect_loss
    assert losses.at_rate(torch.dot, 8000) is torch.dot, "one of compiled code"
    assert {"effect", "snr", "estoi", "contrast"} <= losses.losses().keys()


def test_a_loss_of_another_package_is_found_by_its_name(monkeypatch):
    def absolute(target, output, settings):
        return (target - output).abs().mean()

    theirs = [EntryPoint("absolute", "theirs", "fxlab.losses"), EntryPoint("effect", "theirs", "fxlab.losses")]
    monkeypatch.setattr(EntryPoint, "load", lambda entry: absolute)
    monkeypatch.setattr(plugins, "entry_points", lambda group: theirs if group == "fxlab.losses" else [])
    losses.losses.cache_clear()
    try:
        assert losses.loss("absolute") is absolute
        assert losses.loss("effect") is losses.effect_loss, "what comes with fxlab can't be replaced"
        with pytest.raises(UsageError, match="no loss 'absolut'") as caught:
            losses.loss("absolut")
        assert "'absolute'" in caught.value.hint
    finally:
        losses.losses.cache_clear()
