"""What blocks need in memory: scratch of DSP (other people's too) and of fused networks, tensors of graphs."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from fxlab.effects.chain import Chain
from fxlab.effects.processor import Processor
from fxlab.effects.registry import effect
from fxlab.engines.loader import processor_of
from fxlab.engines.onnx_graph import streaming_graph
from fxlab.formats.card import foreign_card
from fxlab.models.model import Model
from fxlab.models.precision import PRECISIONS, rounded
from fxlab.models.stack_config import recurrent
from fxlab.models.tcn_config import SIZES
from fxlab.services.bench import memory as bench_memory


class Line:
    """A plug-in's own helper."""

    def __init__(self):
        self.table = np.zeros(30_000, np.float32)
        self.shared = self.table[10:]


class Foreign(Processor):
    def _allocate(self):
        self._state["s"] = np.zeros((1, 100), np.float32)
        self.line = Line()
        self.scratch = [np.zeros(20_000, np.float32)]
        self.elsewhere = np.random.default_rng(0)

    def _run(self, block, out):
        out[:] = block


def test_scratch_of_a_third_party_effect_is_counted_once():
    processor = Foreign()
    processor.prepare(48_000, 1, 64)
    held = 4 * (30_000 + 20_000)
    assert held <= bench_memory.block_bytes(processor, 64) < held + 4096
    assert bench_memory.state_bytes(processor) == 400


def test_and_so_it_is_within_a_chain():
    chain = Chain([Foreign(), Foreign()])
    chain.prepare(48_000, 1, 64)
    assert bench_memory.block_bytes(chain, 64) >= 2 * 4 * (30_000 + 20_000)


def test_activations_of_a_graph_by_hand():
    """dry (1, 1, n) -> a = 4 channels -> b = a + a -> wet = 1 channel: a and b are alive together, then b and wet."""
    weights = [numpy_helper.from_array(np.ones(shape, np.float32), name) for name, shape in (("w", (4, 1, 1)), ("v", (1, 4, 1)))]
    nodes = [
        helper.make_node("Conv", ["dry", "w"], ["a"]),
        helper.make_node("Add", ["a", "a"], ["b"]),
        helper.make_node("Conv", ["b", "v"], ["wet"]),
    ]
    audio = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["channels", 1, "frames"]) for name in ("dry", "wet")]
    model = helper.make_model(helper.make_graph(nodes, "g", audio[:1], audio[1:], weights))
    assert bench_memory.activation_bytes(model, 100) == 4 * 100 * (4 + 4)


def test_memory_of_a_dsp_block_is_counted():
    class Scratch(Processor):
        def _allocate(self):
            self._state["s"] = np.zeros((1, 100), np.float32)

        def _run(self, block, out):
            temporary = np.zeros(50_000, np.float64)
            out[:] = block + temporary[0]

    processor = Scratch()
    processor.prepare(48_000, 1, 64)
    assert bench_memory.state_bytes(processor) == 400
    assert bench_memory.block_bytes(processor, 64) == pytest.approx(400_000, rel=0.05)
    kernel = effect("bitcrusher").processor("numba")
    kernel.prepare(48_000, 1, 64)
    assert bench_memory.block_bytes(kernel, 64) < 8192, "the kernel allocates nothing to speak of"


def network(config):
    weights = {name: np.full(shape, 0.1, np.float32) for name, shape in config.weight_shapes().items()}
    return Model(config, weights, foreign_card(config, 48_000, "test", {}))


@pytest.mark.parametrize("config", [SIZES["nano"], recurrent("gru", 16)])
def test_what_depends_on_weights_alone_is_no_activation(config):
    """Gates in another order and unfolded weights are made once, when a runtime loads a file."""
    found = [rounded(network(config), precision) for precision in PRECISIONS]
    graphs = [streaming_graph(m.config, m.weights, p) for m, p in zip(found, PRECISIONS, strict=True)]
    needed = {bench_memory.activation_bytes(graph, 64) for graph in graphs}
    widest = 16 * 64 * 4 if config.kind == "stack" else 2 * 4 * (64 + 1022) * 4
    assert len(needed) == 1 and widest / 2 <= needed.pop() < 4 * widest + 30_000


def test_scratch_of_a_fused_network_is_what_prepare_makes():
    wide, narrow = (processor_of(network(recurrent("lstm", hidden)), "fused") for hidden in (64, 16))
    for processor in (wide, narrow):
        processor.prepare(48_000, 1, 128)
    blocks = 3 * 128 * 4  # dry, finite, wet
    for processor, hidden in ((wide, 64), (narrow, 16)):
        assert blocks / 2 <= bench_memory.fused_block_bytes(processor, 128) < blocks + 128 * hidden * 8 * 4 + 8192
        assert processor.max_block == 128 and bench_memory.state_bytes(processor) >= 2 * 4 * hidden
    assert bench_memory.block_bytes(wide, 128) - bench_memory.fused_block_bytes(wide, 128) >= 4 * 64 * 64 * 4, "the weights"
