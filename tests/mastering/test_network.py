"""The mastering network as a whole: shapes, its beginning, windows, the residual."""

import importlib.util
from pathlib import Path

import pytest
import torch

from fxlab.mastering.network import MasterNet
from fxlab.mastering.stereo import heard, left_right, mid_side

_spec = importlib.util.spec_from_file_location("fxlab_tests_networks", Path(__file__).with_name("networks.py"))
networks = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(networks)
PHASES, RATE, song, stirred, tiny = networks.PHASES, networks.RATE, networks.song, networks.stirred, networks.tiny
FEATURES = torch.ones(2, 2)
VARIANTS = [{}, {"skips": False}, {"conditioning": "concat"}, {"channels": 1}]


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("heard_as", [1, 2])
def test_shapes_and_the_beginning(phase, channels, heard_as):
    network, audio = MasterNet(tiny(phase, channels=heard_as)), song(channels, 1003)
    windows = song(channels, 640).unflatten(-1, (2, 320)).transpose(1, 2)
    for mode in (True, False):
        wet, settings = network.train(mode)(windows, FEATURES, audio)
        assert wet.shape == audio.shape and settings.need.shape == (2,)
        assert all(value.shape == (2, network.config.bands) for value in settings.bands)
        if phase == "2":
            assert (wet - audio).square().mean() < 1e-2 * audio.square().mean()
        else:
            assert torch.allclose(wet, audio, atol=1e-7)


@pytest.mark.parametrize("phase", PHASES)
def test_everything_learns(phase):
    network = stirred(tiny(phase, dropout=0.0, hidden=32), spread=0.1).train()
    wet, settings = network(song(frames=900)[:, None], FEATURES, song())
    (wet.square().mean() + settings.bands.weight.sum()).backward()
    still = {name for name, tensor in network.named_parameters() if tensor.grad is None or not tensor.grad.abs().sum() > 0}
    assert not still


def test_windows_are_averaged_before_the_projection():
    network, windows = stirred(tiny()), song(2, 3 * 500, batch=1).unflatten(-1, (3, 500)).transpose(1, 2)
    z = network.analyse(windows, FEATURES[:1])
    pooled = torch.stack([network.encoder.pooled(heard(windows[:, i], 2)) for i in range(3)]).mean(0)
    assert torch.allclose(z, network.encoder.latent(pooled, FEATURES[:1]), atol=1e-6)
    assert torch.allclose(network.analyse(windows.flip(1), FEATURES[:1]), z, atol=1e-6)
    assert not torch.allclose(network.analyse(windows, 2 * FEATURES[:1]), z)


def test_songs_of_a_batch_are_independent():
    network, windows, audio = stirred(tiny("2")), song(frames=800)[:, None], song()
    both = network(windows, FEATURES, audio)[0]
    for item in range(2):
        one = slice(item, item + 1)
        assert torch.allclose(network(windows[one], FEATURES[one], audio[one])[0], both[one], atol=1e-6)


def test_mid_and_side():
    audio = song()
    assert torch.allclose(left_right(mid_side(audio)), audio, atol=1e-7)
    assert torch.equal(left_right(mid_side(audio[:, :1]), 1), audio[:, :1])
    assert torch.equal(heard(audio, 1), audio.mean(1, keepdim=True))
    assert torch.allclose(heard(audio[:, :1].expand(-1, 2, -1), 2), heard(audio[:, :1], 2))


@pytest.mark.parametrize("change", VARIANTS)
def test_pieces_with_their_context_give_what_the_whole_gives(change):
    residual = stirred(tiny("1b", **change)).residual.double()
    audio, z = song(frames=600).double(), torch.randn(2, 6, dtype=torch.float64)
    whole = residual(audio, z)
    step, margin = 20 * residual.alignment, residual.margin
    padded = torch.nn.functional.pad(audio, (margin, margin + step))
    pieces = [residual.inside(padded[..., at : at + 2 * margin + step], z) for at in range(0, 600, step)]
    assert torch.allclose(torch.cat(pieces, -1)[..., :600], whole, atol=1e-12)
    assert whole.abs().max() > 0.01
    for frames in (1, 7, 33, 595):
        assert residual(audio[..., :frames], z).shape[-1] == frames


@pytest.mark.parametrize("change", VARIANTS)
def test_the_residual_of_silence_is_silence(change):
    residual = stirred(tiny("1b", **change)).residual
    assert residual(torch.zeros(2, 2, 500), torch.randn(2, 6)).abs().max() < 1e-5


def test_the_latent_matters_to_the_residual():
    for change in VARIANTS:
        residual = stirred(tiny("1b", **change)).residual
        first, second = (residual(song(), torch.randn(2, 6, generator=torch.Generator().manual_seed(seed))) for seed in (0, 1))
        assert (first - second).abs().max() > 1e-3
