"""A trained ACE is exported, opened, shown and rendered with like any model, and becomes a profile."""

import json

import numpy as np
import onnx
import pytest
import soundfile
import torch

from fxlab import profiles
from fxlab.audio.testsignals import synthesize
from fxlab.console.effects import show_description
from fxlab.console.export import show_export
from fxlab.effects.processor import apply
from fxlab.effects.registry import effect
from fxlab.engines.golden import golden_input_of, unpack
from fxlab.engines.loader import engines_of, open_processor, processor_of, read_model
from fxlab.engines.onnx_engine import read_onnx
from fxlab.errors import CheckError, InputError, UsageError
from fxlab.formats.card import foreign_card
from fxlab.models import checkpoint
from fxlab.models.ace import Ace
from fxlab.models.ace_config import AceConfig, settings_of
from fxlab.services import effects, export
from fxlab.services.render import service as render
from fxlab.settings import EffectSettings

RATE = 8000


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(export, "_PARITY_S", 0.6)


def trained(folder, config=None, seed=3, **card):
    config = config or AceConfig(RATE, 16, latency_ms=4)
    torch.manual_seed(seed)
    network = Ace(config)
    for free in network.parameters():
        torch.nn.init.normal_(free)
    path = folder / "it.safetensors"
    about = foreign_card(config, config.sample_rate_hz, "training", {}) | {"latency": config.latency}
    checkpoint.save(path, network, about | card)
    return path


def test_it_becomes_onnx_and_is_opened_by_every_engine(tmp_path):
    source = trained(tmp_path)
    result = export.run(export.Request(source))
    assert result.output == tmp_path / "it.onnx" and result.parity <= 1e-5
    assert engines_of(str(result.output)) == ("fused", "onnx", "torch") == engines_of(str(source))
    audio = np.stack([synthesize(0.3, RATE, seed=5), synthesize(0.3, RATE, seed=6)])
    model = read_model(source)[0]
    ace = effect("ace").processor(**settings_of(model.config, model.weights))
    wanted = apply(ace, audio, RATE)
    for path in (source, result.output):
        assert open_processor(str(path)).engine == "fused"
        for engine in engines_of(str(path)):
            processor = open_processor(str(path), engine=engine).processor
            np.testing.assert_allclose(apply(processor, audio, RATE), wanted, rtol=0, atol=1e-5)
            assert (processor.latency, processor.tail) == (ace.latency, ace.tail)
    show_export(result)


@pytest.mark.parametrize("format", ["torchscript", "nam", "rtneural"])
def test_formats_for_networks_refuse_it_and_say_what_is_possible(tmp_path, format):
    source = trained(tmp_path)
    with pytest.raises(UsageError, match=f"{format} can't hold an ACE") as refused:
        export.run(export.Request(source, format))
    assert "onnx and profile" in refused.value.hint
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_its_numbers_are_not_rounded(tmp_path, precision):
    with pytest.raises(UsageError, match="31 numbers stay"):
        export.run(export.Request(trained(tmp_path), precision=precision))


def test_a_golden_vector_is_heard_however_late_the_model(tmp_path):
    """At 192 kHz and 32 ms nothing comes out within 2048 samples."""
    result = export.run(export.Request(trained(tmp_path, AceConfig(192_000, 16, latency_ms=32))))
    _, card, vector = read_onnx(result.output)
    dry, wet = unpack(vector)
    assert len(dry) == 2048 + card["latency"] and card["latency"] > 6000
    assert np.abs(wet[:2048]).max() < 1e-6 and np.abs(wet[card["latency"] :]).max() > 1e-3


def test_golden_inputs_of_others_are_as_ever():
    assert len(golden_input_of({"latency": 0})) == 2048
    late = golden_input_of({"latency": 4_000_000})
    assert len(late) < 20_000 and np.array_equal(late[:10], golden_input_of({"latency": 10})[:10])


@pytest.mark.parametrize("change", [{"adapt": True}, {"time_constants": "synthdef", "tce_carrier": "highpassed"}])
@pytest.mark.parametrize("seed", [1, 2])
def test_it_becomes_a_profile(tmp_path, change, seed):
    source = trained(tmp_path, AceConfig(RATE, 16, **change), seed, licence="MIT", attribution='Some "one"\nname = 3 \u202e\x7f')
    result = export.run(export.Request(source, "profile", tmp_path / "my-ace.toml"))
    assert result.parity <= 1e-4 and "any rate" in result.notes[0]
    profile = profiles.load(result.output)
    (stage,) = profile.effects
    model = read_model(source)[0]
    values = settings_of(model.config, model.weights)
    assert stage.name == "ace" and stage.set.keys() == values.keys()
    for name, value in values.items():
        assert stage.set[name] == (value if isinstance(value, (bool, str)) else pytest.approx(value, rel=1e-5)), name
    assert "learnt" in profile.description and "# Licence: MIT" in result.output.read_text()
    audio = synthesize(0.5, RATE, seed=7)
    by_effect = apply(open_processor("ace", stage.set).processor, audio, RATE)
    np.testing.assert_allclose(by_effect, apply(processor_of(model, "fused"), audio, RATE), rtol=0, atol=1e-4)
    show_export(result)


