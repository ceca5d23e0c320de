"""What the ONNX graph of ACE is made of: filters and followers over a stretch of intervals, without a loop over samples.

A stretch is a number of intervals of N samples that varies from call to call, up to a most; tables are made for the most and
cut. All of ACE runs forward only, so that each of its memories can be solved for a whole stretch at once: linear ones by
products with powers of their own matrices or, scaled by what they would have decayed, by a running sum; a follower that is
immediate in one direction by a running sum and a running maximum.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

LAST = np.iinfo(np.int64).max
_SILENT = 1e-30


class Nodes:
    """Collects a graph's nodes; an operand is a name, or an array that becomes a constant of the outermost graph."""

    def __init__(self, outer: Nodes | None = None) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[tuple, onnx.TensorProto] = outer.constants if outer else {}
        self._prefix = "in_" if outer else ""

    def __call__(self, operator: str, *operands: str | np.ndarray, outputs: int = 1, **attributes: object):
        """Adds a node; the name of its output, or the names of `outputs` outputs."""
        at = f"{self._prefix}{operator.lower()}{len(self.nodes)}"
        names = [at] if outputs == 1 else [f"{at}.{i}" for i in range(outputs)]
        inputs = [operand if isinstance(operand, str) else self._constant(operand) for operand in operands]
        self.nodes.append(helper.make_node(operator, inputs, names, name=at, **attributes))
        return names[0] if outputs == 1 else names

    def _constant(self, value: np.ndarray) -> str:
        array = np.asarray(value, order="C")
        key = array.dtype.str, array.shape, array.tobytes()
        if key not in self.constants:
            self.constants[key] = numpy_helper.from_array(array, f"constant{len(self.constants)}")
        return self.constants[key].name

    def cut(self, source: str | np.ndarray, axis: int, start: int | str = 0, end: int | str = LAST, step: int = 1) -> str:
        """`source[start:end:step]` along an axis; bounds are numbers, or names of tensors of one."""
        bounds = [bound if isinstance(bound, str) else np.array([bound]) for bound in (start, end)]
        steps = [np.array([step])] if step != 1 else []
        return self("Slice", source, *bounds, np.array([axis]), *steps)

    def shaped(self, source: str, *shape: int) -> str:
        """`source` in another shape, of which one size may be -1, and 0 leaves one."""
        return self("Reshape", source, np.array(shape, np.int64))

    def flushed(self, state: str) -> str:
        """A state without what is far below anything audible: it would decay into denormals, which take long to compute."""
        return self("Where", self("Less", self("Abs", state), np.float64(_SILENT)), np.float64(0.0), state)

    def named(self, source: str, name: str) -> None:
        self.nodes.append(helper.make_node("Identity", [source], [name], name=name))


