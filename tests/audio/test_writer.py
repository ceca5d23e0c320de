from __future__ import annotations

import subprocess
import sys
import textwrap

import numpy as np
import pytest
import soundfile

from fxlab.audio import sndfile
from fxlab.audio.files import probe, read
from fxlab.audio.writer import Writer
from fxlab.errors import OutputError, UsageError

RATE = 48_000
TAGS = {name: f"some {name} é" for name in sndfile.TAGS}


def audio(frames: int = 5_000, channels: int = 2) -> np.ndarray:
    return np.random.default_rng(7).uniform(-0.9, 0.9, (channels, frames)).astype(np.float32)


def write(path, block: np.ndarray, subtype: str, **options) -> Writer:
    with Writer(path, RATE, len(block), subtype, **options) as writer:
        writer.write(block)
    return writer


@pytest.mark.parametrize(
    ("name", "subtype", "error"),
    [
        ("a.wav", "PCM_16", 1.5 * 2**-15),
        ("a.wav", "PCM_24", 2**-23),
        ("a.wav", "FLOAT", 0),
        ("a.flac", "PCM_16", 1.5 * 2**-15),
        ("a.flac", "PCM_24", 2**-23),
    ],
)
def test_what_is_written_is_read_back(tmp_path, name, subtype, error):
    writer = write(tmp_path / name, audio(), subtype)
    found, rate = read(tmp_path / name)
    assert rate == RATE and found.shape == (2, 5_000) and writer.frames == 5_000 and writer.clipped == 0
    assert np.abs(found - audio()).max() <= error
    assert probe(tmp_path / name).subtype == subtype
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_vorbis(tmp_path):
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(200_000) / RATE).astype(np.float32)[None]
    write(tmp_path / "a.ogg", tone, "VORBIS")
    assert np.sqrt(np.mean((read(tmp_path / "a.ogg")[0] - tone) ** 2)) < 0.005


def test_samples_on_the_24_bit_grid_come_back_exactly(tmp_path):
    grid = (np.random.default_rng(0).integers(-(2**23), 2**23, (1, 10_000)) / 2**23).astype(np.float32)
    grid[0, :2] = -1.0, 1 - 2**-23
    writer = write(tmp_path / "a.wav", grid, "PCM_24")
    assert np.array_equal(read(tmp_path / "a.wav")[0], grid) and writer.clipped == 0


def test_clipped_and_broken_samples_are_counted(tmp_path):
    block = np.array([[0.0, 1.0, -1.0, 1.5, -2.0, np.nan, np.inf, 0.999]], np.float32)
    writer = write(tmp_path / "a.wav", block, "PCM_16")
    assert (writer.clipped, writer.replaced) == (2, 2)
    found = read(tmp_path / "a.wav")[0][0]
    assert found[1] > 0.9999 and found[3] == 32767 / 32768 and found[4] == -1.0 and abs(found[5]) < 1e-4
    assert write(tmp_path / "b.wav", block, "FLOAT").clipped == 0
    assert read(tmp_path / "b.wav")[0][0, 3] == 1.5


def test_dither_does_not_depend_on_the_blocks_but_on_the_seed(tmp_path):
    whole = audio()
    write(tmp_path / "whole.wav", whole, "PCM_16")
    with Writer(tmp_path / "split.wav", RATE, 2, "PCM_16") as writer:
        for start in range(0, 5_000, 77):
            writer.write(whole[:, start : start + 77])
    write(tmp_path / "other.wav", whole, "PCM_16", dither_seed=1)
    first = read(tmp_path / "whole.wav")[0]
    assert np.array_equal(read(tmp_path / "split.wav")[0], first)
    assert not np.array_equal(read(tmp_path / "other.wav")[0], first)


@pytest.mark.parametrize(
    ("name", "subtype", "dropped"), [("a.flac", "PCM_16", []), ("a.ogg", "VORBIS", []), ("a.wav", "FLOAT", ["license"])]
)
def test_tags_are_carried_and_the_dropped_ones_named(tmp_path, name, subtype, dropped):
    writer = write(tmp_path / name, audio(), subtype, tags=TAGS)
    assert writer.dropped_tags == dropped
    found = probe(tmp_path / name).tags
    assert found.pop("software").startswith(TAGS["software"])
    assert found == {tag: text for tag, text in TAGS.items() if tag not in [*dropped, "software"]}


