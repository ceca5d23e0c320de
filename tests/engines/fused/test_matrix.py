"""The tiled matrix product against NumPy, for any number of outputs, rows, taps and frames."""

import numpy as np
import pytest

from fxlab.engines.fused.matrix import pack, product, tiles
from fxlab.engines.fused.tile import FRAMES, OUTPUTS

RNG = np.random.default_rng(0)


def noise(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("outputs", [*range(1, 20), 32, 255])
def test_tiles_cover_all_outputs(outputs):
    assert sum(tiles(outputs)) == outputs and set(tiles(outputs)) <= set(OUTPUTS)


@pytest.mark.parametrize("outputs", [1, 2, 3, 4, 5, 7, 8, 16, 32])
@pytest.mark.parametrize("rows, offsets", [(1, (0,)), (16, (3, 40, 77)), (5, (11, 10, 9, 8, 7, 6))])
@pytest.mark.parametrize("frames", [1, 31, 64])
def test_product_is_numpys(outputs, rows, offsets, frames):
    weight, bias, mixed = noise(outputs, rows, len(offsets)), noise(outputs), noise(outputs)
    source, extra, init = noise(rows, 200), noise(100), noise(outputs, 100)
    out, sizes = np.zeros((outputs, 100), np.float32), np.array(tiles(outputs), np.int64)
    packed = np.concatenate((noise(7), pack(weight, bias, mixed)))
    taps = np.array(offsets, np.int64)
    product(
        source.ravel(), taps, len(taps), rows, 200, extra, 5, 1, packed, 7, sizes, 0, len(sizes),
        init.ravel(), 2, 100, out.ravel(), 3, 100, frames,
    )  # fmt: skip
    wanted = sum(weight[:, :, k] @ source[:, at : at + frames] for k, at in enumerate(offsets))
    wanted = wanted + mixed[:, None] * extra[5 : 5 + frames] + bias[:, None] + init[:, 2 : 2 + frames]
    np.testing.assert_allclose(out[:, 3 : 3 + frames], wanted, rtol=0, atol=2e-5)
    touched = 3 + -(-frames // FRAMES) * FRAMES
    assert not out[:, :3].any() and not out[:, touched:].any()


def test_without_bias_and_extra_row():
    weight, source, zeros = noise(3, 2, 1), noise(2, 64), np.zeros(64, np.float32)
    out, sizes = np.zeros((3, 64), np.float32), np.array(tiles(3), np.int64)
    product(
        source.ravel(), np.zeros(1, np.int64), 1, 2, 64, zeros, 0, 0, pack(weight), 0, sizes, 0, len(sizes),
        zeros, 0, 0, out.ravel(), 0, 64, 64,
    )  # fmt: skip
    np.testing.assert_allclose(out, weight[:, :, 0] @ source, rtol=0, atol=1e-5)