class Stretch:
    """The lengths of the stretch at hand, as names of tensors of one: `intervals`, one more, and samples."""

    def __init__(self, g: Nodes, samples: str, interval: int, most: int) -> None:
        self.g, self.interval, self.most, self.samples = g, interval, most, samples
        self.intervals = g("Div", samples, np.array([interval]))
        self.edges = g("Add", self.intervals, np.array([1]))

    def smoothed(self, x: str, past: str, keep: float) -> tuple[str, str]:
        """One-pole followers (intervals, any) of x, and their last values (1, any)."""
        lag = np.subtract.outer(np.arange(1, self.most + 1), np.arange(self.most + 1))
        share = np.where(np.arange(self.most + 1) > 0, 1.0 - keep, 1.0)
        table = np.where(lag >= 0, keep ** np.maximum(lag, 0) * share, 0.0)
        both = np.array([0, 1])
        ends = self.g("Concat", self.intervals, self.edges, axis=0)
        y = self.g("MatMul", self.g("Slice", table, np.array([0, 0]), ends, both), self.g("Concat", past, x, axis=0))
        return y, self.g.cut(y, 0, -1)

    def filtered(self, x: str, past: str, system: System) -> tuple[list[str], str]:
        """A linear system's outputs, each (channels, intervals, N), of x (same shape), and its next state.

        `past` and the next state have the shape (channels, order).
        """
        g, n, order = self.g, self.interval, len(system.a)
        outputs = len(system.c)
        impulses, ring, drive, passage = system.over(n)
        all_, driven = g("Split", g("MatMul", x, np.hstack((impulses, drive))), np.array([outputs * n, order]), outputs=2, axis=2)
        lag = np.subtract.outer(-np.arange(self.most + 1), -np.arange(self.most + 1)).T
        powers = np.array([np.linalg.matrix_power(passage, m).T for m in range(self.most + 1)])
        blocks = np.where((lag.T >= 0)[:, :, None, None], powers[np.maximum(lag.T, 0)], 0.0)
        table = blocks.swapaxes(1, 2).reshape(2 * [(self.most + 1) * order])
        size = g("Mul", self.edges, np.array([order]))
        table = g("Slice", table, np.array([0, 0]), g("Concat", size, size, axis=0), np.array([0, 1]))
        pushed = g("Concat", past, g("Flatten", driven), axis=1)
        states = g("MatMul", pushed, table)
        begun = g.shaped(g.cut(states, 1, 0, -order), 0, -1, order)
        y = g("Add", all_, g("MatMul", begun, ring))
        last = g.flushed(g.cut(states, 1, -order))
        return (g("Split", y, outputs=outputs, axis=2) if outputs > 1 else [y]), last

    def following(self, x: str, past: str, keep: np.ndarray, *, rising: bool, per_sample: bool = False) -> tuple[str, str]:
        """Followers that are immediate in one direction, and keep a share of their distance in the other.

        In units of what has decayed, y = s + max(past, running maximum of (x - s)) with s the running sum of (1 - keep) x: the
        follower is a one-pole that starts anew wherever x is above it. One that rises slowly is the same, upside down.

        Args:
            x: (1, rows, time), the time samples or intervals.
            past: (1, rows, 1), as the second result.
            keep: Share kept, for all rows alike () or (rows, 1).
            rising: Slow is the rise, else the fall.
        """
        g, most = self.g, self.most * (self.interval if per_sample else 1)
        time = self.samples if per_sample else self.intervals
        exponent = np.arange(1, most + 1)
        up, down = (g.cut((keep * np.ones((1, 1, 1))) ** (sign * exponent), 2, 0, time) for sign in (-1.0, 1.0))
        grown = g("Mul", x, up)
        sum_ = g("CumSum", g("Mul", grown, 1.0 - keep), np.int64(2))
        above = g("Sub", sum_, grown) if rising else g("Sub", grown, sum_)
        past = g("Neg", past) if rising else past
        highest = self._highest(above, past) if per_sample else g("Max", _running(g, above, most), past)
        y = g("Mul", g("Sub" if rising else "Add", sum_, highest), down)
        return y, g.cut(y, 2, -1)

    def _highest(self, x: str, past: str) -> str:
        """The running maximum of `past` (1, 1, 1) and x (1, 1, samples): within intervals, then over their ends."""
        g = self.g
        within = _running(g, g.shaped(x, 1, -1, self.interval), self.interval)
        ends = g("Concat", past, g.shaped(g.cut(within, 2, -1), 1, 1, -1), axis=2)
        before = g.cut(_running(g, ends, self.most + 1), 2, 0, -1)
        return g.shaped(g("Max", within, g.shaped(before, 1, -1, 1)), 1, 1, -1)


class System:
    """A linear system s' = a s + b x, y = c s + d x: one input, `len(c)` outputs."""

    def __init__(self, a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> None:
        self.a, self.b, self.c, self.d = a, b, c, d

    @classmethod
    def of_section(cls, section: np.ndarray) -> System:
        """A biquad section (5,), see `fxlab.audio.biquad`."""
        b0, b1, b2, a1, a2 = section
        a, b = np.array([[-a1, 1.0], [-a2, 0.0]]), np.array([b1 - a1 * b0, b2 - a2 * b0])
        return cls(a, b, np.array([[1.0, 0.0]]), np.array([b0]))

    def times(self, factor: float) -> System:
        """The same with its outputs multiplied."""
        return System(self.a, self.b, factor * self.c, factor * self.d)

    def then(self, other: System) -> System:
        """This one and, fed by it, another one, with the outputs of both."""
        corner = np.outer(other.b, self.c[0])
        a = np.block([[self.a, np.zeros_like(corner.T)], [corner, other.a]])
        b = np.concatenate((self.b, other.b * self.d[0]))
        c = np.block([[self.c, np.zeros((1, len(other.a)))], [other.d[:, None] * self.c, other.c]])
        return System(a, b, c, np.concatenate((self.d, other.d * self.d[0])))

    def over(self, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """For n samples, to be multiplied from the right: input to outputs (n, outputs n), state to outputs (order, outputs n),
        input to state (n, order); and the state's own passage (order, order)."""
        powers = [np.eye(len(self.a))]
        for _ in range(n):
            powers.append(self.a @ powers[-1])
        ring = np.array([self.c @ power for power in powers[:n]])  # (n, outputs, order)
        driven = np.array([power @ self.b for power in powers[:n]])  # (n, order)
        impulse = np.concatenate((self.d[None], ring[:-1] @ self.b))  # (n, outputs)
        lag = np.subtract.outer(np.arange(n), np.arange(n)).T  # by input and output
        impulses = np.where(lag[:, None] >= 0, impulse.T[:, np.maximum(lag, 0)].swapaxes(0, 1), 0.0)
        return impulses.reshape(n, -1), ring.transpose(2, 1, 0).reshape(len(self.a), -1), driven[::-1], powers[n]


def _running(g: Nodes, x: str, most: int) -> str:
    """The running maximum over the last axis of x (1, rows, at most `most`)."""
    return g("MaxPool", x, kernel_shape=[most], pads=[most - 1, 0])
