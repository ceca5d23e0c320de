"""The whole bench on real processors: what it reports is checked against what can be computed another way."""

import csv
import dataclasses
import json

import numpy as np
import pytest

from fxlab.effects.processor import apply
from fxlab.effects.registry import effect
from fxlab.engines.loader import open_processor
from fxlab.engines.registry import NETWORK_ENGINES
from fxlab.errors import CheckError, InputError, MissingError, OutputError, UsageError
from fxlab.formats.plain_json import text_of
from fxlab.metrics.quality import esr
from fxlab.metrics.timing import LatencyStats
from fxlab.models import checkpoint
from fxlab.models.model import describe
from fxlab.models.tcn import TCN
from fxlab.models.tcn_config import SIZES
from fxlab.services import clip as shipped_clip
from fxlab.services.bench import effects as bench
from fxlab.services.bench import figures as bench_figures
from fxlab.services.bench import peers as bench_peers
from fxlab.services.bench.session import CLIP
from fxlab.settings import BenchSettings, EffectSettings

SETTINGS = BenchSettings(buffers=[64, 256], runs=2)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A checkpoint of a nano network with random weights that claims to copy the bitcrusher at 6 bits."""
    import torch

    torch.manual_seed(3)
    network = TCN(SIZES["nano"])
    card = {
        "format": checkpoint.CARD_FORMAT,
        "model": describe(network.config),
        "sample_rate_hz": 48_000,
        "receptive_field": network.receptive_field,
        "latency": 0,
        "parameters_count": sum(p.numel() for p in network.parameters()),
        "macs_per_sample": network.config.macs_per_sample,
        "effect": [{"name": "bitcrusher", "parameters": {"bits": 6}}],
    }
    path = tmp_path_factory.mktemp("model") / "crush.safetensors"
    checkpoint.save(path, network, card)
    return path


def measured(*effects, **settings):
    return bench.run(bench.Request(effects=effects, settings=SETTINGS, budget_s=0.05, **settings))


@pytest.fixture(scope="module")
def result(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("out")
    gates = ["rtf<1000", "esr<1e-9", "onnx:p99<1ns"]
    effects = EffectSettings("bitcrusher", set={"bits": 6}), EffectSettings(str(model))
    return measured(*effects, gates=gates, csv=folder / "cells.csv", plot=folder / "cells.png"), folder


def test_every_effect_engine_and_buffer_is_a_cell(result):
    found, _ = result
    expected = {
        (name, engine, buffer)
        for name, engines in (("bitcrusher", ("numpy", "numba")), ("crush", NETWORK_ENGINES))
        for engine in engines
        for buffer in (64, 256)
    }
    assert {(c.effect, c.engine, c.buffer) for c in found.cells} == expected and len(found.cells) == len(expected)


def test_figures_follow_from_the_times(result):
    for cell in result[0].cells:
        again = LatencyStats.of(cell.times_s * 1e9, cell.buffer, 48_000)
        for name, value in dataclasses.asdict(again).items():
            assert getattr(cell.stats, name) == (value if value is None else pytest.approx(value, rel=1e-9, abs=1e-15)), name
        assert cell.stats.blocks >= 200 and cell.runs == 2
        assert cell.rtf.low <= cell.rtf.median <= cell.rtf.high
        assert cell.stats.p50_s <= cell.stats.p95_s <= cell.stats.p99_s <= cell.stats.max_s


def test_engine_facts(result, model):
    network = TCN(SIZES["nano"])
    for engine in result[0].engines:
        if engine.neural:
            assert engine.parameter_count == sum(p.numel() for p in network.parameters()) == 842
            assert engine.weight_bytes == 4 * 842 and engine.macs_per_sample == network.config.macs_per_sample
            assert engine.file_bytes == model.stat().st_size
            held = 4 * sum(a * b for a, b in network.state_shapes().values())
            assert engine.state_bytes >= held if engine.engine == "fused" else engine.state_bytes == held
        else:
            assert engine.weight_bytes is engine.file_bytes is None and engine.parameters["bits"] == 6
        assert engine.cost.per_call_s >= 0 and engine.cost.per_frame_s >= 0
        assert engine.load_s > 0 and engine.cold_s > 0


def test_quality_is_that_of_the_network_against_its_target(result, model):
    audio, rate = shipped_clip.load_clip(CLIP).at(48_000)
    target = apply(effect("bitcrusher").processor(bits=6), audio, rate)
    output = apply(open_processor(str(model), engine="torch").processor, audio, rate)
    dsp, network = result[0].quality
    assert network.likeness.esr == pytest.approx(esr(target, output), rel=1e-3)
    assert network.target == "bitcrusher, bits 6" and dsp.likeness is None
    assert network.target_character == dsp.character
    assert network.thd_difference_db == pytest.approx(network.character.thd_db - dsp.character.thd_db)


def test_json_is_plain_and_complete(result):
    document = json.loads(text_of(result[0].to_json()))
    names = {"fxlab_bench", "machine", "setup", "engines", "cells", "quality", "peers", "gates", "skipped", "html"}
    assert set(document) == names
    assert document["machine"]["versions"]["numpy"] == np.__version__ and document["setup"]["runs"] == 2
    for cell in document["cells"]:
        assert {"effect", "engine", "buffer", "rtf", "rtf_ci", "p50_s", "p95_s", "p99_s", "p999_s", "max_s"} <= set(cell)
        assert {"mean_s", "std_s", "mad_s", "misses", "deadline_s", "samples_per_s", "times_realtime"} <= set(cell)
        assert {"warm_up", "histogram"} <= set(cell)
        for name in ("p50", "p99"):
            assert cell[f"{name}_ci_s"][0] <= cell[f"{name}_s"] <= cell[f"{name}_ci_s"][1], "an interval holds its figure"
        assert sum(cell["histogram"]["counts"]) == cell["blocks"]
        assert len(cell["histogram"]["edges_s"]) == len(cell["histogram"]["counts"]) + 1


def test_csv_has_a_row_per_cell(result):
    found, folder = result
    with open(folder / "cells.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(found.cells)
    for row, cell in zip(rows, found.cells, strict=True):
        assert (row["effect"], row["engine"], int(row["buffer"])) == (cell.effect, cell.engine, cell.buffer)
        assert float(row["p99"]) == cell.stats.p99_s and float(row["rtf"]) == cell.rtf.median
        assert bool(row["esr"]) == (cell.effect == "crush")


def test_plot_is_a_picture(result):
    data = (result[1] / "cells.png").read_bytes()
    assert data.startswith(b"\x89PNG") and data.endswith(b"IEND\xaeB`\x82") and len(data) > 20_000
    assert len(list(result[1].iterdir())) == 2, "temporary files are gone"


def test_gates_are_tried_and_required(result):
    found, _ = result
    assert [outcome.passed for outcome in found.gates] == [True, False, False]
    networks = 2 * len(NETWORK_ENGINES)
    assert [outcome.checked for outcome in found.gates] == [4 + networks, networks, 2]
    with pytest.raises(CheckError, match="esr = .* limit 1e-09") as failed:
        bench.require_gates(found)
    assert failed.value.exit_code == 5 and "crush/onnx at 64: p99" in failed.value.message
    bench.require_gates(dataclasses.replace(found, gates=found.gates[:1]))


def test_realtime_buffer_is_the_smallest_from_which_all_keep_up(result):
    cell = result[0].cells[0]

    def report(buffer, share):
        return dataclasses.replace(cell, buffer=buffer, stats=dataclasses.replace(cell.stats, deadline_s=1.0, p99_s=share))

    def smallest(*shares):
        cells = [report(2**i, share) for i, share in enumerate(shares)]
        return bench_figures.smallest_realtime(cells)

    assert smallest(0.5, 0.5, 0.5) == 1
    assert smallest(3.0, 1.0, 0.5, 0.4) == 4
    assert smallest(0.5, 2.0, 0.5, 0.4) == 4, "one that fails in between is no real-time size"
    assert smallest(0.5, 0.5, 2.0) is None


def test_engines_can_be_chosen(model):
    found = measured(EffectSettings("bitcrusher"), EffectSettings(str(model)), engines=["numba", "onnx"])
    assert [(e.effect, e.engine) for e in found.engines] == [("bitcrusher", "numba"), ("crush", "onnx")]
    only = measured(EffectSettings("bitcrusher"), EffectSettings(str(model)), engines=["numba"])
    assert [e.effect for e in only.engines] == ["bitcrusher"] and only.skipped == ["crush doesn't run on numba"]


def test_same_effect_twice_keeps_two_names():
    found = measured(EffectSettings("bitcrusher", "numba"), EffectSettings("bitcrusher", "numba", {"bits": 3}))
    assert [e.effect for e in found.engines] == ["bitcrusher", "bitcrusher (2)"]
    assert [q.character.thd_db for q in found.quality][0] != found.quality[1].character.thd_db


def test_audio_of_any_rate_and_width(tmp_path, model):
    soundfile = pytest.importorskip("soundfile")
    path = tmp_path / "take.wav"
    soundfile.write(path, np.random.default_rng(0).uniform(-0.5, 0.5, (30_000, 3)), 22_050)
    found = measured(EffectSettings("bitcrusher", "numba"), EffectSettings(str(model), "onnx"), input=path)
    assert [e.sample_rate_hz for e in found.engines] == [22_050, 48_000]
    assert {c.stats.deadline_s for c in found.cells if c.effect == "bitcrusher"} == {64 / 22_050, 256 / 22_050}


@pytest.mark.parametrize("samples", [np.zeros(5000), np.full(5000, 0.5), np.full(1, 0.3)])
def test_silence_dc_and_one_sample_are_audio_too(tmp_path, model, samples):
    soundfile = pytest.importorskip("soundfile")
    path = tmp_path / "odd.wav"
    soundfile.write(path, samples, 48_000)
    found = measured(EffectSettings(str(model), "onnx"), input=path)
    assert found.setup["audio_silent"] == (not samples.any())
    if samples.any():
        assert found.quality[0].likeness.verdict == "failed"
    else:
        assert found.quality[0].likeness is None  # of nothing there is no likeness
    text_of(found.to_json())


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        ({"effects": [EffectSettings("saturatr")]}, UsageError),
        ({"effects": [EffectSettings("nothing.onnx")]}, InputError),
        ({"engines": ["cuda"]}, UsageError),
        ({"effects": [EffectSettings("bitcrusher")], "engines": ["onnx"]}, UsageError),
        ({"gates": ["p99<1"]}, UsageError),
        ({"settings": BenchSettings(buffers=[0])}, UsageError),
        ({"settings": BenchSettings(buffers=[])}, UsageError),
        ({"settings": BenchSettings(buffers=[1.5])}, UsageError),
        ({"settings": BenchSettings(runs=0)}, UsageError),
        ({"settings": BenchSettings(gc="maybe")}, UsageError),
    ],
)
def test_what_cannot_be_measured_is_refused(request_, error):
    with pytest.raises(error) as refused:
        bench.run(bench.Request(**{"effects": [EffectSettings("bitcrusher", "numba")], **request_}))
    assert refused.value.hint


def test_files_are_not_overwritten_unasked(tmp_path):
    path = tmp_path / "there.csv"
    path.write_text("old")
    with pytest.raises(UsageError, match="exists"):
        measured(EffectSettings("bitcrusher", "numba"), csv=path)
    assert path.read_text() == "old"
    measured(EffectSettings("bitcrusher", "numba"), csv=path, force=True)
    assert path.read_text().startswith("effect,engine,buffer")
    with pytest.raises(OutputError):
        measured(EffectSettings("bitcrusher", "numba"), csv=path / "below.csv")


def test_peers_need_pedalboard(monkeypatch):
    monkeypatch.setattr(bench_peers.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingError, match="isn't installed") as missing:
        measured(EffectSettings("bitcrusher", "numba"), peers=True)
    assert missing.value.exit_code == 4 and "pip install" in missing.value.hint


def test_peers_do_the_same_work():
    """Both sides of a contest must make the same sound, or the ratio means nothing."""
    pytest.importorskip("pedalboard")
    contests = bench_peers._contests(shipped_clip.load_clip(CLIP).audio, 48_000)
    differences = {name: esr(theirs(), ours()) for name, (_, ours, theirs) in contests.items()}
    assert differences["bitcrusher"] == 0
    assert differences["saturator"] < 0.05, "fxlab's also takes off DC below 20 Hz, and its one-pole filter is another design"


@pytest.mark.parametrize("engine", ["torch", "torchscript"])
def test_activations_are_what_torch_records(model, engine):
    """torch's own record of allocations over one block, against what watching the operators tells."""
    import torch

    from fxlab.services.bench.tensors import peak_bytes

    processor = open_processor(str(model), engine=engine).processor
    processor.prepare(48_000, 1, 256)
    block = np.zeros((1, 256), np.float32)
    for _ in range(3):
        processor.process(block, block.copy())
    with torch.autograd.profiler.profile(profile_memory=True, use_kineto=False) as recorded:
        processor.process(block, block.copy())
    ends = sorted((event.time_range.end, event.self_cpu_memory_usage) for event in recorded.function_events)
    peak = np.cumsum([size for _, size in ends]).max()
    assert peak_bytes(processor, 256) == pytest.approx(peak, rel=0.03)
