"""A whole TCN, forward and backward, for one row of a batch in one compiled call each.

Frames follow one another in memory, each a row of channels, padded with zeros to whole vectors. A take is gone through in
chunks of CHUNK frames that pass through all layers while they are in the cache; what a layer remembers of its input, and on the
way back of the gradient of its later frames, lies in rings. The first chunk begins with `pad` frames of silence, so that the
last one is whole. Frames before those that an output depends on hold finite garbage, and their gradient is exactly zero.

Only activations are kept for the way back. A layer's input is its predecessor's plus a product of activations of the same
frames, so that it is cheaper to compute it again than to fetch it from main memory.

Weights are matrices of (rows, columns): `product` multiplies frames by them, `outer` adds to their gradients. Columns come in
blocks of 16, perhaps a last one of 8; a block's rows follow one another. Biases and the dry signal's weights are matrices too:
they multiply the frames [dry, 1, 0, 0], called side.
"""

from __future__ import annotations

from numba import njit

from fxlab.kernels.approximations import saturating_tanh
from fxlab.kernels.vectors import OPTIONS, align_stack, constant, load, store
from fxlab.models.tcn_function_plan import ZEROS
from fxlab.models.tcn_function_products import CHUNK, LANES, ROWS, SIDE, increase, outer, product, up_rows


