"""Instruments as files, as networks with and without torch, as voices, and as what is learnt from."""

from __future__ import annotations

import copy
import dataclasses
import json

import numpy as np
import pytest
import torch

from fxlab.errors import InputError, UsageError
from fxlab.models import checkpoint_file
from fxlab.models.checkpoint import network_of
from fxlab.timbre.config import SEED_PARAMETERS, SIZES, InstrumentConfig, sized
from fxlab.timbre.frames import SILENCE_DB, Features
from fxlab.timbre.instrument import checked_card, read_instrument
from fxlab.timbre.player import LOUDNESS_REACH, Player, inputs_of
from fxlab.timbre.segments import Segments, held_out, take_of
from fxlab.timbre.unheard import heard_harmonics, silenced
from fxlab.timbre.voice import Room, Voice, sound

from .tiny_instrument import TINY, instrument


def performance(frames: int, config=TINY, seed: int = 0) -> Features:
    rng = np.random.default_rng(seed)
    single = (rng.uniform(80, 4000, frames), rng.integers(0, 2, frames), rng.uniform(-60, -10, frames))
    f0_hz, voiced, loudness = (array.astype(np.float32) for array in single)
    return Features(f0_hz, voiced, loudness, config.frame_rate_hz, rng.normal(size=(frames, config.mfcc)).astype(np.float32))


def test_sizes_are_what_they_say():
    assert SIZES["seed"].parameters_count == SEED_PARAMETERS
    assert sized("auto").size == "tiny" and sized("tiny").parameters_count < SEED_PARAMETERS / 25
    with pytest.raises(UsageError, match="no ddsp of size"):
        sized("huge")


@pytest.mark.parametrize(
    "change",
    [{"hop": 0}, {"hop": 1.5}, {"hidden": 10**9}, {"automaton": "other"}, {"automaton": "grown", "channels": 1}, {"layers": "2"}],
)
def test_impossible_configurations_are_refused(change):
    assert InstrumentConfig.from_json(TINY.to_json()) == TINY
    with pytest.raises(InputError, match="no possible network"):
        InstrumentConfig.from_json(TINY.to_json() | change)


def test_it_plays_without_torch_what_it_plays_with_it_whatever_the_blocks():
    model, features = instrument(), performance(40)
    given = torch.from_numpy(inputs_of(features, model.card["features"], TINY))[None]
    with torch.no_grad():
        wanted = network_of(model)(given, torch.from_numpy(features.f0_hz)[None])
    player = Player(model)
    parts = [player.play(features[part]) for part in (slice(0, 1), slice(1, 17), slice(17, None))]
    for number, name in enumerate(("harmonics", "noise")):
        assert np.allclose(np.concatenate([getattr(part, name) for part in parts]), wanted[number][0].numpy(), atol=1e-6)


def test_harmonics_above_half_the_rate_are_silent_and_the_others_have_their_amplitude():
    high = dataclasses.replace(performance(4), f0_hz=np.array([2000.0, 4000.0, 5400.0, 10_900.0], np.float32))
    played = Player(instrument()).play(high)
    multiples = high.f0_hz[:, None] * np.arange(1, TINY.harmonics + 1)
    assert (played.harmonics[multiples >= TINY.sample_rate_hz / 2] == 0).all()
    assert (played.harmonics[multiples < 0.9 * TINY.sample_rate_hz / 2] > 0).all()


def test_below_what_it_learnt_it_follows_decibel_by_decibel():
    model = instrument()
    lowest = model.card["features"]["loudness"]["mean"] - LOUDNESS_REACH * model.card["features"]["loudness"]["spread"]
    features = dataclasses.replace(performance(2), loudness_db=np.array([lowest, lowest], np.float32))
    softer = dataclasses.replace(features, loudness_db=np.array([lowest - 20, SILENCE_DB], np.float32))
    one, other = (Player(model).play(each).cells() for each in (features, softer))
    assert np.allclose(other[0], one[0] / 10, rtol=1e-4)
    assert np.allclose(other[1], one[1] * 10 ** ((SILENCE_DB - lowest) / 20), rtol=1e-4)


def test_a_voice_sounds_the_same_in_blocks_and_in_its_room():
    config = dataclasses.replace(TINY, reverb=700)
    model, features = instrument(config), performance(30, config)
    whole = sound(model, features, 44_100)
    voice = Voice(model, 44_100)
    parts = [voice.play(features[part]) for part in (slice(0, 2), slice(2, 3), slice(3, 30))] + [voice.finish()]
    for number, audio in enumerate(whole):
        blocks = np.concatenate([part[number] for part in parts])[: len(audio)]
        assert len(audio) == round(30 / config.frame_rate_hz * 44_100)
        assert np.abs(blocks - audio[: len(blocks)]).max() < 1e-5 * max(1, np.abs(audio).max())
    rng = np.random.default_rng(0)
    dry, impulse = rng.standard_normal(3000).astype(np.float32), rng.standard_normal(500).astype(np.float32)
    room = Room(impulse)
    wet = np.concatenate([room.play(part) for part in np.split(dry, [1, 100, 1700])])
    assert np.allclose(wet, np.convolve(dry, impulse)[:3000], atol=1e-3)


