"""Dense layers and causal convolutions over a block of frames, in compiled loops that are the same for all sizes.

A frame's values lie side by side in memory, padded to a multiple of 8 ("width"). Outputs are computed in tiles of 4 frames by 16
(at the end 8) outputs, which stay in registers over all taps and inputs.
"""

from __future__ import annotations

from numba import njit

from fxlab.kernels.products import accumulate
from fxlab.kernels.vectors import OPTIONS, address, fma, load, store, total


@njit(**OPTIONS)
def affine(x, inputs, taps, dilation, weights, bias, out):
    """A causal convolution: out[t] = bias + sum over taps k of weights[k] x[t + k dilation]; one tap makes it a dense layer.

    Args:
        x: (frames + (taps - 1) dilation, at least `inputs`), the history before the block; all arrays are C-contiguous.
        inputs: Values of a row of `x` that count.
        weights, bias: As `pack_affine` gives them.
        out: (frames, width), overwritten.
    """
    frames, width = out.shape
    stride = x.shape[1]
    start, w, b, o = address(x, 0), address(weights, 0), address(bias, 0), address(out, 0)
    for t in range(0, frames - 3, 4):
        row, to = address(start, t * stride), address(o, t * width)
        rows = row, address(row, stride), address(row, 2 * stride), address(row, 3 * stride)
        for j in range(0, width - 15, 16):
            y = load(b, j, 16)
            sums = _tile((y, y, y, y), rows, dilation * stride, address(w, j * taps * inputs), 16 * inputs, taps, inputs)
            for i in range(4):
                store(to, i * width + j, sums[i])
        if width % 16:
            z = load(b, width - 8, 8)
            at = address(w, (width - 8) * taps * inputs)
            last = _tile((z, z, z, z), rows, dilation * stride, at, 8 * inputs, taps, inputs)
            for i in range(4):
                store(to, i * width + width - 8, last[i])
    for t in range(frames & ~3, frames):
        row, to = address(start, t * stride), address(o, t * width)
        for j in range(0, width - 15, 16):
            one = (load(b, j, 16),)
            one = _tile(one, (row,), dilation * stride, address(w, j * taps * inputs), 16 * inputs, taps, inputs)
            store(to, j, one[0])
        if width % 16:
            end = (load(b, width - 8, 8),)
            end = _tile(end, (row,), dilation * stride, address(w, (width - 8) * taps * inputs), 8 * inputs, taps, inputs)
            store(to, width - 8, end[0])


@njit(forceinline=True, **OPTIONS)
def _tile(sums, rows, dilated, weights, size, taps, inputs):
    """Adds to the sums what all taps give; `size` is the distance from one tap's weights to the next's."""
    for tap in range(taps):
        sums = accumulate(sums, rows, tap * dilated, address(weights, tap * size), inputs)
    return sums


@njit(**OPTIONS)
def mix(x, taps, dilation, weights, bias, out):
    """`affine` for a single output.

    Args:
        x: (frames + (taps - 1) dilation, a multiple of 8), in which values beyond the inputs are finite.
        weights, bias: As `pack_mix` gives them.
        out: (frames,), overwritten.
    """
    stride = x.shape[1]
    w = address(weights, 0)
    for t in range(len(out)):
        sums = load(w, 0, 8) * load(address(x, t * stride), 0, 8)
        for k in range(8, stride, 8):
            sums = fma(load(w, k, 8), load(address(x, t * stride), k, 8), sums)
        for tap in range(1, taps):
            row, of = address(x, (t + tap * dilation) * stride), address(w, tap * stride)
            for k in range(0, stride, 8):
                sums = fma(load(of, k, 8), load(row, k, 8), sums)
        out[t] = total(sums) + bias[0]
