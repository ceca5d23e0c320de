"""The picture of a master: what it shows is what was measured, and it is drawn whatever there is to show."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from fxlab.audio.bands import CENTRES_HZ
from fxlab.audio.loudness import integrated_lufs
from fxlab.audio.programme import ProgrammeMeter, Series
from fxlab.audio.writer import Writer
from fxlab.mastering.chain import Chain, Peak
from fxlab.mastering.comparable import Comparable
from fxlab.mastering.delivered import Reduction
from fxlab.mastering.delivery import Delivery, deliver
from fxlab.mastering.edit import Edit
from fxlab.mastering.targets import TARGETS
from fxlab.services.master.plot import Picture, draw, picture_of

RATE = 32_000


def series(audio) -> Series:
    meter = ProgrammeMeter(RATE, len(audio), true_peak=0)
    meter.add(audio)
    return meter.series()


def picture(seconds=5.0, level=0.1) -> Picture:
    audio = (level * np.random.default_rng(0).standard_normal((1, round(seconds * RATE)))).astype(np.float32)
    spectrum = np.where(CENTRES_HZ > 12_000, np.nan, -20.0 - 3 * np.log2(CENTRES_HZ / 100))
    return Picture(
        title="song.wav",
        before_db=spectrum,
        after_db=spectrum + 1,
        wanted_db=spectrum + 3 * np.sin(np.arange(27)),
        wanted="comparable songs",
        before=series(audio),
        after=series(2 * audio),
        target_lufs=-14.0,
        lufs=(integrated_lufs(audio, RATE), -14.0),
        reduction=Reduction(np.arange(50) / 10, np.abs(np.sin(np.arange(50)))),
    )


def test_silence_and_short_songs_without_comparison_are_drawn_too(tmp_path):
    nothing = np.full(27, np.nan)
    silent = dataclasses.replace(picture(1.0, 0.0), before_db=nothing, after_db=nothing, wanted_db=nothing, lufs=(-np.inf,) * 2)
    short = dataclasses.replace(
        picture(0.2), wanted_db=None, target_lufs=None, reduction=Reduction(np.zeros(0), np.zeros(0)), lufs=(-np.inf, -20.0)
    )
    for name, one in (("silent.png", silent), ("short.pdf", short)):
        draw(tmp_path / name, one)
        assert (tmp_path / name).stat().st_size > 10_000


def test_a_masters_picture_shows_what_was_measured(tmp_path):
    rng = np.random.default_rng(1)
    song = (0.05 * rng.standard_normal((2, 4 * RATE))).astype(np.float32)
    with Writer(tmp_path / "song.wav", RATE, 2) as writer:
        writer.write(np.concatenate((np.zeros((2, RATE), np.float32), song), axis=1))
    edit = Edit(-60.0).located([np.concatenate((np.zeros((2, RATE), np.float32), song), axis=1)], RATE)
    master = deliver(
        tmp_path / "song.wav",
        Chain((Peak(1000.0, 6.0, 1.0),)),
        TARGETS["release"],
        tmp_path / "master.wav",
        Delivery(edit=edit),
    )
    comparable = Comparable(np.zeros(27), -10.0, 12.0, 6.0, 1, ("other.wav",))
    shown = picture_of(tmp_path / "song.wav", master, comparable, edit)
    assert shown.wanted == "other.wav" and shown.target_lufs == -14.0 and shown.title.startswith("song.wav")
    change = shown.after_db - shown.before_db
    assert np.nanargmax(change) == 14 and 3 < np.nanmax(change) - np.nanmedian(change) < 7
    assert shown.after.momentary_lufs.mean() == pytest.approx(-14.0, abs=0.3)
    assert shown.before.momentary_s[-1] == pytest.approx(4.0, abs=0.11), "as it was trimmed"
    draw(tmp_path / "picture.svg", shown)
    assert (tmp_path / "picture.svg").read_text(encoding="utf-8").lstrip().startswith("<?xml")
