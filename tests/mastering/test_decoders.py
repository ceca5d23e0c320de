"""What is decided from the latent: bands, their filters, and the grey box."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from fxlab.audio import biquad
from fxlab.effects.processor import apply
from fxlab.effects.registry import effects
from fxlab.mastering.decoders import Bands
from fxlab.mastering.filters import equalise, response_db
from fxlab.mastering.grey_box import process, saturate, widen
from fxlab.mastering.network import MasterNet

_spec = importlib.util.spec_from_file_location("fxlab_tests_networks", Path(__file__).with_name("networks.py"))
networks = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(networks)
PHASES, RATE, song, stirred, tiny = networks.PHASES, networks.RATE, networks.song, networks.stirred, networks.tiny


def double_bands(batch=2, bands=3, seed=0):
    generator = torch.Generator().manual_seed(seed)

    def uniform(low, high):
        return low + (high - low) * torch.rand(batch, bands, generator=generator, dtype=torch.float64)

    return Bands(uniform(100, 3500), uniform(-12, 12), uniform(0.5, 5), uniform(0, 1))


def learning(bands):
    return Bands(*(value.requires_grad_() for value in bands))


def test_bands_start_flat_and_evenly_spread():
    for phase in PHASES:
        bands, need = MasterNet(tiny(phase)).decoder(torch.randn(3, 6))
        steps = torch.log2(bands.freq_hz).diff(dim=1)
        assert torch.allclose(steps, steps[0, 0].expand_as(steps), atol=1e-4)
        assert (bands.freq_hz[0, 0] * bands.freq_hz[0, -1]).item() == pytest.approx(20.0 * 20_000.0, rel=1e-4)
        assert torch.all(bands.gain_db == 0) and torch.allclose(bands.q, torch.ones_like(bands.q))
        assert torch.allclose(need, need[0].expand(3)) and 0.5 < float(need[0].detach()) < 1


@pytest.mark.parametrize("phase", ["1a", "1c"])
def test_bands_stay_in_their_ranges(phase):
    network = stirred(tiny(phase), spread=3.0)
    with torch.no_grad():
        bands, need = network.decoder(10 * torch.randn(200, 6))
    assert bands.freq_hz.min() >= 20 - 1e-3 and bands.freq_hz.max() <= 20_000 + 1
    assert bands.q.min() >= 0.5 - 1e-6 and bands.q.max() <= 5 + 1e-5
    limits = 12 * need[:, None] * bands.weight
    assert torch.all(bands.gain_db.abs() <= limits + 1e-5)
    assert torch.all((bands.weight >= 0) & (bands.weight <= 1)) and (phase == "1c" or torch.all(bands.weight == 1))
    spread = torch.log2(bands.freq_hz / 632.5)
    assert abs(float(spread.mean())) < 2  # the middle of the range by the logarithm, not 10 kHz


def test_a_network_that_abstains_does_nothing():
    network = stirred(tiny("2"))
    torch.nn.init.constant_(network.decoder.need.bias, -200.0)
    audio = song()
    wet, settings = network(song(frames=800)[:, None], torch.ones(2, 2), audio)
    assert torch.all(settings.need == 0) and torch.all(settings.bands.gain_db == 0)
    assert torch.all(settings.box.ratio == 1) and torch.all(settings.box.mix == 0) and torch.all(settings.box.width == 1)
    assert torch.allclose(wet, audio, atol=1e-6)


def test_the_equaliser_is_the_effect_s():
    bands, audio = double_bands(bands=3), song(frames=1500)
    wet = equalise(audio, bands, RATE)
    for item in range(2):
        numbers = [(f"peak{n}", *(float(value[item, n - 1]) for value in bands[:3])) for n in (1, 2, 3)]
        settings = {
            f"{name}_{unit}": value for name, *values in numbers for unit, value in zip(("hz", "db", "q"), values, strict=True)
        }
        processor = effects()["eq"].processor("numba", **settings)
        assert np.abs(apply(processor, audio[item].numpy(), RATE) - wet[item].numpy()).max() < 1e-6


def test_the_response_is_that_of_the_sections():
    bands, freqs_hz = double_bands(bands=4), torch.linspace(0, 3999, 50, dtype=torch.float64)
    bands = bands._replace(freq_hz=bands.freq_hz * 2)  # some above half the rate
    found = response_db(bands, freqs_hz, RATE)
    for item in range(2):
        highest = biquad.HIGHEST * RATE
        numbers = zip(*(value[item].tolist() for value in bands[:3]), strict=True)
        sections = [biquad.peaking(min(freq_hz, highest), gain_db, q, RATE) for freq_hz, gain_db, q in numbers]
        wanted = 20 * np.log10(np.abs(biquad.response(np.array(sections), freqs_hz.numpy(), RATE)))
        assert np.abs(found[item].numpy() - wanted).max() < 1e-6


def test_gradients_of_equaliser_and_response():
    bands, audio = learning(double_bands()), song(channels=1, frames=12).double().requires_grad_()
    assert gradcheck(lambda x, f, g, q: equalise(x, Bands(f, g, q, q), RATE), (audio, *bands[:3]))
    freqs_hz = torch.tensor([30.0, 440.0, 3000.0], dtype=torch.float64)
    assert gradcheck(lambda f, g, q: response_db(Bands(f, g, q, q), freqs_hz, RATE), bands[:3])


def test_the_grey_box_starts_near_nothing_and_is_differentiable():
    network, audio = MasterNet(tiny("2")), song()
    z = torch.randn(2, 6)
    box = network.settings(z).box
    wet = process(audio, box, RATE)
    assert torch.all(box.width == 1) and torch.all(box.ratio < 1.05) and torch.all(box.mix < 0.05)
    assert 1e-6 < ((wet - audio).square().mean() / audio.square().mean()).item() < 1e-2
    wet.square().mean().backward()
    gradient = network.grey_box.out.bias.grad
    assert torch.all(gradient.isfinite()) and torch.all(gradient != 0)


@pytest.mark.parametrize("need", [0.0, 0.5, 1.0])
def test_the_grey_box_stays_in_its_effects_ranges(need):
    network = stirred(tiny("2"), spread=3.0)
    with torch.no_grad():
        box = network.grey_box(10 * torch.randn(100, 6), torch.full((100,), need))
    declared = {one.name: one for one in (*effects()["compressor"].parameters, *effects()["imager"].parameters)}
    for name in ("threshold_db", "ratio", "attack_ms", "release_ms", "knee_db", "width"):
        value = getattr(box, name)
        assert declared[name].low <= float(value.min()) and float(value.max()) <= declared[name].high
    assert need or torch.all(box.ratio == 1)


def test_the_grey_box_plays_what_the_effects_play():
    audio = song(batch=1)
    with torch.no_grad():
        box = stirred(tiny("2")).grey_box(torch.randn(1, 6), torch.ones(1))
    box = box._replace(threshold_db=torch.tensor([-30.0]), mix=torch.zeros(1))
    wet = process(audio, box, RATE)[0].numpy()
    names = ("threshold_db", "ratio", "attack_ms", "release_ms", "knee_db")
    compressor = effects()["compressor"].processor("numba", **{name: float(getattr(box, name)) for name in names})
    imager = effects()["imager"].processor("numba", width=float(box.width))
    assert np.abs(apply(imager, apply(compressor, audio[0].numpy(), RATE), RATE) - wet).max() < 1e-5
    assert np.abs(wet - audio[0].numpy()).max() > 0.01


def test_saturator_and_imager_by_themselves():
    audio = song(frames=300).double()
    drive_db, half = torch.tensor([0.0, 12.0], dtype=torch.float64), torch.full((2,), 0.5, dtype=torch.float64)
    assert torch.equal(saturate(audio, drive_db, 0 * half), audio)
    assert torch.allclose(saturate(1e-4 * audio, drive_db, 2 * half), 1e-4 * audio, rtol=1e-4, atol=0)
    assert torch.all(saturate(20 * audio, drive_db, 2 * half).abs() <= 1)
    assert gradcheck(saturate, (audio[..., :9].requires_grad_(), drive_db.requires_grad_(), half.requires_grad_()))
    wide = widen(audio, 4 * half)
    assert torch.allclose(wide.sum(1), audio.sum(1)) and torch.allclose(wide.diff(dim=1), 2 * audio.diff(dim=1))
    assert torch.equal(widen(audio[:, :1], 4 * half), audio[:, :1])
