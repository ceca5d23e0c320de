"""What an ONNX file from anywhere may hold before ONNX Runtime gets it, which would run any graph: for hours, in all memory.

So every file is looked at (`require_plain`): standard operators that fxlab's exporters write, no functions, nothing in other
files, tensors as large as they say. And no file's graph is run as it is: of a network only the weights are taken, from which
fxlab writes the graph itself, and an instrument's must be the one that fxlab writes (`same_graph`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import onnx
from google.protobuf.message import Message
from onnx import helper

_NETWORKS = """Add Cast Clip Concat Conv Exp Expand GRU Gather HardSwish Identity LSTM LeakyRelu Mul Relu Shape Sigmoid Slice
Softsign Split Squeeze Tanh Transpose Unsqueeze"""
_ACE = """Abs Cos CumSum Div Flatten Floor Less Log Loop MatMul Max MaxPool Min Neg Pow Range ReduceMax ReduceMean ReduceSum
Reshape Round ScatterElements Sin Sqrt Sub Where"""
_INSTRUMENTS = "Gemm Greater Not"
OPERATORS = frozenset(" ".join((_NETWORKS, _ACE, _INSTRUMENTS)).split())
"""Those that fxlab's exporters write."""

_HOLD = ("raw_data", "float_data", "int32_data", "int64_data", "double_data")
_REFUSED = (onnx.FunctionProto, onnx.TrainingInfoProto, onnx.SparseTensorProto)
_COUNTED = (onnx.TensorProto.INT64, onnx.TensorProto.INT32, onnx.TensorProto.BOOL)


def require_plain(model: onnx.ModelProto, traced: bool = False) -> None:
    """Raises `ValueError` for a file that holds what no exporter of fxlab writes.

    Args:
        traced: It is of another package's network, in which any standard operator may stand: the graph is traced anew.
    """
    if any(opset.domain not in ("", "ai.onnx") for opset in model.opset_import):
        raise ValueError("operators of another domain")
    _require_plain(model, traced, within_loop=False)


def same_graph(one: onnx.ModelProto, other: onnx.ModelProto) -> bool:
    """Whether two graphs differ in nothing but the values of their weights and the names of their constants."""
    return ends_of(one) == ends_of(other) and _outline(one.graph, {}) == _outline(other.graph, {})


def ends_of(model: onnx.ModelProto) -> list[list[tuple]]:
    """Name, type and shape of a graph's inputs and of its outputs."""
    return [[(one.name, _shape(one)) for one in ends] for ends in (model.graph.input, model.graph.output)]


def _require_plain(part: Message, traced: bool, within_loop: bool) -> None:
    if isinstance(part, _REFUSED):
        raise ValueError(f"a {type(part).__name__}")
    if isinstance(part, onnx.TensorProto):
        return _require_whole(part)
    if isinstance(part, onnx.NodeProto):
        known = onnx.defs.has(part.op_type) if traced else part.op_type in OPERATORS
        if not known or part.domain not in ("", "ai.onnx"):
            raise ValueError("an operator that no exporter of fxlab writes")
        if any(attribute.HasField("g") or attribute.graphs for attribute in part.attribute):
            if part.op_type != "Loop" or within_loop:
                raise ValueError("a graph within a graph")
            within_loop = True
    for inner in _messages(part):
        _require_plain(inner, traced, within_loop)


def _messages(part: Message) -> Iterator[Message]:
    for field, value in part.ListFields():
        if field.message_type:
            yield from [value] if isinstance(value, Message) else value


def _require_whole(tensor: onnx.TensorProto) -> None:
    """Raises `ValueError` for a tensor that lies in another file, or has other than the values that its shape says."""
    if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
        raise ValueError("a tensor in another file")
    count = math.prod(tensor.dims)
    bytes_each = helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize if tensor.HasField("raw_data") else 1
    held = max(len(getattr(tensor, name)) for name in _HOLD)
    if min(tensor.dims, default=0) < 0 or held != count * bytes_each:
        raise ValueError("a tensor of another size than it says")


def _outline(graph: onnx.GraphProto, outer: dict[str, tuple]) -> list[tuple]:
    """The nodes in order, in which a constant is what it is and not what it is called."""
    known = outer | {tensor.name: _tensor(tensor) for tensor in graph.initializer}
    return [
        (
            *(node.op_type, [known.get(name, name) for name in node.input], list(node.output)),
            sorted(repr((one.name, _attribute(one, known))) for one in node.attribute),
        )
        for node in graph.node
    ]


def _attribute(attribute: onnx.AttributeProto, known: dict[str, tuple]) -> Any:
    value = helper.get_attribute_value(attribute)
    if isinstance(value, onnx.GraphProto):
        return _outline(value, known)
    return _tensor(value) if isinstance(value, onnx.TensorProto) else value


def _tensor(tensor: onnx.TensorProto) -> tuple:
    """Type and shape, and the values that shapes and loops are made of."""
    return tensor.data_type, tuple(tensor.dims), tensor.raw_data if tensor.data_type in _COUNTED else b""


def _shape(end: onnx.ValueInfoProto) -> tuple:
    kind = end.type.tensor_type
    return kind.elem_type, *((size.dim_param or size.dim_value) for size in kind.shape.dim)
