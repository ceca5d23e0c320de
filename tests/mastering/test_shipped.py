"""The mastering network that ships: its card, that the profile makes it, and that it is right or quiet on unheard songs."""

import csv
import dataclasses
from importlib.resources import files

import numpy as np
import pytest

from fxlab import profiles
from fxlab.audio.files import read
from fxlab.effects import pipeline
from fxlab.effects.registry import effect
from fxlab.mastering.advice import NEEDED, SHIPPED, advise
from fxlab.mastering.config import MasterConfig
from fxlab.mastering.degradation import degrade, drawn
from fxlab.mastering.examples import analysed
from fxlab.mastering.windows import WindowTaker
from fxlab.metrics.mastering import scores
from fxlab.models.checkpoint_file import read as read_model
from fxlab.services.train.master import config_for


@pytest.fixture(scope="module")
def shipped():
    return read_model(SHIPPED)[0]


def test_its_card_says_where_it_comes_from(shipped):
    card, profile = shipped.card, profiles.load("master")
    assert card["licence"] == profile.model.licence and card["attribution"] == profile.model.attribution and card["seed"] == 0
    assert card["mastering"] == dataclasses.asdict(profile.mastering)
    assert card["training"]["settings"] == dataclasses.asdict(profile.train)
    assert shipped.config == config_for(profile.model.size, profile.mastering) and isinstance(shipped.config, MasterConfig)
    listed = {row["sha256"]: row for row in csv.DictReader((files("fxlab") / "assets" / "master-songs.csv").open())}
    assert {song["sha256"]: song for song in card["data"]["songs"]} == listed
    assert len(card["corpus"]) == sum(row["split"] == "train" for row in listed.values())


def test_its_card_tells_what_it_is_worth_on_songs_that_it_never_heard(shipped):
    metrics = shipped.card["metrics"]
    nothing, network = (metrics["held_out"][who] for who in ("nothing", "readable"))
    assert all(network[column] < nothing[column] for column in nothing)
    assert metrics["largest_db"] <= 6.0 and metrics["still"] > 0.9
    assert metrics["needs"]["untouched"] < NEEDED < metrics["needs"]["degraded"]


def mastered(audio, rate):
    taker = WindowTaker(rate, audio.shape[1])
    taker.add(audio)
    chain = advise(analysed(audio, rate), taker.windows()).chain
    made = pipeline.stages([effect(stage.name).processor(**stage.set) for stage in chain.stages()], rate, 2, 8192)
    return np.concatenate(list(pipeline.through([audio], made, rate)), axis=1), chain


def test_songs_that_it_never_heard_come_nearer_to_their_release_and_finished_ones_are_left_alone(shared_audio):
    better, songs = [], ("hacienda", "journeys_end", "overworld", "skyvibe_highfrequency")
    for number, name in enumerate(songs):
        audio, rate = read(shared_audio / "music" / f"{name}.ogg")
        middle = audio.shape[1] // 2
        audio = np.ascontiguousarray(audio[:, middle - 4 * rate : middle + 4 * rate])
        assert not mastered(audio, rate)[1].stages()
        worse = degrade(audio, rate, drawn(np.random.default_rng(number), untouched=0.0))
        before, after = scores(audio, worse, rate), scores(audio, mastered(worse, rate)[0], rate)
        better.append([after[column] - before[column] for column in ("spectrum_db", "mr_stft", "width_db")])
    assert (np.mean(better, axis=0) < 0).all()


def test_nothing_is_advised_for_the_width_of_a_song_in_mono():
    rate, rng = 44_100, np.random.default_rng(0)
    noise = (0.02 * rng.standard_normal((1, 3 * rate))).astype(np.float32)
    for audio in (noise, np.repeat(noise, 2, axis=0)):
        taker = WindowTaker(rate, audio.shape[1])
        taker.add(audio)
        chain = advise(analysed(audio, rate), taker.windows(), insist=True).chain
        assert chain.peaks and not chain.width