@njit(cache=True, **OPTIONS)
def forward(arrays, layers, weights, dry, pad, memory, kept, out):
    """Plays one row.

    Args:
        arrays, layers: Records of `ARRAY` and `LAYER`. Behind the arrays is one more record, whose head is the output.
        weights: float32, all matrices.
        dry: float32 (frames,); with `pad` a whole number of chunks.
        memory: float32 zeros, as large as the plan says.
        kept: float32 (chunks, all layers' activations), filled; of one chunk where nobody goes back.
        out: float32 (frames that have their whole past,), filled.
    """
    align_stack()
    start = pad + len(dry) - len(out)
    for chunk in range((pad + len(dry)) // CHUNK):
        begin = chunk * CHUNK
        _fill_side(memory, dry, begin - pad)
        heard = begin + CHUNK > start
        activations = kept[chunk % len(kept)]
        reached = True
        for a in range(len(arrays) - 1):
            array = arrays[a]
            width, size = array.width, CHUNK * array.width
            if not reached:
                break
            if a == 0:
                _zero(memory, array.head, size)
            at = _place(layers[array.first], begin, width)
            _expand(arrays, a, weights, memory, at)
            for j in range(array.first, array.last):
                layer = layers[j]
                position = begin % layer.size
                _mirror(memory, layer.ring, layer.size, position, width)
                if begin + CHUNK <= pad + layer.context:
                    reached = False
                    break
                past = (position - layer.history) % layer.size
                product(
                    CHUNK, activations, layer.kept, width, memory, ZEROS, 0,
                    memory, layer.ring, past, layer.dilation, layer.size, layer.taps, width, array.channels,
                    weights, layer.conv, memory, layer.side,
                )  # fmt: skip
                _activate(activations, layer.kept, size)
                if heard:
                    _add(activations, layer.kept, memory, array.head, size)
                source, at = at, array.output
                if j + 1 < array.last:
                    at = _place(layers[j + 1], begin, width)
                if j + 1 < array.last or a + 2 < len(arrays):
                    _residual(array, layer, weights, memory, activations, source, at)
            if heard:
                _mix(arrays, a, weights, memory)
        if heard:
            head = arrays[len(arrays) - 1].head
            for t in range(max(0, start - begin), CHUNK):
                out[begin + t - start] = memory[head + t * LANES]


@njit(cache=True, **OPTIONS)
def backward(arrays, layers, weights, dry, pad, memory, kept, slope_out, slopes):
    """Adds one row's gradients of the weights.

    Args:
        memory: float32 zeros again.
        kept: What `forward` filled.
        slope_out: float32, the gradient of `out`.
        slopes: float32, like the matrices of `weights` that aren't transposed.
        (else): As `forward`.
    """
    align_stack()
    start = pad + len(dry) - len(slope_out)
    for chunk in range((pad + len(dry)) // CHUNK - 1, -1, -1):
        begin = chunk * CHUNK
        _fill_side(memory, dry, begin - pad)
        heard = begin + CHUNK > start
        _inputs_again(arrays, layers, weights, pad, memory, kept[chunk], begin, heard)
        if heard:
            last = arrays[len(arrays) - 1]
            _zero(memory, last.head_slope, CHUNK * last.width)
            for t in range(max(0, start - begin), CHUNK):
                memory[last.head_slope + t * LANES] = slope_out[begin + t - start]
            for a in range(len(arrays) - 2, -1, -1):
                _mix_back(arrays, a, weights, memory, slopes)
        for a in range(len(arrays) - 2, -1, -1):
            _array_back(arrays, a, layers, weights, pad, memory, kept[chunk], begin, heard, slopes)


@njit(**OPTIONS)
def _inputs_again(arrays, layers, weights, pad, memory, activations, begin, heard):
    """The inputs of all layers and the sums of heads of a chunk."""
    for a in range(len(arrays) - 1):
        array = arrays[a]
        size = CHUNK * array.width
        if a == 0:
            _zero(memory, array.head, size)
        at = layers[array.first].input
        _expand(arrays, a, weights, memory, at)
        for j in range(array.first, array.last):
            layer = layers[j]
            if begin + CHUNK <= pad + layer.context:
                return
            if heard:
                _add(activations, layer.kept, memory, array.head, size)
            source, at = at, layers[j + 1].input if j + 1 < array.last else array.output
            if j + 1 < array.last or a + 2 < len(arrays):
                _residual(array, layer, weights, memory, activations, source, at)
        if heard and a + 2 < len(arrays):
            _mix(arrays, a, weights, memory)


@njit(**OPTIONS)
def _array_back(arrays, a, layers, weights, pad, memory, activations, begin, heard, slopes):
    """One array's layers backwards through a chunk: `array.slope` goes from the gradient of its output to that of its input."""
    array = arrays[a]
    width, channels, size, slope = array.width, array.channels, CHUNK * array.width, array.slope
    rows = (channels + ROWS - 1) // ROWS * ROWS
    if begin + CHUNK <= pad + layers[array.first].context - layers[array.first].history:
        return
    follows = a + 2 < len(arrays)
    if follows and begin + CHUNK > pad + layers[array.last - 1].context:
        after = arrays[a + 1]
        _times(memory, slope, width, ZEROS, 0, memory, after.slope, after.width, after.channels, weights, after.expand_back, -1)
    else:
        _zero(memory, slope, size)
    for j in range(array.last - 1, array.first - 1, -1):
        layer = layers[j]
        if begin + CHUNK <= pad + layer.context - layer.history:
            continue
        position = begin % layer.size
        at = layer.ring + position * width
        if begin + CHUNK > pad + layer.context:
            if follows or j + 1 < array.last:
                outer(slopes, layer.residual, rows, activations, layer.kept, width, memory, slope, width)
                outer(slopes, layer.shift, SIDE, memory, 0, SIDE, memory, slope, width)
                init, i_width = (array.head_slope, width) if heard else (ZEROS, 0)
                _times(memory, at, width, init, i_width, memory, slope, width, channels, weights, layer.residual_back, -1)
            else:
                _zero(memory, at, size)
                if heard:
                    _add(memory, array.head_slope, memory, at, size)
            _slope_of_tanh(activations, layer.kept, memory, at, size)
            outer(slopes, layer.side, SIDE, memory, 0, SIDE, memory, at, width)
        else:
            _zero(memory, at, size)
        _mirror(memory, layer.ring, layer.size, position, width)
        product(
            CHUNK, memory, slope, width, memory, slope, width,
            memory, layer.ring, position, layer.dilation, layer.size, layer.taps, width, channels,
            weights, layer.conv_back, memory, -1,
        )  # fmt: skip
        for tap in range(layer.taps):
            later = layer.ring + (position + (layer.taps - 1 - tap) * layer.dilation) % layer.size * width
            outer(slopes, layer.conv + tap * rows * width, rows, memory, layer.input, width, memory, later, width)
    if a == 0:
        outer(slopes, array.expand, SIDE, memory, 0, SIDE, memory, slope, width)
    else:
        before = arrays[a - 1]
        outer(slopes, array.expand, up_rows(array.inputs), memory, before.output, before.width, memory, slope, width)


@njit(**OPTIONS)
def _expand(arrays, a, weights, memory, at):
    """An array's input to its channels."""
    array = arrays[a]
    if a == 0:
        _times(memory, at, array.width, ZEROS, 0, memory, 0, SIDE, 1, weights, array.expand, -1)
    else:
        before = arrays[a - 1]
        _times(memory, at, array.width, ZEROS, 0, memory, before.output, before.width, array.inputs, weights, array.expand, -1)


@njit(**OPTIONS)
def _residual(array, layer, weights, memory, activations, before, after):
    """A layer's input and activations to the next one's input."""
    width = array.width
    _times(
        memory, after, width, before, width, activations, layer.kept, width, array.channels,
        weights, layer.residual, layer.shift,
    )  # fmt: skip


@njit(**OPTIONS)
def _mix(arrays, a, weights, memory):
    """The sum of an array's heads to the beginning of the next one's."""
    array, after = arrays[a], arrays[a + 1]
    _times(
        memory, after.head, after.width, ZEROS, 0, memory, array.head, array.width, array.channels,
        weights, array.mix, array.shift,
    )  # fmt: skip


@njit(**OPTIONS)
def _mix_back(arrays, a, weights, memory, slopes):
    array, after = arrays[a], arrays[a + 1]
    slope, width = after.head_slope, after.width
    outer(slopes, array.mix, up_rows(array.channels), memory, array.head, array.width, memory, slope, width)
    outer(slopes, array.shift, SIDE, memory, 0, SIDE, memory, slope, width)
    _times(memory, array.head_slope, array.width, ZEROS, 0, memory, slope, width, array.heads, weights, array.mix_back, -1)


@njit(**OPTIONS)
def _times(memory, at, width, init, i_width, source, s, stride, count, weights, w, shift):
    """`product` of a single tap into the memory."""
    product(
        CHUNK, memory, at, width, memory, init, i_width, source, s, 0, 0, CHUNK, 1, stride, count,
        weights, w, memory, shift,
    )  # fmt: skip


@njit(forceinline=True, **OPTIONS)
def _place(layer, begin, width):
    """Where a chunk's input goes in a layer's ring."""
    return layer.ring + begin % layer.size * width


@njit(**OPTIONS)
def _mirror(memory, ring, size, position, width):
    """Behind a ring's end its first chunk is repeated, so that a chunk can be read from anywhere."""
    if position == 0:
        for k in range(0, CHUNK * width, LANES):
            store(memory, ring + size * width + k, load(memory, ring + k, LANES))


@njit(**OPTIONS)
def _fill_side(memory, dry, begin):
    for t in range(CHUNK):
        memory[t * SIDE] = dry[begin + t] if begin + t >= 0 else 0.0
        memory[t * SIDE + 1] = 1.0


@njit(**OPTIONS)
def _zero(memory, at, count):
    for k in range(at, at + count, LANES):
        store(memory, k, constant(0.0, LANES))


@njit(**OPTIONS)
def _add(source, s, target, t, count):
    for k in range(0, count, LANES):
        increase(target, t + k, load(source, s + k, LANES))


@njit(**OPTIONS)
def _activate(array, at, count):
    for k in range(at, at + count, LANES):
        store(array, k, saturating_tanh(load(array, k, LANES)))


@njit(**OPTIONS)
def _slope_of_tanh(activations, a, memory, at, count):
    """Gradients of activations to those of what went into them."""
    for k in range(0, count, LANES):
        y = load(activations, a + k, LANES)
        store(memory, at + k, load(memory, at + k, LANES) * (1.0 - y * y))