def test_a_profile_that_plays_otherwise_is_not_written(tmp_path, monkeypatch):
    source, real = trained(tmp_path), export.profile_toml
    monkeypatch.setattr(export, "profile_toml", lambda model: real(model).replace("\noutput_db = ", "\noutput_db = 1"))
    with pytest.raises(CheckError):
        export.run(export.Request(source, "profile"))
    assert list(tmp_path.iterdir()) == [source]


def test_what_no_profile_can_hold(tmp_path):
    with pytest.raises(UsageError, match="16 single gains"):
        export.run(export.Request(trained(tmp_path, AceConfig(RATE, 16, single=True)), "profile"))
    with pytest.raises(UsageError, match="type 'tcn'"):
        export.run(export.Request(export.Path("tcn-nano"), "profile", tmp_path / "tcn.toml"))
    with pytest.raises(UsageError, match="no knobs") as refused:
        export.run(export.Request(trained(tmp_path), set={"mix": 1}))
    assert "profile" in refused.value.hint


@pytest.mark.parametrize("single", [False, True])
def test_its_values_are_shown(tmp_path, capsys, single):
    config = AceConfig(RATE, 16, single=single)
    source = trained(tmp_path, config)
    shown = effects.describe(str(source))
    model = read_model(source)[0]
    values = settings_of(config, model.weights)
    told = json.loads(json.dumps(shown.to_json()))["learnt"]
    assert len(told) == config.parameters_count
    assert told[0] == {"name": "highpass_hz", "value": values["highpass_hz"], "unit": "Hz"} | {
        "low": 20,
        "high": 1000,
        "help": effect("ace").parameters[0].help,
    }
    assert told[-1]["name"] == ("gain16_db" if single else "band8_db")
    gains = [row["value"] for row in told if row["name"].startswith(("gain", "band")) and row["unit"] == "dB"]
    raw = values["bands_db"] if single else [values[f"band{k}_db"] for k in range(1, 9)]
    assert np.ptp(np.subtract(gains, raw)) < 1e-9, "they are told without their mean"
    show_description(shown)
    out = capsys.readouterr().out
    assert "learnt" in out and f"{values['highpass_hz']:.6g}" in out and "20 .. 1000" in out


def test_files_of_other_rates_and_channels_in_a_chain(tmp_path):
    source = trained(tmp_path)
    out = export.run(export.Request(source)).output
    audio = 0.3 * np.random.default_rng(0).standard_normal((2205, 2))
    soundfile.write(tmp_path / "in.wav", audio, 22_050)
    chain = [EffectSettings(str(out)), EffectSettings("eq")]
    render.run(render.Request([tmp_path / "in.wav"], chain, tmp_path / "out.wav", tail="auto"))
    wet, rate_hz = soundfile.read(tmp_path / "out.wav")
    tail = open_processor(str(out)).processor
    tail.prepare(RATE, 1, 1)
    assert rate_hz == 22_050 and wet.shape[1] == 2 and np.abs(wet[:2205]).max() > 1e-4
    assert len(wet) >= 2205 + tail.tail * rate_hz / RATE


def test_hostile_headers_of_files_are_refused(tmp_path):
    out = export.run(export.Request(trained(tmp_path))).output
    config = read_onnx(out)[1]["model"]["config"]
    for change in ({"bands": 10**9}, {"sample_rate_hz": 0}, {"sample_rate_hz": 16_000}, {"latency_ms": []}, {"bands": 24}):
        graph = onnx.load(out)
        entry = next(entry for entry in graph.metadata_props if entry.key == "card")
        card = json.loads(entry.value)
        card["model"]["config"] = config | change
        entry.value = json.dumps(card)
        path = tmp_path / "hostile.onnx"
        path.write_bytes(graph.SerializeToString())
        for engine in ("auto", "onnx"):
            with pytest.raises(InputError):
                open_processor(str(path), engine=engine)
        checkpoint.save(tmp_path / "hostile.safetensors", Ace(AceConfig(RATE, 16)), card)
        if change != {"bands": 24}:  # whose weights are the same
            with pytest.raises(InputError):
                open_processor(str(tmp_path / "hostile.safetensors"))
