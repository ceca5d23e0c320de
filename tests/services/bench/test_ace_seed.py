"""The rival of ACE's torch form does what it stands for: bands at their centres, and the same follower."""

from __future__ import annotations

import numpy as np
import torch

from fxlab.effects.ace.bank import bank_of
from fxlab.effects.ace.torch_follow import follow
from fxlab.services.bench.ace_seed import fir_bank, gammatone_kernels, loop_follower

RATE = 16_000


def test_each_band_lets_its_centre_through():
    kernels, bank = gammatone_kernels(RATE, 32), bank_of(RATE, 32, 8)
    seconds = torch.arange(4000) / RATE
    for k in range(12, 32, 6):
        tone = torch.sin(2 * torch.pi * float(bank.centres_hz[k]) * seconds)[None]
        levels = fir_bank(tone, kernels)[0, :, 1000:3000].square().mean(-1).mul(2).sqrt()
        assert abs(levels[k] - 1) < 0.02 and levels.argmax() == k


def test_bank_is_a_convolution():
    kernels = gammatone_kernels(RATE, 16)
    x = np.random.default_rng(0).standard_normal(700).astype(np.float32)
    bands = fir_bank(torch.tensor(x)[None], kernels)[0].numpy()
    ahead = (kernels.shape[1] - 1) - (kernels.shape[1] - 1) // 2
    for band, kernel in zip(bands, kernels.numpy(), strict=True):
        assert np.abs(np.convolve(x, kernel)[ahead : ahead + 700] - band).max() < 1e-5


def test_follower_equals_the_compiled_one_and_so_do_gradients():
    x = torch.randn(2, 3, 40, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    results = []
    for form in (loop_follower, lambda x, rise, fall: follow(x.mT, rise, fall, x.new_zeros(2, 3)).mT):
        given = [value.requires_grad_() for value in (x.clone(), x.new_tensor([0.3, 0.5, 0.9]), x.new_tensor(0.8))]
        y = form(*given)
        results.append([y, *torch.autograd.grad((y * x.cos()).sum(), given)])
    assert all(torch.allclose(a, b, rtol=1e-10, atol=1e-12) for a, b in zip(*results, strict=True))
