"""An instrument as a streaming ONNX graph: a performance and white noise in, sound out, at the instrument's own rate.

It computes what `fxlab.timbre.voice.Voice` plays, in any ONNX runtime with opset 17. A call takes F frames, as many as the caller
likes, and gives F * hop samples; between calls the caller keeps the states, which are zeros in the beginning.

Inputs (float32 if nothing else is said):
    f0_hz (1, F): Fundamental frequency in Hz, above 0; hold the last one where there is no pitch.
    voiced (1, F): 1 where there is a pitch, 0 where there is none.
    loudness_db (1, F): A-weighted level in dB of full scale, -120 to 0.
    gains (1, F, harmonics + bands): Linear gain of each cell, harmonics first: the automaton's, or 1 for the grown instrument.
    noise (1, F * hop): White noise of standard deviation 1, by any generator.
    hidden (layers, 1, hidden), last_f0_hz (1, 1) float64, phase (1, 1) float64 in cycles, last_harmonics (1, harmonics),
    last_noise (1, bands), past_noise (1, 2 * (taps - 1)), and where the instrument has a room past_sound (1, reverb - 1): states.

Outputs:
    audio (1, F * hop): The sound up to the last frame. It is one hop late: sample hop stands at the first frame of all.
    next_<state>: What to give at the next call.
"""

from __future__ import annotations

import math

import numpy as np
import onnx
from onnx import TensorProto, helper

from fxlab.engines.onnx_ace_parts import Nodes
from fxlab.engines.onnx_graph import IR_VERSION, NEXT, OPSET
from fxlab.models.model import Model, Weights
from fxlab.timbre.config import InstrumentConfig
from fxlab.timbre.fade import FADE_FROM
from fxlab.timbre.noise import design, taps_of
from fxlab.timbre.player import LOUDNESS_REACH, NOISE_BIAS, SLOPE

AUDIO = "audio"
_NEAR = 0.2  # up to which (exp(x) - 1) / x is a series: its quotient would be all rounding
_TERMS = [1 / math.factorial(n) for n in range(9, 0, -1)]
_FLOAT, _DOUBLE = TensorProto.FLOAT, TensorProto.DOUBLE
_ORDER = (1, 0, 2)  # torch's gates r, z, n as ONNX wants them: z, r, n

Shapes = dict[str, tuple[int | str, ...]]


def inputs_of(config: InstrumentConfig) -> Shapes:
    """Name to shape of what a caller provides, states apart; "F" is the number of frames, "samples" is F * hop."""
    frames = {name: (1, "F") for name in ("f0_hz", "voiced", "loudness_db")}
    return {**frames, "gains": (1, "F", config.cells), "noise": (1, "samples")}


def states_of(config: InstrumentConfig) -> dict[str, np.ndarray]:
    """Name to state before anything was played."""
    single = {
        "hidden": (config.layers, 1, config.hidden),
        "last_harmonics": (1, config.harmonics),
        "last_noise": (1, config.bands),
        "past_noise": (1, 2 * (taps_of(config, config.sample_rate_hz) - 1)),
    }
    single |= {"past_sound": (1, config.reverb - 1)} if config.reverb else {}
    double = {name: np.zeros((1, 1)) for name in ("last_f0_hz", "phase")}
    return {name: np.zeros(shape, np.float32) for name, shape in single.items()} | double


def instrument_graph(model: Model) -> onnx.ModelProto:
    """The graph of a model of kind "ddsp", without the metadata of a file."""
    graph, config = _Instrument(model), model.config
    graph.build()
    states = states_of(config)

    def declared(name: str, shape: tuple[int | str, ...], type_: int = _FLOAT) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, type_, list(shape))

    def kept(prefix: str) -> list[onnx.ValueInfoProto]:
        types = {"float32": _FLOAT, "float64": _DOUBLE}
        return [declared(prefix + name, array.shape, types[array.dtype.name]) for name, array in states.items()]

    ins = [declared(name, shape) for name, shape in inputs_of(config).items()] + kept("")
    outs = [declared(AUDIO, (1, "samples")), *kept(NEXT)]
    made = helper.make_graph(graph.g.nodes, config.kind, ins, outs, list(graph.g.constants.values()))
    whole = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="fxlab")
    whole.ir_version = IR_VERSION
    onnx.checker.check_model(whole)
    return whole


