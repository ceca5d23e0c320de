"""The library's public face."""

import inspect
import subprocess
import sys

import numpy as np
import pytest

import fxlab


def test_every_public_name_exists_and_explains_itself():
    for name in fxlab.__all__:
        assert inspect.getdoc(getattr(fxlab, name)), name
        assert name in dir(fxlab)
    with pytest.raises(AttributeError, match="nonesuch"):
        _ = fxlab.nonesuch


def test_importing_it_is_cheap():
    code = "import sys, fxlab; sys.exit(bool({'numpy', 'torch', 'numba'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_an_effect_in_its_three_forms():
    import torch

    audio = 0.5 * np.sin(np.arange(4800) / 20).astype(np.float32)
    effect = fxlab.effect("saturator")
    compiled = fxlab.apply(effect.processor(drive_db=18), audio, 48_000)
    plain = fxlab.apply(effect.processor("numpy", drive_db=18), audio, 48_000)
    with torch.no_grad():
        learnable = effect.torch_module(48_000, drive_db=18)(torch.from_numpy(audio)).numpy()
    assert fxlab.esr(plain, compiled) < 1e-12 and fxlab.esr(plain, learnable) < 1e-12
    assert fxlab.esr(plain, audio) > 0.1