def test_the_channel_map_is_kept(tmp_path):
    speakers = (2, 3, 4, 11, 9, 10, 14, 15)
    write(tmp_path / "a.wav", audio(channels=8), "PCM_24", channel_map=speakers)
    assert probe(tmp_path / "a.wav").channel_map == speakers


def test_a_wav_beyond_4_gb_becomes_rf64(tmp_path):
    write(tmp_path / "a.wav", audio(), "FLOAT", frames=2**29)
    assert probe(tmp_path / "a.wav").format == "RF64"
    assert np.array_equal(read(tmp_path / "a.wav")[0], audio())
    write(tmp_path / "b.wav", audio(), "FLOAT", frames=2**28)
    assert probe(tmp_path / "b.wav").format == "WAV"


def test_an_existing_file_needs_force(tmp_path):
    (tmp_path / "a.wav").write_text("mine")
    with pytest.raises(UsageError, match="exists already") as caught:
        Writer(tmp_path / "a.wav", RATE, 1)
    assert "--force" in caught.value.hint and (tmp_path / "a.wav").read_text() == "mine"
    write(tmp_path / "a.wav", audio(), "PCM_16", force=True)
    assert probe(tmp_path / "a.wav").frames == 5_000


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, OSError(5, "disk on fire")])
@pytest.mark.parametrize("old", [None, "the old file"])
def test_a_write_that_breaks_off_leaves_the_old_file_or_nothing(tmp_path, error, old):
    path = tmp_path / "a.wav"
    if old:
        path.write_text(old)
    with pytest.raises((KeyboardInterrupt, ValueError, OutputError)), Writer(path, RATE, 2, "PCM_24", force=True) as writer:
        writer.write(audio())
        raise error
    assert [(found.name, found.read_text()) for found in tmp_path.iterdir()] == ([("a.wav", old)] if old else [])


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.mp3", {}),
        ("a", {}),
        ("a.flac", {"subtype": "FLOAT"}),
        ("a.ogg", {"subtype": "PCM_16"}),
        ("a.wav", {"subtype": "PCM_12"}),
        ("a.flac", {"channels": 9}),
        (".", {"format": "WAV"}),
    ],
)
def test_what_cannot_be_written(tmp_path, name, options):
    with pytest.raises(UsageError) as caught:
        Writer(tmp_path / name, RATE, **({"channels": 1} | options))
    assert caught.value.hint


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "a.wav", tmp_path / ("x" * 300 + ".wav")):
        with pytest.raises(OutputError) as caught, Writer(path, RATE, 1):
            pass
        assert caught.value.exit_code == 6 and caught.value.hint


@pytest.mark.parametrize(
    ("name", "subtype"), [("a.wav", "PCM_16"), ("a.wav", "FLOAT"), ("a.flac", "PCM_24"), ("a.ogg", "VORBIS")]
)
def test_a_full_disk_is_an_output_error_and_leaves_nothing(tmp_path, name, subtype):
    pytest.importorskip("resource", reason="no limits on file size here")
    script = f"""
        import resource, sys
        import numpy as np
        from fxlab.audio.writer import Writer
        from fxlab.errors import OutputError
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        noise = np.random.default_rng(0).uniform(-1, 1, (2, 100_000))
        try:
            with Writer({name!r}, 48_000, 2, {subtype!r}) as writer:
                for _ in range(5):
                    writer.write(noise)
        except OutputError as error:
            sys.exit(f"refused: {{error}}")
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], cwd=tmp_path, capture_output=True, text=True)
    assert f"refused: Can't write {name}: File too large." in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_libsndfile_reads_our_integers_as_others_would(tmp_path):
    write(tmp_path / "a.wav", np.array([[-1.0, -0.5, 0.0, 0.25, 1 - 2**-15]], np.float32), "PCM_24")
    found, _ = soundfile.read(tmp_path / "a.wav", dtype="int32")
    assert (found >> 8).tolist() == [-(2**23), -(2**22), 0, 2**21, 2**23 - 2**8]
