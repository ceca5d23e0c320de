"""Previews play before and after equally loud; deltas are what was changed, and nothing where only the level was."""

from __future__ import annotations

import numpy as np
import pytest

from fxlab.audio.files import Reader, read
from fxlab.audio.loudness import integrated_lufs
from fxlab.audio.resampling import resample
from fxlab.audio.writer import Writer
from fxlab.errors import InputError, UsageError
from fxlab.mastering.edit import Edit
from fxlab.services.master.extras import GAP_S, write_delta, write_preview

RATE = 44_100


def noise(seconds=4.0, rate=RATE, channels=2):
    rng = np.random.default_rng(0)
    return (0.05 * rng.standard_normal((channels, round(seconds * rate)))).astype(np.float32)


def written(path, audio, rate=RATE, subtype="FLOAT"):
    with Writer(path, rate, len(audio), subtype) as writer:
        writer.write(audio)
    return path


@pytest.fixture
def pair(tmp_path):
    """A song whose last second but one is louder, and a master that is louder and duller."""
    song = noise()
    song[:, 2 * RATE : 3 * RATE] *= 3
    master = 4 * (song + np.pad(song, ((0, 0), (1, 0)))[:, :-1]) / 2
    return written(tmp_path / "song.wav", song), written(tmp_path / "master.wav", master), song, master


def test_a_preview_is_the_loudest_part_before_and_after_equally_loud(pair, tmp_path):
    song, master, before, after = pair
    made = write_preview(song, master, tmp_path / "preview.wav", seconds=1.0)
    assert made.start_s == pytest.approx(2.0, abs=0.1) and made.seconds == 1.0
    audio, rate = read(made.output)
    gap = round(GAP_S * RATE)
    assert rate == RATE and audio.shape == (2, 2 * RATE + gap)
    first, second = audio[:, :RATE], audio[:, RATE + gap :]
    assert not audio[:, RATE : RATE + gap].any()
    assert integrated_lufs(first, RATE) == pytest.approx(made.lufs, abs=0.15)
    assert integrated_lufs(second, RATE) == pytest.approx(made.lufs, abs=0.15)
    assert np.abs(audio).max() <= 1.0
    start, middle = round(made.start_s * RATE), slice(1_000, -1_000)
    np.testing.assert_allclose(
        first[:, middle], (before[:, start : start + RATE] * 10 ** (made.before_db / 20))[:, middle], atol=1e-5
    )
    np.testing.assert_allclose(
        second[:, middle], (after[:, start : start + RATE] * 10 ** (made.after_db / 20))[:, middle], atol=1e-5
    )


def test_only_the_level_changed_leaves_no_delta(tmp_path):
    song = noise(2.0)
    made = write_delta(written(tmp_path / "a.wav", song), written(tmp_path / "b.wav", song * np.float32(2.5)), tmp_path / "d.wav")
    assert made.gain_db == pytest.approx(20 * np.log10(2.5), abs=1e-4) and made.level_db < -120
    assert np.abs(read(made.output)[0]).max() < 1e-6


def test_a_delta_and_the_song_make_the_master(pair, tmp_path):
    song, master, before, after = pair
    made = write_delta(song, master, tmp_path / "delta.wav")
    delta = read(made.output)[0]
    np.testing.assert_allclose(delta + 10 ** (made.gain_db / 20) * before, after, atol=1e-5)
    power = np.mean(delta**2) / np.mean(after**2)
    assert made.level_db == pytest.approx(10 * np.log10(power), abs=0.01) and -6 < made.level_db < 0
    assert made.clipped == 0


def test_a_trimmed_faded_and_resampled_master_is_aligned(tmp_path):
    song = np.concatenate((np.zeros((2, 20_000), np.float32), noise(2.0)), axis=1)
    source = written(tmp_path / "song.wav", song)
    with Reader(source) as reader:
        edit = Edit(-60.0, 0.1, 0.2).located(reader.blocks(), RATE)
    edited = np.concatenate(list(edit.apply([song], song.shape[1], RATE)), axis=1)
    master = written(tmp_path / "master.wav", 2 * resample(edited, RATE, 48_000), 48_000)
    delta = write_delta(source, master, tmp_path / "delta.wav", edit=edit)
    assert delta.level_db < -100
    assert write_preview(source, master, tmp_path / "preview.flac", seconds=1.0, edit=edit).before_db == pytest.approx(
        write_preview(source, master, tmp_path / "again.wav", seconds=1.0, edit=edit).after_db + 6.02, abs=0.05
    )


@pytest.mark.parametrize("audio", [np.zeros((2, 30_000), np.float32), noise(0.2), noise(1.0, channels=1)])
def test_silence_short_songs_and_mono(audio, tmp_path):
    song, master = written(tmp_path / "a.wav", audio), written(tmp_path / "b.wav", audio * np.float32(0.5))
    made = write_preview(song, master, tmp_path / "p.ogg")
    assert made.seconds == pytest.approx(audio.shape[1] / RATE) and made.start_s == 0
    assert write_delta(song, master, tmp_path / "d.flac").level_db < -80


def test_nothing_is_overwritten_and_strangers_are_refused(pair, tmp_path):
    song, master, *_ = pair
    for write in (write_preview, write_delta):
        with pytest.raises(UsageError, match="exists"):
            write(song, master, master)
    other = written(tmp_path / "mono.wav", noise(channels=1))
    with pytest.raises(InputError, match="channels"):
        write_delta(song, other, tmp_path / "d.wav")
