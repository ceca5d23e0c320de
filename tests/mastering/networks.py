"""Small mastering networks for the tests, with weights that do something."""

import dataclasses

import torch

from fxlab.mastering.config import MasterConfig
from fxlab.mastering.network import MasterNet

RATE = 8000
TINY = MasterConfig(
    stem=(3, 4),
    stem_kernel=5,
    blocks=(4, 5),
    dilations=(1, 2),
    latent=6,
    hidden=8,
    residual=(3, 4, 5),
    residual_kernel=5,
    channels=2,
    features=2,
    abstain=True,
    sample_rate_hz=RATE,
)
PHASES = ("1a", "1b", "1c", "2")


def tiny(phase="1a", **change):
    return dataclasses.replace(TINY.with_phase(phase), **change)


def stirred(config, seed=0, spread=0.3):
    """A network in evaluation mode that has left its beginning."""
    torch.manual_seed(seed)
    network = MasterNet(config).eval()
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name.endswith("running_var"):
                tensor.copy_(0.5 + torch.rand(tensor.shape))
            else:
                tensor.add_(spread * torch.randn(tensor.shape))
    return network


def song(channels=2, frames=2000, batch=2, seed=1):
    return 0.2 * torch.randn(batch, channels, frames, generator=torch.Generator().manual_seed(seed))
