from __future__ import annotations

import json
import math
import tracemalloc

import numpy as np
import pytest
import soundfile
from scipy.signal import butter, resample_poly, sosfilt

from fxlab.audio.files import Writer, probe, read
from fxlab.audio.loudness import integrated_lufs, mean_lufs
from fxlab.effects.processor import apply
from fxlab.effects.registry import effect
from fxlab.errors import UsageError
from fxlab.mastering import chain as chains
from fxlab.mastering import delivery, press, verification
from fxlab.mastering import song as songs
from fxlab.mastering.chain import Chain, Peak
from fxlab.mastering.delivery import Delivery, deliver
from fxlab.mastering.edit import Edit
from fxlab.mastering.targets import TARGETS, Target

RELEASE = TARGETS["release"]
CHAIN = Chain((Peak(250.0, -1.5, 1.0), Peak(4000.0, 1.0, 0.7)), {}, {"ratio": 1.5}, {"width": 1.1})


def drums(rate=44_100, seconds=2.0, channels=2, seed=1):
    """Decaying bursts of noise over a steady one, up to 0.4 times the rate, where any interpolation finds the same peaks."""
    rng, frames = np.random.default_rng(seed), round(rate * seconds)
    decay = np.exp(-(np.arange(frames) % (rate // 4)) / (0.05 * rate))
    audio = rng.standard_normal((channels, frames)) * decay + 0.1 * rng.standard_normal(frames)
    return (0.1 * sosfilt(butter(8, 0.8, output="sos"), audio)).astype(np.float32)


@pytest.fixture
def song(tmp_path):
    """`song(audio, rate, subtype)`: a file of it."""

    def make(audio=None, rate=44_100, subtype="PCM_24"):
        path = tmp_path / "song.wav"
        soundfile.write(path, (drums() if audio is None else audio).T, rate, subtype)
        return path

    return make


def peak_db(audio):
    """True peak by another interpolation: sixteen values a sample."""
    return 20 * math.log10(np.abs(resample_poly(audio, 16, 1, axis=1, window=("kaiser", 12.0))).max())


@pytest.mark.parametrize(
    ("rate", "channels", "subtype"),
    [
        (44_100, 2, "PCM_16"),
        (44_100, 1, "PCM_24"),
        (48_000, 2, "FLOAT"),
        (96_000, 2, "PCM_24"),
        (8000, 2, "PCM_16"),
        (48_000, 6, "PCM_24"),
    ],
)
def test_the_written_file_is_as_loud_as_wanted_and_under_the_ceiling(song, tmp_path, rate, channels, subtype):
    source, output = song(drums(rate, 1.5, channels), rate, subtype), tmp_path / "master.wav"
    delivered = deliver(source, CHAIN, RELEASE, output, Delivery(max_reduction_db=15.0))
    audio, got_rate = read(output)
    info = probe(output)
    assert delivered.kept and not delivered.remarks
    assert (got_rate, info.channels, info.frames, info.subtype) == (rate, channels, round(1.5 * rate), "PCM_24")
    assert integrated_lufs(audio, rate) == pytest.approx(-14.0, abs=0.1)
    assert delivered.after.integrated_lufs == pytest.approx(integrated_lufs(audio, rate), abs=1e-6)
    assert peak_db(audio) < -1.0 + 0.03
    assert delivered.iterations == 1 and (channels == 6 or delivered.peak_reduction_db > 1.0)
    assert delivered.reduction.reduction_db.max() == pytest.approx(delivered.peak_reduction_db)
    json.dumps(delivered.to_json(), allow_nan=False)


def test_a_real_song_pushed(shared_audio, song, tmp_path):
    audio, rate = read(shared_audio / "music" / "lava.ogg")
    source = song(np.ascontiguousarray(audio[:, 10 * rate : 14 * rate]), rate)
    for lufs in (-14.0, -8.0):
        delivered = deliver(source, Chain(), Target("own", lufs, -1.0), tmp_path / f"{lufs}.wav")
        written, _ = read(delivered.output)
        assert delivered.kept and integrated_lufs(written, rate) == pytest.approx(lufs, abs=0.1)
        assert peak_db(written) < -1.0 + 0.05


@pytest.mark.parametrize("target", ["cd", "ebu-r128"])
def test_rate_and_depth_of_the_target(song, tmp_path, target):
    wanted, source_rate = TARGETS[target], 32_000
    delivered = deliver(
        song(drums(source_rate, 1.0), source_rate), CHAIN, wanted, tmp_path / "m.wav", Delivery(max_reduction_db=15.0)
    )
    info = probe(delivered.output)
    assert delivered.kept and (info.sample_rate_hz, info.subtype) == (wanted.sample_rate_hz, wanted.subtype)
    assert info.frames == wanted.sample_rate_hz


@pytest.mark.parametrize("name", ["m.flac", "m.ogg"])
def test_other_containers(song, tmp_path, name):
    delivered = deliver(song(), Chain(), RELEASE, tmp_path / name)
    audio, rate = read(delivered.output)
    assert delivered.kept and audio.shape == (2, 2 * rate) and peak_db(audio) < -1.0 + 0.03


def test_no_loudness_at_all_changes_no_sample(song, tmp_path):
    source = song()
    delivered = deliver(source, Chain(), RELEASE, tmp_path / "m.wav", Delivery(loudness_amount=0.0))
    assert np.array_equal(read(source)[0], read(delivered.output)[0])
    assert delivered.chain == Chain() and delivered.iterations == 0 and delivered.kept


def test_no_loudness_leaves_the_rest_of_the_chain(song, tmp_path):
    source, own = song(), Target("own", -14.0, -1.0, "FLOAT")
    delivered = deliver(source, Chain((Peak(1000.0, 3.0, 1.0),)), own, tmp_path / "m.wav", Delivery(loudness_amount=0.0))
    equalised = apply(effect("eq").processor(peak1_hz=1000.0, peak1_db=3.0, peak1_q=1.0), read(source)[0], 44_100)
    assert np.allclose(read(delivered.output)[0], equalised, atol=1e-6)


def test_half_the_way(song, tmp_path):
    delivered = deliver(song(), Chain(), RELEASE, tmp_path / "m.wav", Delivery(loudness_amount=0.5))
    assert delivered.after.integrated_lufs == pytest.approx((delivered.before.integrated_lufs - 14.0) / 2, abs=0.1)


def test_a_level_that_stays_still_gets_under_the_ceiling(song, tmp_path):
    own = Target("own", None, -12.0, None)
    delivered = deliver(song(subtype="PCM_16"), Chain(), own, tmp_path / "m.wav")
    assert delivered.kept and delivered.after.true_peak_db <= -12.0 and probe(delivered.output).subtype == "PCM_16"
    untouched = deliver(song(), Chain(), Target("own", None, -1.0, None), tmp_path / "n.wav")
    assert untouched.iterations == 0 and np.array_equal(read(untouched.output)[0], read(tmp_path / "song.wav")[0])


def test_the_same_again_under_another_name_from_memory_or_from_a_chain_file(song, tmp_path):
    source, file = song(), tmp_path / "chain.json"
    first = deliver(source, CHAIN, TARGETS["cd"], tmp_path / "a.wav")
    deliver(source, CHAIN, TARGETS["cd"], tmp_path / "b.wav", Delivery(keep_in_memory_s=0.0))
    first.chain.save(file, {})
    again = deliver(source, chains.load(file), TARGETS["cd"], tmp_path / "c.wav")
    assert len({(tmp_path / name).read_bytes() for name in ("a.wav", "b.wav", "c.wav")}) == 1
    assert again.kept and again.chain == first.chain


def test_a_chain_with_its_own_limiter_is_played_as_it_says(song, tmp_path):
    chain = Chain(loudness={"gain_db": 3.0, "ceiling_db": -0.5})
    delivered = deliver(song(), chain, RELEASE, tmp_path / "m.wav")
    limited = apply(effect("limiter").processor(**chain.loudness), read(tmp_path / "song.wav")[0], 44_100)
    late = effect("limiter").processor(**chain.loudness)
    late.prepare(44_100, 2, 64)
    assert np.allclose(read(delivered.output)[0][:, : -late.latency], limited[:, late.latency :], atol=2**-22)
    assert delivered.chain == chain and delivered.kept and "not the -14 of release" in delivered.remarks[0]


def test_of_a_limiter_in_the_chain_as_much_as_wanted(song, tmp_path):
    source, chain = song(), Chain(loudness={"gain_db": 8.0, "ceiling_db": -0.5})
    half = deliver(source, chain, RELEASE, tmp_path / "m.wav", Delivery(loudness_amount=0.5))
    assert half.chain.loudness == {"gain_db": 4.0, "ceiling_db": -0.5}
    none = deliver(source, chain, RELEASE, tmp_path / "n.wav", Delivery(loudness_amount=0.0))
    assert none.chain == Chain() and np.array_equal(read(none.output)[0], read(source)[0])


def test_a_song_is_not_destroyed_for_loudness(song, tmp_path):
    delivered = deliver(song(), Chain(), Target("own", -5.0, -1.0), tmp_path / "m.wav", Delivery(max_reduction_db=4.0))
    assert delivered.kept and delivered.peak_reduction_db == pytest.approx(4.0, abs=0.1)
    assert delivered.remarks[0].endswith("-5.0 would need its peaks lowered by more than 4 dB.")
    assert f"{delivered.after.integrated_lufs:.1f} LUFS" in delivered.remarks[0]


def test_silence_stays_silence(song, tmp_path):
    delivered = deliver(song(np.zeros((2, 44_100))), CHAIN, TARGETS["cd"], tmp_path / "m.wav")
    assert np.abs(read(delivered.output)[0]).max() <= 1 / 32_768  # dither
    assert delivered.remarks == ("It is digital silence: there is no level to change.",) and delivered.mono is None
    json.dumps(delivered.to_json(), allow_nan=False)


def test_a_short_clip_is_as_loud_as_a_whole(song, tmp_path):
    delivered = deliver(song(drums(seconds=0.3)), Chain(), RELEASE, tmp_path / "m.wav")
    assert delivered.kept and mean_lufs(read(delivered.output)[0], 44_100) == pytest.approx(-14.0, abs=0.1)
    assert "shorter than 0.4 s" in delivered.remarks[0]


@pytest.mark.parametrize(("audio", "why"), [(np.ones((1, 1)), "too short"), (1e-7 * drums(), "next to silent")])
def test_what_has_no_loudness_is_left(song, tmp_path, audio, why):
    delivered = deliver(song(0.1 * audio, subtype="FLOAT"), Chain(), Target("own", -14.0, -1.0, None), tmp_path / "m.wav")
    assert why in delivered.remarks[0] and np.array_equal(read(delivered.output)[0], read(tmp_path / "song.wav")[0])


def test_tags_and_loudspeakers_are_kept(tmp_path):
    with Writer(tmp_path / "s.wav", 48_000, 4, tags={"title": "Song", "artist": "Who"}, channel_map=(2, 3, 14, 15)) as writer:
        writer.write(drums(48_000, 0.5, 4))
    delivered = deliver(tmp_path / "s.wav", Chain(), RELEASE, tmp_path / "m.wav")
    info = probe(delivered.output)
    assert (info.tags["title"], info.tags["artist"], info.channel_map) == ("Song", "Who", (2, 3, 14, 15))


def test_trimmed_and_faded(song, tmp_path):
    padded = np.pad(drums(seconds=1.0), ((0, 0), (22_050, 44_100)))
    delivered = deliver(song(padded), Chain(), RELEASE, tmp_path / "m.wav", Delivery(edit=Edit(-70.0, 0.0, 0.2)))
    assert delivered.kept and delivered.before.seconds == delivered.after.seconds == pytest.approx(1.0, abs=0.06)
    assert np.abs(read(delivered.output)[0][:, -10:]).max() < 1e-4


def test_an_input_is_never_overwritten(song, tmp_path):
    source = song()
    before = source.read_bytes()
    with pytest.raises(UsageError, match="exists already"):
        deliver(source, Chain(), RELEASE, source)
    (tmp_path / "link.wav").symlink_to(source)
    for name in ("song.wav", "link.wav"):
        with pytest.raises(UsageError, match="is the song itself"):
            deliver(source, Chain(), RELEASE, tmp_path / name, Delivery(force=True))
    assert source.read_bytes() == before


@pytest.mark.parametrize("at", [0.1, 0.5, 0.9])
def test_an_interruption_leaves_nothing(song, tmp_path, at):
    def interrupt(share):
        if share > at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        deliver(song(), CHAIN, RELEASE, tmp_path / "m.wav", Delivery(), interrupt)
    assert [path.name for path in tmp_path.iterdir()] == ["song.wav"]


def test_a_file_over_its_ceiling_is_made_again(song, tmp_path, monkeypatch):
    monkeypatch.setitem(press.MARGIN_DB, "PCM_24", -0.4)
    shares = []
    delivered = deliver(song(), Chain(), RELEASE, tmp_path / "m.wav", Delivery(), shares.append)
    assert delivered.kept and delivered.iterations == 2 and delivered.chain.loudness["ceiling_db"] < -1.0
    assert shares == sorted(shares) and shares[-1] == 1.0
    monkeypatch.setattr(press, "_ATTEMPTS", 1)
    broken = deliver(song(), Chain(), RELEASE, tmp_path / "n.wav")
    assert not broken.kept and [promise.name for promise in broken.promises if not promise.kept] == ["true peak"]


def test_lossy_codecs_without_ffmpeg_are_told_of(song, tmp_path, monkeypatch):
    monkeypatch.setattr(delivery, "has_ffmpeg", lambda: False)
    delivered = deliver(song(), Chain(), RELEASE, tmp_path / "m.wav", Delivery(codecs=("aac",)))
    assert delivered.codecs == {} and "no ffmpeg" in delivered.remarks[-1]


def test_an_analysis_is_not_made_twice(song, tmp_path):
    source = song()
    first = deliver(source, CHAIN, RELEASE, tmp_path / "m.wav")
    analyser = delivery.Analyser(44_100, 2)
    analyser.add(read(source)[0])
    known = Delivery(analysis=analyser.analysis())
    second = deliver(source, CHAIN, RELEASE, tmp_path / "n.wav", known)
    assert second.before == first.before and np.allclose(second.balance.change_db, first.balance.change_db, atol=1e-3)


def test_longer_songs_need_no_more_memory(song, tmp_path, monkeypatch):
    for place, name in ((songs, "BLOCK"), (press, "BLOCK"), (verification, "_BLOCK")):
        monkeypatch.setattr(place, name, 2048)  # as threads are told of it, some blocks more or less are waiting

    def most(seconds):
        source = song(drums(16_000, seconds), 16_000)
        tracemalloc.start()
        try:
            deliver(source, CHAIN, RELEASE, tmp_path / "m.wav", Delivery(force=True, keep_in_memory_s=0.0))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    most(0.5)
    assert most(12.0) < most(6.0) + 300_000  # six seconds more are 770,000 bytes
