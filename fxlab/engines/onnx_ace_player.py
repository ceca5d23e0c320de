"""The part of ACE's ONNX graph that plays: equations of `fxlab.effects.ace` for a stretch of whole intervals at once."""

from __future__ import annotations

import math

import numpy as np
import onnx
from onnx import TensorProto, helper

from fxlab.effects.ace.bank import STAGES, Bank
from fxlab.effects.ace.design import CONTRAST_DB, CONTRAST_SPREAD_DB, FLOOR, TRANSIENT, TRANSIENT_SPREAD, Design
from fxlab.engines.onnx_ace_parts import Nodes, Stretch, System

_MOST, _SAMPLES = 16, 256  # intervals of a stretch, and its samples, which should stay in the cache
_GROWTH = 250.0  # of numbers that undo a decay: its logarithm; their squares must stay far below the largest double
_DECAYED = 1e-12  # what decays by more from an interval to the next is gone


class Player:
    """Writes the body of a Loop that plays a stretch of intervals each time.

    Args:
        outer: What the Loop will belong to.
        design, bank, adapt, carrier: As for `onnx_ace.ace_graph`.

    Attributes:
        most: Intervals that a stretch may have.
    """

    def __init__(self, outer: Nodes, design: Design, bank: Bank, adapt: bool, carrier: str) -> None:
        self.design, self.bank, self.adapt, self.carrier = design, bank, adapt, carrier
        decay = -math.log(float(np.abs(bank.poles).min()))
        most = min(_MOST, _SAMPLES // bank.interval, int(_GROWTH / (decay * bank.interval)))
        self.most = max(1, most)
        self._tabulate(outer)
        self.g = Nodes(outer)

    def _tabulate(self, g: Nodes) -> None:
        """Tables (samples, K) for a longest stretch; a runtime makes them once, when it loads the graph, from a few numbers.

        Attributes:
            undone: 1 / pole^time, real and imaginary part.
            heard: What |band|^2 in units of pole^time weighs in the detectors.
            given: Such a band's share in the output by its real and by its imaginary part.
            places: Where in the running sum it belongs.
        """
        bank, d = self.bank, self.design
        time = np.arange(1.0, self.most * bank.interval + 1)[:, None]
        decay, angle = -np.log(np.abs(bank.poles)), np.angle(bank.poles)

        def spiral(decay: np.ndarray, angle: np.ndarray, start: np.ndarray) -> tuple[str, str]:
            size = g("Mul", g("Exp", g("Mul", time, -decay)), np.abs(start))
            turn = g("Add", g("Mul", time, angle), np.angle(start))
            return g("Mul", size, g("Cos", turn)), g("Mul", size, g("Sin", turn))

        self.undone = spiral(-decay, -angle, np.ones(1))
        self.heard = g("Mul", g("Exp", g("Mul", time, -2.0 * decay)), d.detector)
        real, imaginary = spiral(decay, angle, bank.weights * d.bands)
        self.given = real, g("Neg", imaginary)
        self.places = g("Add", time.astype(np.int64) - 1, bank.delays)

    def body(self, heard: str, names: list[str]) -> onnx.GraphProto:
        """The body: plays a stretch of `heard` (channels, 1, whole intervals); carries the states, and what was played."""
        g, n, size = self.g, self.bank.interval, np.array([self.most * self.bank.interval])
        start = g("Mul", g.shaped("round", 1), size)
        x = g.cut(heard, 2, start, g("Add", start, size))
        self.stretch = Stretch(g, g.cut(g("Shape", x), 0, 2), n, self.most)
        old = {name: f"old_{name}" for name in names}
        y, new = self._play(x, old)
        g.named("more", "go_on")
        g.named(g("Concat", "played", y, axis=2), "all_played")
        for name in names:
            g.named(new[name], f"new_{name}")

        def tensors(names: list[str]) -> list[onnx.ValueInfoProto]:
            return [helper.make_tensor_value_info(name, TensorProto.DOUBLE, None) for name in names]

        inputs = [
            helper.make_tensor_value_info("round", TensorProto.INT64, []),
            helper.make_tensor_value_info("more", TensorProto.BOOL, []),
            *tensors([*old.values(), "played"]),
        ]
        outputs = [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            *tensors([*(f"new_{name}" for name in names), "all_played"]),
        ]
        return helper.make_graph(g.nodes, "stretch", inputs, outputs)

    def _play(self, x: str, old: dict[str, str]) -> tuple[str, dict[str, str]]:
        """Output (channels, 1, samples) of the same x, and the states after it."""
        g, d, n, stretch = self.g, self.design, self.bank.interval, self.stretch
        new: dict[str, str] = {}
        highpass = System.of_section(d.highpass)
        past = g.shaped(g("Concat", old["highpass"], old["tce_highpass"], axis=2), 0, -1)
        both = highpass.then(System.of_section(d.tce_highpass))
        (s, h), last = stretch.filtered(g.shaped(x, 0, -1, n), past, both)
        new["highpass"], new["tce_highpass"] = g("Split", g("Unsqueeze", last, np.array([1])), outputs=2, axis=2)
        gain, ends = self._tce(h, old, new)
        tce = g.shaped(g("Mul", s if self.carrier == "full" else h, gain), 0, 1, -1)
        z, e = self._bank(s, old, new)
        first, last, share = self._gains(e, ends, old, new)
        dry, tce = self._delayed({"dry_line": x, "tce": tce}, old, new)
        sce = self._summed(self._weighted(z, first, last), x, old, new)
        wet = g("Add", g("Mul", tce, share), g("Mul", sce, d.sce_share))
        past = g.shaped(old["out_highpass"], 0, -1)
        wet, last = stretch.filtered(wet, past, highpass.times(d.output * d.mix))
        new["out_highpass"] = g("Unsqueeze", last, np.array([1]))
        return g.shaped(g("Add", g("Mul", dry, d.output * (1.0 - d.mix)), wet[0]), 0, 1, -1), new

    def _tce(self, h: str, old: dict[str, str], new: dict[str, str]) -> tuple[str, str]:
        """The gain of temporal contrast (1, intervals, N); what `adapt` hears of it at the intervals' ends (intervals, 2)."""
        g, d, n, follow = self.g, self.design, self.bank.interval, self.stretch.following
        level = g.shaped(g("ReduceMean", g("Abs", h), axes=[0]), 1, 1, -1)
        past = g("Split", old["tce_followers"], outputs=3, axis=1)
        decaying, last0 = follow(level, past[0], d.tce_fall, rising=False, per_sample=True)
        lasting, last1 = follow(decaying, past[1], d.tce_rise, rising=True, per_sample=True)
        transient = g("Relu", g("Sub", g("Sub", decaying, lasting), d.tce_threshold))
        fading, last2 = follow(transient, past[2], d.tce_fall, rising=False, per_sample=True)
        new["tce_followers"] = g.flushed(g("Concat", last0, last1, last2, axis=1))
        ends = g.cut(g("Concat", transient, decaying, axis=1), 2, n - 1, step=n)
        gain = g("Div", transient, g("Add", fading, d.delta))
        return g.shaped(gain, 1, -1, n), g("Transpose", g.shaped(ends, 2, -1), perm=[1, 0])

    def _bank(self, s: str, old: dict[str, str], new: dict[str, str]) -> tuple[list[str], str]:
        """The bands in units of what has decayed and turned since the stretch began, as real and imaginary parts
        (channels, 1, samples, K), and envelopes (intervals, K).

        In these units a stage is a running sum, and what its past adds to the last stage a polynomial.
        """
        g, poles, n, intervals = self.g, self.bank.poles, self.bank.interval, self.stretch.intervals
        time = np.arange(1, self.most * n + 1)[:, None]
        ringing = np.concatenate((time * (time + 1) * (time + 2) / 6, time * (time + 1) / 2, time, time**0), axis=1)
        ringing = self._now(ringing.astype(np.float64))
        s = g.shaped(s, 0, 1, -1, 1)
        parts, lasts = [], []
        for table, past in zip(self.undone, self._halves(old["bank"]), strict=True):
            stage, ends = g("Mul", s, self._now(table)), []
            for _ in range(STAGES):
                stage = g("CumSum", stage, np.int64(2))
                ends.append(g.cut(stage, 2, -1))
            parts.append(g("Add", stage, g("MatMul", ringing, past)))
            lasts.append(g("Add", g("Concat", *ends, axis=2), g("MatMul", self._passage(), past)))
        turn = (poles ** (n * np.arange(self.most + 1))[:, None])[:, None]
        c, s = (g("Gather", part, intervals) for part in (turn.real, turn.imag))
        real = g("Sub", g("Mul", lasts[0], c), g("Mul", lasts[1], s))
        imaginary = g("Add", g("Mul", lasts[0], s), g("Mul", lasts[1], c))
        new["bank"] = g.flushed(g.shaped(g("Concat", real, imaginary, axis=1), 0, 2 * STAGES, -1))
        power = g("Add", *(g("Mul", part, part) for part in parts))
        power = g("Mul", power, self._now(self.heard))
        power = g("ReduceMean", g.shaped(power, 0, -1, n, len(poles)), axes=[2], keepdims=0)
        power = g("ReduceMean", power, axes=[0], keepdims=0)
        return parts, g("Sqrt", g("Add", power, self.design.noise))

    def _halves(self, bank: str) -> list[str]:
        """The real and the imaginary part, (channels, 1, stages, K), of the state `bank`."""
        return self.g("Split", self.g.shaped(bank, 0, 2, STAGES, -1), outputs=2, axis=1)

    def _passage(self) -> str:
        """What a stretch makes of the stages' running sums, (stages, stages)."""
        time = self.bank.interval * np.arange(self.most + 1)
        steps = np.stack((time**0, time, time * (time + 1) // 2, time * (time + 1) * (time + 2) // 6))
        lag = np.subtract.outer(np.arange(STAGES), np.arange(STAGES))
        tables = np.where(lag[:, :, None] >= 0, steps[np.maximum(lag, 0)], 0).transpose(2, 0, 1)
        return self.g("Gather", tables.astype(np.float64), self.stretch.intervals)

    def _now(self, table: str | np.ndarray) -> str:
        """As much of a table as the stretch has samples."""
        return self.g.cut(table, 0, 0, self.stretch.samples)

    def _gains(self, e: str, ends: str, old: dict[str, str], new: dict[str, str]) -> tuple[str, str, str | np.ndarray]:
        """Envelopes to the gains with which intervals begin and end, (intervals, K), and the share of temporal contrast."""
        g, d, smoothed = self.g, self.design, self.stretch.smoothed
        past = g("Split", g.shaped(old["followers"], 7, -1), outputs=7, axis=0)
        smooth, smooth_last = smoothed(e, past[0], d.li)
        squared = g("Mul", smooth, smooth)
        around = g("Sqrt", g("MatMul", squared, d.neighbours.T))
        above = g("Log", g("Div", smooth, g("Add", around, d.delta)))
        share, new["heard"] = np.float64(1.0 - d.sce_share), old["heard"]
        li, ex = d.li_strength, -d.ex_strength
        if self.adapt:
            share, strength, new["heard"] = self._adapted(ends, squared, above, old["heard"])
            li, ex = g("Mul", strength, li), g("Mul", strength, ex)
        u = g("Mul", e, self._factor(g("Mul", g("Min", above, np.float64(0.0)), li)))
        mean, mean_last = smoothed(u, past[1], d.ex)
        level = g("Log", mean)
        below = g("Sub", g("ReduceMax", level, axes=[1]), level)
        lifted = g("Min", g("Mul", g("Add", below, d.ex_threshold), ex), below)
        v = g("Mul", u, self._factor(lifted))
        p, lasting_last, prolonged_last = self._prolonged(v, past[2], past[3])
        followed, last = smoothed(g("Concat", p, e, axis=1), g("Concat", past[4], past[5], axis=1), d.gain)
        wanted, present = g("Split", followed, outputs=2, axis=1)
        cap = g("Div", g("Max", p, e), g("Add", e, d.delta))
        gain = g("Min", g("Div", wanted, g("Add", present, d.delta)), cap)
        first = g("Min", g.cut(g("Concat", past[6], gain, axis=0), 0, 0, -1), cap)
        states = [smooth_last, mean_last, lasting_last, prolonged_last, g.shaped(last, 2, -1), g.cut(gain, 0, -1)]
        new["followers"] = g("Unsqueeze", g("Concat", *states, axis=0), np.array([0]))
        return first, gain, share

    def _factor(self, exponent: str) -> str:
        return self.g("Exp", self.g("Max", exponent, np.float64(FLOOR)))

    def _adapted(self, ends: str, squared: str, above: str, old: str) -> tuple[str, str, str]:
        """The share of temporal contrast (1, intervals, 1), the factor on strengths (intervals, 1), the next `heard`."""
        g, d = self.g, self.design
        weighed = g("Mul", g("Mul", squared, above), np.float64(20.0 / np.log(10.0)))
        sums = [g("ReduceSum", x, np.array([1])) for x in (weighed, squared)]
        heard, last = self.stretch.smoothed(g("Concat", ends, *sums, axis=1), g.shaped(old, 1, -1), d.adapting)
        transient, level, contrast, weight = g("Split", heard, outputs=4, axis=1)

        def factor(value, middle, spread):
            return g("Mul", g("Sigmoid", g("Mul", g("Sub", middle, value), np.float64(1.0 / spread))), np.float64(2.0))

        few = factor(g("Div", transient, g("Add", level, d.delta)), np.float64(TRANSIENT), TRANSIENT_SPREAD)
        strength = factor(g("Div", contrast, g("Add", weight, d.delta**2)), np.float64(CONTRAST_DB), CONTRAST_SPREAD_DB)
        return g("Mul", g.shaped(few, 1, -1, 1), np.float64(1.0 - d.sce_share)), strength, g.shaped(last, 1, -1, 1)

    def _prolonged(self, v: str, lasting: str, prolonged: str) -> tuple[str, str, str]:
        """Decay prolongation (intervals, K) of the same v, and the followers' last values (1, K)."""
        g, d, bands = self.g, self.design, len(self.bank.erb)
        rows = g.shaped(g("Transpose", v, perm=[1, 0]), 1, bands, -1)
        past = [g.shaped(state, 1, -1, 1) for state in (lasting, prolonged)]
        short, short_last = self.stretch.following(rows, past[0], d.dp_rise, rising=True)
        keep = np.maximum(d.dp_fall, _DECAYED)[:, None]
        long, long_last = self.stretch.following(short, past[1], keep, rising=False)
        p = g("Transpose", g.shaped(g("Sub", g("Add", long, rows), short), bands, -1), perm=[1, 0])
        return p, g.shaped(short_last, 1, -1), g.shaped(long_last, 1, -1)

    def _weighted(self, z: list[str], first: str, last: str) -> str:
        """What every band gives to the output, (channels, 1, samples K)."""
        g, n = self.g, self.bank.interval
        sides = (g("Mul", part, self._now(share)) for part, share in zip(z, self.given, strict=True))
        bands = g.shaped(g("Add", *sides), 0, 1, -1)
        ramp = np.arange(1, n + 1)[:, None] / n
        ends = g("Concat", *(g("Unsqueeze", gain, np.array([1])) for gain in (first, last)), axis=1)
        return g("Mul", bands, g.shaped(g("MatMul", np.hstack((1.0 - ramp, ramp)), ends), 1, 1, -1))

    def _summed(self, bands: str, x: str, old: dict[str, str], new: dict[str, str]) -> str:
        """Bands into the running sum, each at its delay; what is complete, (channels, intervals, N)."""
        g, bank, samples = self.g, self.bank, self.stretch.samples
        places = g("Expand", g.shaped(self._now(self.places), 1, 1, -1), g("Shape", bands))
        total = g("Concat", old["sum"], g("Mul", x, np.float64(0.0)), axis=2)
        total = g("ScatterElements", total, places, bands, axis=2, reduction="add")
        new["sum"] = g.cut(total, 2, samples)
        return g.shaped(g.cut(total, 2, 0, samples), 0, -1, bank.interval)

    def _delayed(self, signals: dict[str, str], old: dict[str, str], new: dict[str, str]) -> list[str]:
        """Signals (channels, 1, samples) after the bands' common delay, (channels, intervals, N)."""
        g, n = self.g, self.bank.interval
        lines = [g("Concat", old[name], signal, axis=2) for name, signal in signals.items()]
        new |= {name: g.cut(line, 2, self.stretch.samples) for name, line in zip(signals, lines, strict=True)}
        end = g("Add", self.stretch.samples, np.array([n]))
        return [g.shaped(g.cut(line, 2, n, end), 0, -1, n) for line in lines]
