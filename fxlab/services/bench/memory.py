"""What an engine occupies: weights, memory kept between blocks, and what one block needs on top.

The last is measured for DSP and the fused engine (NumPy reports its arrays to tracemalloc) and for torch (`bench_tensors`).
ONNX Runtime doesn't tell, so for it the figure is worked out from the graph: the most bytes of intermediate tensors that are
needed at one time when its operators run in order and none in place.
"""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fxlab.effects.processor import Processor

if TYPE_CHECKING:
    import onnx


def state_bytes(processor: Processor) -> int:
    """Bytes of a prepared processor's whole state."""
    return sum(array.nbytes for array in processor.state().values())


def block_bytes(processor: Processor, frames: int) -> int:
    """Bytes of the scratch arrays a prepared DSP processor holds and of what one block of `frames` allocates on top."""
    block = np.zeros((processor.channels, frames), np.float32)
    out = np.empty_like(block)
    processor.process(block, out)  # so that whatever is made once is there
    tracing = tracemalloc.is_tracing()
    if not tracing:
        tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        processor.process(block, out)
        allocated = tracemalloc.get_traced_memory()[1] - before
    finally:
        if not tracing:
            tracemalloc.stop()
    held = sum(array.nbytes for array in _arrays(processor))
    return max(0, allocated) + max(0, held - state_bytes(processor))


def fused_block_bytes(processor: Processor, frames: int) -> int:
    """`block_bytes` of a network in NumPy's arrays, prepared anew: what it held before, and still holds, are its weights."""
    before = list(_arrays(processor))
    processor.prepare(processor.sample_rate_hz, processor.channels, processor.max_block)
    kept = {id(array) for array in before} & {id(array) for array in _arrays(processor)}
    return block_bytes(processor, frames) - sum(array.nbytes for array in before if id(array) in kept)


def network_graph(path: Path) -> onnx.ModelProto:
    """The streaming graph of a model file."""
    import onnx

    if path.suffix.lower() == ".onnx":
        return onnx.load_model_from_string(path.read_bytes())
    from fxlab.engines.loader import read_model
    from fxlab.engines.onnx_graph import streaming_graph

    model, _ = read_model(path)
    return streaming_graph(model.config, model.weights)


def activation_bytes(model: onnx.ModelProto, frames: int) -> int | None:
    """Peak bytes of a streaming graph's intermediate tensors and new states for mono blocks of `frames`.

    What depends on constants alone (weights put in order, or unfolded from a smaller precision) a runtime computes once and
    counts as weights. None when a tensor's shape can't be inferred.
    """
    import onnx

    sized = onnx.ModelProto()
    sized.CopyFrom(model)
    for value in sized.graph.input:
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param:
                dim.dim_value = frames if dim.dim_param == "frames" else 1
    for value in sized.graph.output:
        value.type.tensor_type.ClearField("shape")
    graph = onnx.shape_inference.infer_shapes(sized, data_prop=True).graph
    bytes_of = {value.name: _tensor_bytes(value) for value in [*graph.value_info, *graph.output]}
    last_use = {name: position for position, node in enumerate(graph.node) for name in node.input}
    kept = {value.name for value in graph.output}
    constant = {"", *(value.name for value in graph.initializer)}
    live = peak = 0
    for position, node in enumerate(graph.node):
        if constant.issuperset(node.input):
            constant.update(node.output)
            continue
        sizes = [bytes_of.get(name) for name in node.output]
        if None in sizes:
            return None
        live += sum(sizes)
        peak = max(peak, live)
        done = {name for name in node.input if last_use[name] == position and name not in kept | constant}
        live -= sum(bytes_of.get(name) or 0 for name in done)
    return peak


def _tensor_bytes(value: onnx.ValueInfoProto) -> int | None:
    tensor = value.type.tensor_type
    if not tensor.HasField("shape") or any(not dim.HasField("dim_value") for dim in tensor.shape.dim):
        return None
    import onnx

    return math.prod(dim.dim_value for dim in tensor.shape.dim) * onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type).itemsize


def _arrays(value: Any, seen: set[int] | None = None, modules: frozenset[str] = frozenset()) -> Iterator[np.ndarray]:
    """Every array that owns its memory and hangs on a processor, each once.

    Args:
        modules: Where the processors above were defined: an effect of someone else's keeps arrays in objects of its own.
    """
    seen = set() if seen is None else seen
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, np.ndarray):
        if value.base is None:
            yield value
        else:
            yield from _arrays(value.base, seen, modules)
        return
    home = type(value).__module__
    if isinstance(value, Processor):
        modules |= {home}
    if isinstance(value, dict):
        children = list(value.values())
    elif isinstance(value, (list, tuple)):
        children = list(value)
    elif (home.startswith("fxlab.") or home in modules) and hasattr(value, "__dict__"):
        # `_initial` is the copy that `reset` goes back to; a plug-in would simply write zeros.
        children = [child for name, child in vars(value).items() if name != "_initial"]
    else:
        return
    for child in children:
        yield from _arrays(child, seen, modules)
