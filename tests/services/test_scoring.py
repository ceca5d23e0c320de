"""What a card says of listeners and aliasing, on networks whose figures are known because they are the effect itself."""

import json

import numpy as np
import pytest

from fxlab.audio.resampling import resample
from fxlab.audio.testsignals import synthesize
from fxlab.effects.chain import Chain
from fxlab.effects.processor import Processor, apply
from fxlab.effects.registry import effect
from fxlab.metrics.quality import esr
from fxlab.services.scoring import Take, alias_free, card_metrics, open_target

RATE = 48_000
HOT = {"drive_db": 24.0, "cutoff_hz": 20_000.0}


def stages(name="saturator", **parameters):
    return [{"name": name, "parameters": effect(name).resolve(parameters)}]


class Network(Chain):
    """An effect in the place of a network that learned it perfectly, at one rate."""

    def __init__(self, learned):
        super().__init__([open_target(learned).processor])
        self.native_rate_hz = RATE


@pytest.fixture(scope="module")
def dry():
    """Nothing above 12 kHz: the filters of oversampling take away what lies above 20 kHz."""
    return resample(synthesize(2.0, 24_000, seed=3), 24_000, RATE)


def take(learned, dry):
    wet = apply(open_target(learned).processor, dry, RATE)
    return Take(dry, wet, wet)


def test_a_perfect_copy_aliases_as_its_target(dry):
    learned = stages(**HOT)
    found = card_metrics(Network(learned), learned, [take(learned, dry)])
    assert found["predicted_mushra"] == 100 and found["mfcc_distance"] == 0
    assert [row["tone_hz"] for row in found["aliasing_db"]] == [1245, 2489, 4978]
    for row in found["aliasing_db"]:
        assert row["network"] == row["target"] > -50
        assert row["alias_free_target"] < row["target"] - 40
    errors = found["esr_alias_free"]
    assert errors["network"] == errors["target"] > 1e-6
    assert errors["network_tones"] == errors["target_tones"] > 1e-4
    json.dumps(found, allow_nan=False)


def test_a_network_without_aliasing_beats_its_target(dry):
    """It puts out what the oversampled effect does, without its delay of 69 samples."""
    learned = stages(**HOT)
    recorded = take(learned, dry)
    free = open_target(alias_free(learned)).processor
    output = apply(free, np.concatenate([dry, np.zeros(100, np.float32)]), RATE)[free.latency :][: len(dry)]
    found = card_metrics(Network(learned), learned, [Take(dry, recorded.target, output)])["esr_alias_free"]
    assert found["network"] == 0 < found["target"]
    assert found["target"] == pytest.approx(esr(output, recorded.target), rel=0.02)


def test_delays_are_not_taken_for_errors(dry):
    """What hardly distorts hardly aliases: without alignment 69 samples of delay would be an ESR of the order of 1."""
    learned = stages(drive_db=0.0, bias=0.0)
    errors = card_metrics(Network(learned), learned, [take(learned, dry)])["esr_alias_free"]
    assert all(value < 1e-6 for value in errors.values())
    oversampled = stages(drive_db=0.0, bias=0.0, oversample=8)
    errors = card_metrics(Network(oversampled), oversampled, [take(oversampled, dry)])["esr_alias_free"]
    assert all(value == 0 for value in errors.values())


def test_takes_may_begin_after_their_recording(dry):
    learned = stages(**HOT)
    whole = take(learned, dry)
    part = Take(dry, whole.target[5000:], whole.output[5000:])
    late = card_metrics(Network(learned), learned, [part, part])["esr_alias_free"]
    shifted = card_metrics(Network(learned), learned, [whole])["esr_alias_free"]
    assert late["target"] == pytest.approx(shifted["target"], rel=0.2)


def test_a_take_shorter_than_the_delay_is_left_out(dry):
    learned = stages(**HOT)
    whole, short = take(learned, dry), take(learned, dry[:40])
    one, two = (card_metrics(Network(learned), learned, takes) for takes in ([whole], [short, whole]))
    assert one["esr_alias_free"] == two["esr_alias_free"]
    alone = card_metrics(Network(learned), learned, [short])
    assert alone["predicted_mushra"] is alone["mfcc_distance"] is alone["esr_alias_free"]["network"] is None


def test_what_cant_be_oversampled_has_no_alias_free_target(dry):
    learned = stages("eq")
    found = card_metrics(Network(learned), learned, [take(learned, dry)])
    assert found["esr_alias_free"] is None
    assert all(row["alias_free_target"] is None and row["target"] < -100 for row in found["aliasing_db"])


@pytest.mark.parametrize("unknown", [[], [{"name": "no such effect", "parameters": {}}]])
def test_without_the_effect_the_network_is_measured_alone(unknown, dry):
    found = card_metrics(Network(stages(**HOT)), unknown, [take(stages(**HOT), dry)])
    assert found["esr_alias_free"] is None and found["predicted_mushra"] == 100
    assert all(row["target"] is row["alias_free_target"] is None and row["network"] < 0 for row in found["aliasing_db"])


def test_in_a_chain_all_that_can_be_oversampled_is():
    learned = stages("eq") + stages(**HOT) + stages("bitcrusher", bits=6)
    free = alias_free(learned)
    assert [stage["name"] for stage in free] == ["eq", "saturator", "bitcrusher"]
    assert free[0] == learned[0] and [stage["parameters"]["oversample"] for stage in free[1:]] == [8, 8]
    assert learned[1]["parameters"]["oversample"] == 1, "what it is given stays as it is"
    assert open_target(free).name == "eq + saturator + bitcrusher" and isinstance(open_target(free).processor, Processor)


def test_tones_that_a_low_rate_cant_hold_are_left_out(dry):
    learned = stages(cutoff_hz=2000.0)
    network = Network(learned)
    network.native_rate_hz = 8_000
    wet = apply(open_target(learned).processor, dry, 8_000)
    found = card_metrics(network, learned, [Take(dry, wet, wet)])
    assert [row["tone_hz"] for row in found["aliasing_db"]] == [1245, 2489]


@pytest.mark.parametrize(
    "stage",
    [
        {"name": "/elsewhere/secret.onnx"},
        {"name": "pedal.nam", "parameters": {}},
        {"name": "convolver", "parameters": {"ir": "/elsewhere/secret.wav"}},
        {"name": "convolver", "parameters": {"ir": ["cabinet"]}},
    ],
)
def test_a_card_opens_no_other_file(stage, monkeypatch):
    monkeypatch.setattr("fxlab.services.scoring.open_processor", lambda *given: pytest.fail(f"opened {given}"))
    assert open_target([stage]) is None


def test_what_is_built_in_needs_no_file():
    assert open_target([{"name": "convolver"}]).name == "convolver"
