"""One block of a stack in one compiled call, whatever its layers: a table says what to do, the code is compiled once.

A block is taken in chunks that stay in the fastest cache through all layers. Each layer reads its input from a line of its own,
where what it remembers of earlier chunks lies in front, and writes its output into the next layer's line.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from fxlab.engines.fused.activation_kernel import activate
from fxlab.engines.fused.affine_kernel import affine, mix
from fxlab.engines.fused.film_kernel import moved
from fxlab.engines.fused.recurrent_kernel import gru, lstm
from fxlab.engines.knobs_kernel import advance
from fxlab.kernels.addresses import array_at, table_at
from fxlab.kernels.vectors import OPTIONS
from fxlab.models.stack_config import KINDS

LAYER = np.dtype(
    [
        (name, np.int64)
        for name in (
            "kind",  # its number in `KINDS`
            "inputs",
            "units",
            "width",  # of its output
            "activation",
            "taps",
            "dilation",
            "past",  # frames that it remembers of its input
            "step",  # distance of the frames in its line
            "line",  # where its line begins among the lines, likewise its weights and a channel's memory
            "input_weights",
            "bias",
            "weights",
            "bias_n",
            "memory",
        )
    ]
)
"""A layer's row in the table.

A row behind the last layer's says with `step` and `line` where the output goes. Where there are knobs, another one follows: the
first layer's with knobs as inputs. If it has no memory of its inputs, the first row is without, its bias what knobs make of it.
"""

_LSTM, _GRU = KINDS.index("lstm"), KINDS.index("gru")
_SLOPE = np.float32(0.01)
_LARGEST = np.finfo(np.float32).max
_LEAST = np.float32(1e-15)  # -300 dB: what is below counts as silence, so that no denormal is ever computed with


@njit(cache=True, **OPTIONS)
def play_stack(at, frames):
    """Plays a block.

    Args:
        at: Address of the table (see `addresses`): the number of channels; the dry and the wet block; records of `LAYER`; the
            weights; the memories of all channels; the lines; scratch for the gates of as many frames as a chunk has; int64: the
            frames of a chunk, whether the dry signal is added; of each knob where it stands, and its places in the block's
            frames while one moves; what `knobs_kernel.advance` works on, nothing without knobs; where knobs stand for the first
            layer's bias.
        frames: In the block.
    """
    table = table_at(at, 25)
    dry, wet, layers = array_at(table, 1, np.float32), array_at(table, 3, np.float32), array_at(table, 5, LAYER)
    weights, memories = array_at(table, 7, np.float32), array_at(table, 9, np.float32)
    lines, gates, numbers = array_at(table, 11, np.float32), array_at(table, 13, np.float32), array_at(table, 15, np.int64)
    still, places, folded = array_at(table, 17, np.float32), array_at(table, 19, np.float32), array_at(table, 23, np.float32)
    moving = advance(table[21], frames) if table[22] else False
    size, chunk, skip, knobs = len(memories) // table[0], numbers[0], numbers[1], len(still)
    count = len(layers) - (2 if knobs else 1)
    first, last = layers[len(layers) - 1 if moving else 0], layers[count]
    if first.step == 1 and moved(still, folded):
        _fold(layers[0], layers[count + 1], still, folded, weights, lines)
    heard, played = lines[first.line + first.past * first.step :], lines[last.line :]
    for channel in range(table[0]):
        memory = memories[channel * size : (channel + 1) * size]
        for start in range(channel * frames, (channel + 1) * frames, chunk):
            n = min(chunk, (channel + 1) * frames - start)
            for t in range(n):
                x = dry[start + t]
                # A non-finite sample counts as silence: it must not enter a memory.
                heard[t * first.step] = x if (abs(x) <= _LARGEST) & (abs(x) > _LEAST) else np.float32(0)
            if first.step > 1:
                for k in range(knobs):
                    for t in range(n):
                        place = places[k * frames + start - channel * frames + t] if moving else still[k]
                        heard[t * first.step + 1 + k] = place
            for i in range(count):
                _play(first if i == 0 else layers[i], layers[i + 1], weights, memory, lines, gates, n)
            for t in range(n):
                wet[start + t] = played[t * last.step]
            if skip:
                for t in range(n):
                    wet[start + t] += heard[t * first.step]


@njit(**OPTIONS)
def _fold(layer, full, still, folded, weights, lines):
    """Makes what the knobs' weights give, where the knobs stand, part of the first layer's bias."""
    columns, inputs = full.width * (4 if full.kind == _LSTM else 3 if full.kind == _GRU else 1), full.inputs
    x = lines[full.line : full.line + inputs]
    x[0] = 0
    for k in range(len(still)):
        x[1 + k] = still[k]
        folded[k] = still[k]
    bias = weights[layer.bias : layer.bias + columns].reshape(1, columns)
    own = weights[full.bias : full.bias + columns]
    affine(x.reshape(1, inputs), inputs, 1, 1, weights[full.input_weights :], own, bias)


@njit(**OPTIONS)
def _play(layer, following, weights, memory, lines, gates, n):
    """One layer's output for `n` frames, from its line to the next layer's."""
    recurrent = layer.kind == _LSTM or layer.kind == _GRU
    joined = recurrent and layer.inputs == 1
    width, columns = layer.width, layer.width * ((4 if layer.kind == _LSTM else 3) if recurrent else 1)
    held = layer.past * layer.step
    line = lines[layer.line : layer.line + held + n * layer.step]
    x = line.reshape(layer.past + n, layer.step)
    to = following.line + following.past * following.step
    result = lines[to : to + n * width]
    input_weights, bias = weights[layer.input_weights :], weights[layer.bias : layer.bias + columns]
    start = bias if joined else gates[: n * columns] if recurrent else result
    rows = start.reshape(len(start) // columns, columns)
    state = memory[layer.memory :]
    if not joined:
        for i in range(held):
            line[i] = state[i]
        if width == 1:
            mix(x, layer.taps, layer.dilation, input_weights, bias, result)
        else:
            affine(x, layer.inputs, layer.taps, layer.dilation, input_weights, bias, rows)
        for i in range(held):
            state[i] = line[n * layer.step + i]
    own = weights[layer.weights : layer.weights + columns * layer.units]
    if layer.kind == _LSTM:
        lstm(x, joined, input_weights, rows, own, state[:width], state[width : 2 * width], result.reshape(n, width))
    elif layer.kind == _GRU:
        gru(x, joined, input_weights, rows, own, weights[layer.bias_n :], state[:width], result.reshape(n, width))
    else:
        activate(result, layer.activation, _SLOPE)