class _Instrument:
    def __init__(self, model: Model) -> None:
        self.g, self.config, self.weights = Nodes(), model.config, model.weights
        self.loudness = model.card["features"]["loudness"]
        self.u = np.arange(self.config.hop) / self.config.hop
        self.crossfade = (0.5 + 0.5 * np.cos(np.pi * self.u)).astype(np.float32)

    def build(self) -> None:
        g, config = self.g, self.config
        f0_hz, gains = self._frames("f0_hz"), g.shaped("gains", -1, config.cells)
        harmonics, noise = self._controls(self._hidden(f0_hz), f0_hz)
        gains = g("Mul", gains, self._quietness())
        harmonics = g("Mul", harmonics, g.cut(gains, 1, 0, config.harmonics))
        noise = g("Mul", noise, g.cut(gains, 1, config.harmonics))
        hertz = g("Cast", f0_hz, to=_DOUBLE)
        # Before the first frame of all there is nothing to come from: that stretch is silent, and takes no time of the phase.
        first = g("Not", g("Greater", "last_f0_hz", np.float64(0)))
        before = g("Concat", g("Where", first, g.cut(hertz, 0, 0, 1), "last_f0_hz"), g.cut(hertz, 0, 0, -1), axis=0)
        rest = g("Greater", g.cut(hertz, 0, 1), np.float64(0))
        heard = g("Concat", g("Not", first), rest, axis=0)
        sung = self._harmonic(before, hertz, g("Cast", heard, to=_DOUBLE), self._both("last_harmonics", harmonics))
        hissed = self._noisy(self._both("last_noise", noise))
        sound = g("Mul", g("Add", sung, hissed), g("Cast", heard, to=_FLOAT))
        sound = g.shaped(sound, 1, -1)
        g.named(g("Add", sound, self._room(sound)) if config.reverb else sound, AUDIO)
        for state, rows in (("last_harmonics", harmonics), ("last_noise", noise), ("last_f0_hz", hertz)):
            g.named(g.cut(rows, 0, -1), NEXT + state)

    def _frames(self, name: str) -> str:
        return self.g.shaped(name, -1, 1)

    def _hidden(self, f0_hz: str) -> str:
        """What the recurrent layers make of a performance, (F, hidden)."""
        g, config, single = self.g, self.config, np.float32
        octaves = g("Mul", g("Log", g("Div", g("Max", f0_hz, single(1e-3)), single(440))), single(1 / math.log(2)))
        pitch = g("Mul", g("Add", g("Mul", octaves, single(12)), single(9)), single(1 / 24))
        loudness = g("Div", g("Sub", self._frames("loudness_db"), single(self.loudness["mean"])), single(self.loudness["spread"]))
        loudness = g("Clip", loudness, single(-LOUDNESS_REACH), single(LOUDNESS_REACH))
        x = g.shaped(g("Concat", pitch, self._frames("voiced"), loudness, axis=1), -1, 1, 3)
        ends = []
        for layer in range(config.layers):
            # What the instrument could be told of its timbre is left out, which is its mean.
            arrays = [_sorted(self.weights[f"gru.{name}_l{layer}"]) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
            given = arrays[0] if layer else arrays[0][:, :3]
            bias = np.concatenate(arrays[2:])[None]
            begun = g.cut("hidden", 0, layer, layer + 1)
            size = {"hidden_size": config.hidden, "linear_before_reset": 1}
            all_, end = g("GRU", x, given[None], arrays[1][None], bias, "", begun, outputs=2, **size)
            x = g.shaped(all_, -1, 1, config.hidden)
            ends.append(end)
        g.named(g("Concat", *ends, axis=0), f"{NEXT}hidden")
        return g.shaped(x, -1, config.hidden)

    def _controls(self, hidden: str, f0_hz: str) -> tuple[str, str]:
        g = self.g
        out = _head(g, self.weights, "harmonic", hidden)
        shares = g("Mul", _exp_sigmoid(g, g.cut(out, 1, 1)), self._fade_out(f0_hz))
        total = g("Max", g("ReduceSum", shares, np.array([1]), keepdims=1), np.float32(1e-7))
        harmonics = g("Div", g("Mul", _exp_sigmoid(g, g.cut(out, 1, 0, 1)), shares), total)
        noise = _exp_sigmoid(g, g("Add", _head(g, self.weights, "noise", hidden), np.float32(NOISE_BIAS)))
        return harmonics, noise

    def _quietness(self) -> str:
        """Gain, (F, 1), below the lowest loudness that the network is asked for."""
        g = self.g
        lowest = self.loudness["mean"] - LOUDNESS_REACH * self.loudness["spread"]
        below = g("Min", g("Sub", self._frames("loudness_db"), np.float32(lowest)), np.float32(0))
        return g("Exp", g("Mul", below, np.float32(math.log(10) / 20)))

    def _both(self, last: str, rows: str) -> str:
        """Controls before and after each stretch between frames, (F, n, 2)."""
        g, axis = self.g, np.array([2])
        before = g("Concat", last, g.cut(rows, 0, 0, -1), axis=0)
        return g("Concat", g("Unsqueeze", before, axis), g("Unsqueeze", rows, axis), axis=2)

    def _harmonic(self, before: str, after: str, heard: str, harmonics: str) -> str:
        """(F, hop); frequencies go geometrically from frame to frame, and their integral is the phase, in cycles."""
        g, config = self.g, self.config
        octave = g("Log", g("Div", after, before))
        x = g("Mul", octave, self.u[None])
        cycles = g("Mul", g("Mul", before, heard), np.float64(1 / config.frame_rate_hz))
        whole = g("Mul", cycles, _mean_exp(g, octave))
        start = g("Add", g("CumSum", whole, np.int64(0), exclusive=1), "phase")
        end = g("Add", g.cut(start, 0, -1), g.cut(whole, 0, -1))
        g.named(g("Sub", end, g("Floor", end)), f"{NEXT}phase")
        turned = g("Add", start, g("Mul", g("Mul", cycles, _mean_exp(g, x)), self.u[None]))
        numbers = np.arange(1.0, config.harmonics + 1)
        turns = g("Mul", g.shaped(g("Sub", turned, g("Floor", turned)), -1, config.hop, 1), numbers)
        angle = g("Mul", g("Cast", g("Sub", turns, g("Round", turns)), to=_FLOAT), np.float32(2 * math.pi))
        hertz = g("Cast", g.shaped(g("Mul", before, g("Exp", x)), -1, config.hop, 1), to=_FLOAT)
        sines = g("Mul", g("Sin", angle), self._fade_out(hertz))
        return self._crossfaded(g("MatMul", sines, harmonics))

    def _fade_out(self, hertz: str) -> str:
        """Gain of every harmonic, (..., harmonics) for frequencies (..., 1), by its distance from half the rate."""
        g, steep = self.g, 1 / (1 - FADE_FROM)
        slopes = np.arange(1, self.config.harmonics + 1) * steep / (self.config.sample_rate_hz / 2)
        place = g("Sub", g("Mul", hertz, slopes.astype(np.float32)), np.float32(steep * FADE_FROM))
        place = g("Clip", place, np.float32(0), np.float32(1))
        smooth = g("Mul", g("Mul", place, place), g("Sub", np.float32(3), g("Add", place, place)))
        return g("Sub", np.float32(1), smooth)

    def _noisy(self, noise: str) -> str:
        """(F, hop): the noise through filters of zero phase."""
        g, config = self.g, self.config
        table = design(config, config.sample_rate_hz).astype(np.float32)
        reach = table.shape[1] - 1
        sound = g("Concat", "past_noise", "noise", axis=1)
        g.named(g.cut(sound, 1, -2 * reach) if reach else "past_noise", f"{NEXT}past_noise")
        whole = table[:, np.abs(np.arange(-reach, reach + 1))]  # of both sides, as a filter from the farthest to the farthest
        filters = g("MatMul", np.ascontiguousarray(whole.T), noise)
        count = g.cut(g("Shape", "f0_hz"), 0, 1)
        starts = g("Mul", g("Range", np.int64(0), g("Squeeze", count), np.int64(1)), np.int64(config.hop))
        places = np.add.outer(np.arange(config.hop), np.arange(2 * reach + 1))
        near = g("Gather", g.shaped(sound, -1), g("Add", g.shaped(starts, -1, 1, 1), places))
        return self._crossfaded(g("MatMul", near, filters))

    def _crossfaded(self, both: str) -> str:
        """(F, hop, 2), the sound of the frame before and of the one after, as one sound."""
        weights = np.stack([self.crossfade, 1 - self.crossfade], axis=1)
        return self.g("ReduceSum", self.g("Mul", both, weights), np.array([2]), keepdims=0)

    def _room(self, sound: str) -> str:
        """What the impulse response adds."""
        g, reverb = self.g, self.config.reverb
        line = g("Concat", "past_sound", sound, axis=1)
        g.named(g.cut(line, 1, 1 - reverb) if reverb > 1 else "past_sound", f"{NEXT}past_sound")
        backwards = np.ascontiguousarray(self.weights["impulse"][::-1])[None, None]
        return g.shaped(g("Conv", g.shaped(line, 1, 1, -1), backwards), 1, -1)


def _head(g: Nodes, weights: Weights, name: str, hidden: str) -> str:
    between = g("Gemm", hidden, weights[f"{name}.0.weight"], weights[f"{name}.0.bias"], transB=1)
    between = g("LeakyRelu", between, alpha=SLOPE)
    return g("Gemm", between, weights[f"{name}.2.weight"], weights[f"{name}.2.bias"], transB=1)


def _exp_sigmoid(g: Nodes, x: str) -> str:
    power = g("Pow", g("Sigmoid", x), np.float32(math.log(10)))
    return g("Add", g("Mul", power, np.float32(2)), np.float32(1e-7))


def _mean_exp(g: Nodes, x: str) -> str:
    """(exp(x) - 1) / x."""
    near = g("Less", g("Abs", x), np.float64(_NEAR))
    series: str | np.ndarray = np.float64(_TERMS[0])
    for term in _TERMS[1:]:
        series = g("Add", g("Mul", x, series), np.float64(term))
    apart = g("Where", near, np.float64(1), x)
    return g("Where", near, series, g("Div", g("Sub", g("Exp", apart), np.float64(1)), apart))


def _sorted(array: np.ndarray) -> np.ndarray:
    """A GRU's rows in ONNX's order of gates."""
    parts = np.split(array, 3)
    return np.concatenate([parts[gate] for gate in _ORDER])