def test_a_file_gives_back_the_instrument(tmp_path):
    model = instrument(dataclasses.replace(TINY, automaton="grown"))
    checkpoint_file.write(tmp_path / "one.safetensors", model.weights, model.card)
    found = read_instrument(tmp_path / "one.safetensors")
    assert found.config == model.config and found.card == json.loads(json.dumps(model.card))
    assert all(np.array_equal(found.weights[name], model.weights[name]) for name in model.weights)
    with pytest.raises(InputError, match="another kind"):
        from importlib.resources import files
        from pathlib import Path

        read_instrument(Path(str(files("fxlab") / "assets" / "master.safetensors")))
    (tmp_path / "none.safetensors").write_bytes(b"nothing")
    with pytest.raises(InputError, match="not an fxlab checkpoint"):
        read_instrument(tmp_path / "none.safetensors")


@pytest.mark.parametrize(
    "path, value",
    [
        (("phrase", "midi"), [60.0] * 19),
        (("phrase", "loudness_db"), [float("nan")] * 20),
        (("phrase", "voiced"), "yes"),
        (("features", "loudness"), {"mean": -30.0, "spread": 0.0}),
        (("features", "mfcc"), None),
        (("features", "tracker"), 3),
        (("features", "hop"), 511),
        (("features", "loudness"), {"mean": 1e308, "spread": 10.0}),
        (("features", "range_midi"), [1]),
        (("features", "range_midi"), [74, 50]),
        (("features", "loudness_range_db"), [-50, 1e300]),
    ],
)
def test_cards_that_cant_be_played_by_are_refused(path, value):
    model = instrument()
    checked_card(model, "it")
    card = copy.deepcopy(model.card)
    card[path[0]][path[1]] = value
    with pytest.raises(InputError, match="can't be understood"):
        checked_card(dataclasses.replace(model, card=card), "it")


def test_what_is_kept_back_is_never_drawn_and_epochs_repeat():
    frames = 200
    features, audio = performance(frames + 1), np.repeat(np.arange(frames, dtype=np.float32), TINY.hop)
    measures = instrument().card["features"]
    take = take_of("it", audio, features, TINY, 0.2, least=30)
    assert len(take.kept) >= TINY.frame_rate_hz and 0.4 * frames < take.kept.start < take.kept.stop < 0.8 * frames
    segments = Segments([take], measures, TINY, 30, 0.5, seed=3)
    drawn = list(segments.epoch(5, 8, 20))
    heard = torch.cat([batch.audio for batch in drawn]).unique().int().tolist()
    assert not set(heard) & set(take.kept) and {0, frames - 1} <= set(heard)
    again = list(segments.epoch(5, 8, 20))
    assert all(torch.equal(one.given, two.given) for one, two in zip(drawn, again, strict=True))
    plain = [bool((row[:, 3:] == 0).all()) for batch in drawn for row in batch.given]
    assert 0.3 < np.mean(plain) < 0.7
    ((_, kept),) = held_out([take], measures, TINY, with_timbre=False)
    assert kept.audio.unique().int().tolist() == list(take.kept) and kept.f0_hz.shape[1] == len(take.kept) + 1


def test_a_short_recording_is_followed_by_silence_and_nothing_is_kept_back():
    take = take_of("it", np.ones(10 * TINY.hop, np.float32), performance(11), TINY, 0.2, least=30)
    assert not take.kept and take.blocks == 30 and take.learnt == [range(30)]
    assert (take.audio[10 * TINY.hop :] == 0).all() and (take.features.loudness_db[11:] == SILENCE_DB).all()


def test_harmonics_that_were_never_heard_stay_silent_below_what_was_learnt():
    low, high = (dataclasses.replace(performance(200), f0_hz=np.full(200, hertz, np.float32)) for hertz in (100.0, 2400.0))
    high = dataclasses.replace(high, voiced=np.ones(200, np.float32))
    model = silenced(instrument(), [high])
    assert model.card["heard_harmonics"] == heard_harmonics([high], TINY) == 4
    played, before = Player(model).play(low), Player(instrument()).play(low)
    assert played.harmonics[:, 4:].max() < 1e-4 * before.harmonics[:, 4:].min() and played.harmonics[:, :4].min() > 0
    assert np.allclose(played.harmonics.sum(axis=1), before.harmonics.sum(axis=1), rtol=1e-4)
    assert heard_harmonics([dataclasses.replace(high, voiced=np.zeros(200, np.float32))], TINY) == TINY.harmonics
