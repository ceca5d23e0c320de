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

LIMITS = {"tcn": 0.001, "tcn-nano": 0.01}
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
    assert profile.model.size == card["model"]["size"]
    trained_with = card["training"]["settings"]
    assert {key: getattr(profile.train, key) for key in trained_with} == trained_with
    assert card["effect"][0]["name"] == "saturator"
    assert card["effect"][0]["parameters"] == effect("saturator").resolve({})


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("take", HELD_OUT)
def test_held_out_takes_are_within_the_promised_error(name, take, shared_audio):
    dry, rate = read(shared_audio / "di" / take)
    target = apply(effect("saturator").processor(), dry, rate)
    assert esr(target, apply(open_processor(name).processor, dry, rate)) < LIMITS[name]


@pytest.mark.parametrize("name", SHIPPED)
def test_engines_agree_on_a_real_take(name, shared_audio):
    dry, rate = read(shared_audio / "di" / HELD_OUT[1])
    take = np.ascontiguousarray(dry[0, 5 * rate : 7 * rate])
    for engine in ("torch", "torchscript"):
        assert parity(open_processor(name).processor, open_processor(name, engine=engine).processor, take, rate) <= 1e-5


@pytest.mark.parametrize("name", SHIPPED)
def test_silence_stays_silent(name):
    out = apply(open_processor(name).processor, np.zeros(48_000, np.float32), 48_000)
    assert np.abs(out).max() < 1e-3 and np.ptp(out) < 1e-5


def test_the_clip_is_there():
    clip = Path(model_path("tcn")).parent / "clip.flac"
    audio, rate = read(clip)
    assert rate == 48_000 and audio.shape[0] == 1 and 3 < audio.shape[1] / rate < 10
