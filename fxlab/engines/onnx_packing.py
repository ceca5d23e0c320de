"""Weights of reduced precision inside an ONNX graph: stored small, unfolded to float32 by the graph itself.

All weights whose rows are alike lie in one tensor, one below the other, which a Cast, for int8 a Mul by the rows' scales,
and a Split turn into the float32 weights. Their inputs are constants, so a runtime does this once, when it loads the file
(a DequantizeLinear, which ONNX Runtime keeps for its integer kernels, would run with every block). Nodes for every single
weight would take more room than rounding small ones saves.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from fxlab.models.precision import from_int8, to_int8

_STORED, _SCALE, _HEIGHTS = ".stored", ".scale", ".heights"


def packed(weights: Mapping[str, np.ndarray], precision: str) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """Nodes that give weights by their names, and the constants they read.

    Args:
        weights: float32, of those that the precision rounds and rounded to it (`fxlab.models.precision`).
        precision: "fp16" or "int8".
    """
    alike: dict[tuple[int, ...], list[str]] = {}
    for name, array in weights.items():
        alike.setdefault(array.shape[1:], []).append(name)
    nodes, constants = [], []
    for number, names in enumerate(alike.values()):
        at, rows = f"packed{number}", np.concatenate([weights[name] for name in names])
        stored, scales = to_int8(rows) if precision == "int8" else (rows.astype(np.float16), None)
        constants.append(numpy_helper.from_array(stored, at + _STORED))
        unfolded = f"{at}.float"
        nodes.append(helper.make_node("Cast", [at + _STORED], [unfolded], to=TensorProto.FLOAT))
        if scales is not None:
            constants.append(numpy_helper.from_array(scales, at + _SCALE))
            nodes.append(helper.make_node("Mul", [unfolded, at + _SCALE], [at]))
            unfolded = at
        heights = np.array([len(weights[name]) for name in names])
        constants.append(numpy_helper.from_array(heights, at + _HEIGHTS))
        nodes.append(helper.make_node("Split", [unfolded, at + _HEIGHTS], names, name=at, axis=0))
    return nodes, constants


def unpacked(graph: onnx.GraphProto) -> dict[str, np.ndarray]:
    """All constants of a graph by name, and what was packed as the float32 weights that it stands for.

    Raises:
        ValueError: Packed weights that don't fit together.
    """
    held = {constant.name: numpy_helper.to_array(constant) for constant in graph.initializer}
    for node in graph.node:
        stored = held.get(node.name + _STORED) if node.op_type == "Split" else None
        if stored is None:
            continue
        scales, heights = held.get(node.name + _SCALE), held.get(node.name + _HEIGHTS, np.zeros(0))
        fits = scales is None or scales.shape == (len(stored), *[1] * (stored.ndim - 1))
        if not fits or len(heights) != len(node.output) or heights.sum() != len(stored):
            raise ValueError("packed weights that don't fit together")
        rows = stored.astype(np.float32) if scales is None else from_int8(stored, scales)
        held |= zip(node.output, np.split(rows, np.cumsum(heights)[:-1]), strict=True)
    return held
