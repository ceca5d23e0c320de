"""The models that ship: small, complete cards, reproducible profiles, and as good as README says on takes they never saw."""

from pathlib import Path

import numpy as np
import pytest

from fxlab import profiles
from fxlab.audio.files import read
from fxlab.effects.processor import apply
from fxlab.effects.registry import effect
from fxlab.engines.golden import parity
from fxlab.engines.loader import SHIPPED, model_path, open_processor
from fxlab.metrics.quality import esr
from fxlab.models.model import describe
from fxlab.models.registry import architecture

LIMITS = {"tcn": 0.001, "tcn-nano": 0.01, "lstm": 0.01, "gru": 0.01, "clipper-nano": 0.001, "bitcrusher-nano": 0.04}
HELD_OUT = ("celestial_guitar.flac", "jazz_trot_guitar.flac")


def test_all_assets_together_stay_small():
    folder = model_path("tcn").parent
    assert sum(path.stat().st_size for path in folder.iterdir() if path.is_file()) < 12e6
    assert {path.name for path in folder.glob("*.onnx")} == set(SHIPPED.values())


@pytest.mark.parametrize("name", SHIPPED)
def test_cards_say_where_a_model_comes_from(name):
    card = open_processor(name).card
    assert card["licence"] == "MIT" and card["seed"] == 0 and card["sample_rate_hz"] == 48_000
    assert card["metrics"]["split"] == "test" and card["metrics"]["worst_esr"] < LIMITS[name]
    trained_on, tested_on = (set(card["data"]["sources"][split]) for split in ("train", "test"))
    assert set(HELD_OUT) <= tested_on and not trained_on & tested_on
    profile = profiles.load(card["profile"])
    config = architecture(profile.model.type).config(profile.model.size)
    assert card["model"] == describe(config)
    trained_with = card["training"]["settings"]
    settings = profile.train.for_network(getattr(config, "recurrent", False))
    assert {key: getattr(settings, key) for key in trained_with} == trained_with
    (copied,), (stage,) = card["effect"], profile.effects
    assert copied["name"] == stage.name and copied["parameters"] == effect(stage.name).resolve(stage.set)
    assert 0 <= card["metrics"]["predicted_mushra"] <= 100 and len(card["metrics"]["aliasing_db"]) == 3


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("take", HELD_OUT)
def test_held_out_takes_are_within_the_promised_error(name, take, shared_audio):
    dry, rate = read(shared_audio / "di" / take)
    model = open_processor(name)
    (copied,) = model.card["effect"]
    target = apply(effect(copied["name"]).processor(**copied["parameters"]), dry, rate)
    assert esr(target, apply(model.processor, dry, rate)) < LIMITS[name]


@pytest.mark.parametrize("name", SHIPPED)
def test_engines_agree_on_a_real_take(name, shared_audio):
    dry, rate = read(shared_audio / "di" / HELD_OUT[1])
    take = np.ascontiguousarray(dry[0, 5 * rate : 7 * rate])
    opened = open_processor(name)
    assert opened.engine == "fused"
    for engine in ("onnx", "torch", "torchscript"):
        assert parity(opened.processor, open_processor(name, engine=engine).processor, take, rate) <= 1e-5


@pytest.mark.parametrize("name", SHIPPED)
def test_silence_stays_silent(name):
    out = apply(open_processor(name).processor, np.zeros(48_000, np.float32), 48_000)
    assert np.abs(out).max() < 1e-3 and np.ptp(out) < 1e-5


def test_the_clip_is_there():
    clip = Path(model_path("tcn")).parent / "clip.flac"
    audio, rate = read(clip)
    assert rate == 48_000 and audio.shape[0] == 1 and 3 < audio.shape[1] / rate < 10
