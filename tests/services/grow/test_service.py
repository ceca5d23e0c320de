"""Growing timbres: what is written, that blocks don't matter, and what automata, lanes and damage do to the sound."""

from __future__ import annotations

import csv
import json
import math

import numpy as np
import pytest
import soundfile

from fxlab.audio.files import probe, read
from fxlab.errors import InputError, UsageError
from fxlab.formats.plain_json import text_of
from fxlab.services.grow import file as grow_file
from fxlab.services.grow import measures as grow_measures
from fxlab.services.grow import sound as grow_sound
from fxlab.services.grow.performance import performance_of
from fxlab.services.grow.service import Request, Result, run
from fxlab.services.grow.sound import Settings, sound_of
from fxlab.timbre.instrument import read_instrument

CELLS = [f"h{n}" for n in range(1, 17)] + [f"n{n}" for n in range(1, 9)]


@pytest.fixture
def grown(tmp_path, instrument_file):
    """`grown(**options)`: the samples (channels, n) and the result, of the grown instrument unless `inputs` say otherwise."""

    def play(inputs=None, output="out.wav", **options) -> tuple[np.ndarray, Result]:
        path = tmp_path / output
        request = Request([instrument_file()] if inputs is None else inputs, path, **({"bit_depth": "float"} | options))
        return (read(path)[0] if (result := run(request)).takes[0].take.output == path else None), result

    return play


def mask(path) -> np.ndarray:
    """The gains, (frames, cells), of a table."""
    with open(path, newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["time_s", *CELLS]
    return np.array(rows[1:], float)[:, 1:]


def test_an_instrument_and_nothing_else(tmp_path, instrument_file):
    path = tmp_path / "flute.safetensors"
    path.write_bytes(instrument_file().read_bytes())
    result = run(Request([path]))
    info = probe(tmp_path / "flute.grown.wav")
    assert (info.sample_rate_hz, info.channels, info.subtype) == (44_100, 1, "PCM_24")
    assert info.frames == round(40 * 512 * 2)
    assert sorted(found.name for found in tmp_path.iterdir()) == ["flute.grown.wav", "flute.safetensors"]
    assert (result.performance, result.automaton, result.steps, result.exit_code) == ("its own phrase", "grown", 32, 0)
    assert result.takes[0].speed > 0 and json.loads(text_of(result.to_json()))["instrument"]["licence"] == "CC0"


def test_growth_goes_from_the_fundamental_to_all_cells(tmp_path, grown):
    audio, _ = grown(mask=tmp_path / "mask.csv", pitch=0.0)
    gains = mask(tmp_path / "mask.csv")
    assert gains[0, 0] == 1 and not gains[0, 1:].any() and np.mean(gains[-1] > 0.8) > 0.9
    active = (gains > 10**-1.5).sum(axis=1)
    assert np.mean(np.diff(active) >= 0) > 0.95 and np.diff(active).max() <= 4
    tone = audio[0, 2048:6144] * np.hanning(4096)  # at first there is a sine of MIDI note 57 alone
    peak = np.argmax(np.abs(np.fft.rfft(tone)))
    assert peak == round(220 * 4096 / 44_100)


@pytest.mark.parametrize("options", [{}, {"stereo": True, "damage": "2:9@30%", "regrow": True}])
def test_blocks_dont_matter(monkeypatch, instrument_file, options):
    model = read_instrument(instrument_file())
    request = Request([instrument_file()], **options)
    performance = performance_of(request, model, lambda *args, **fields: None)
    settings = Settings(model, regrow=request.regrow, stereo=request.stereo)

    def whole(block):
        monkeypatch.setattr(grow_sound, "BLOCK", block)
        return np.concatenate([np.stack([block.harmonic, block.noise]) for block in sound_of(performance, settings)], axis=2)

    assert np.array_equal(whole(512), whole(7))
    assert whole(40).shape[2] == 40 * 512 * 2  # exactly one block


def test_stems_add_up_and_stereo_is_safe_in_mono(tmp_path, grown):
    mono, _ = grown()
    both, result = grown(output="stereo.wav", stereo=True, stems=True)
    stems = [read(path)[0] for path in result.takes[0].take.stems]
    assert [path.name for path in result.takes[0].take.stems] == ["stereo.harmonic.wav", "stereo.noise.wav"]
    assert np.allclose(sum(stems), both, atol=1e-6)
    assert np.allclose(both.mean(axis=0), mono[0], atol=1e-6)
    left, right = both
    assert np.corrcoef(left[20_000:], right[20_000:])[0, 1] < 0.999
    assert abs(10 * math.log10(np.mean(left**2) / np.mean(right**2))) < 1.5  # neither side is louder


def test_damage_cuts_and_regrowing_heals(tmp_path, grown):
    cut = {"damage": "3:8@50%,n2:n3@50%", "age": "0:2"}
    grown(mask=tmp_path / "cut.csv", seconds=3, **cut)
    gains = mask(tmp_path / "cut.csv")
    half = round(len(gains) / 2)
    hit = [CELLS.index(name) for name in ("h3", "h8", "n2", "n3")]
    assert gains[half - 2, hit].min() > 0.9 and not gains[half + 1 :, hit].any()
    assert np.delete(gains[-1], [*range(2, 8), 17, 18]).min() > 0.9
    grown(output="healed.wav", mask=tmp_path / "healed.csv", seconds=3, regrow=True, **cut)
    healed = mask(tmp_path / "healed.csv")
    assert not healed[half + 1, hit].any() and healed[-1, hit].min() > 0.3


def test_reverse_ends_with_the_fundamental(tmp_path, grown):
    grown(reverse=True, mask=tmp_path / "mask.csv")
    gains = mask(tmp_path / "mask.csv")
    assert np.mean(gains[0] > 0.8) > 0.9 and gains[-1, 0] == 1 and not gains[-1, 1:].any()
    grown(output="stages.wav", stages=4, stage_s=0.2, rest_s=0.1, reverse=True, mask=tmp_path / "stages.csv")
    stages = mask(tmp_path / "stages.csv").sum(axis=1)
    assert np.all(np.diff(stages) <= 1e-6)


def test_into_itself_is_the_whole_instrument(grown, instrument_file, tmp_path):
    """What recedes and what grows of the same instrument is all of it at any time."""
    flat, _ = grown(into=instrument_file())
    note = np.sin(2 * np.pi * 220 * np.arange(44_100) / 44_100)
    whole, _ = grown(output="whole.wav", age="0:4")  # age 4 all along: every cell is there
    assert np.abs(flat - whole).max() < 0.05 * np.abs(whole).max()
    soundfile.write(tmp_path / "note.wav", 0.1 * note, 44_100)
    other, result = grown(output="other.wav", into=instrument_file(seed=3))
    assert result.into == "grown-3.safetensors" and not np.allclose(other, flat)


def test_seeds_are_files_of_their_own(tmp_path, grown):
    _, result = grown(output="many.flac", seeds=2, seed=5, bit_depth="16", plot=tmp_path / "sheet.png")
    assert [one.take.output.name for one in result.takes] == ["many-5.flac", "many-6.flac"]
    assert [one.take.seed for one in result.takes] == [5, 6]
    first, second = (read(one.take.output)[0] for one in result.takes)
    assert not np.array_equal(first, second) and (tmp_path / "sheet.png").stat().st_size > 5000
    alone, _ = grown(output="alone.flac", seed=6, bit_depth="16")
    assert np.array_equal(alone, second)


def test_what_is_too_loud_is_turned_down_as_a_whole(monkeypatch, grown):
    quiet, result = grown(output="quiet.wav")
    assert result.takes[0].gain_db == 0 and result.takes[0].peak_db < -1
    monkeypatch.setattr(grow_file, "CEILING_DB", -20.0)
    loud, result = grown(stems=True)
    one = result.takes[0]
    assert 20 * np.log10(np.abs(loud).max()) == pytest.approx(-20, abs=0.1)
    assert one.gain_db == pytest.approx(-20 - one.peak_db) and np.allclose(loud, quiet * 10 ** (one.gain_db / 20), atol=1e-6)


def test_audio_is_followed_in_its_own_rate(tmp_path, grown, instrument_file):
    pytest.importorskip("swift_f0")
    time_s = np.arange(24_000) / 24_000
    tone = sum(np.sin(2 * np.pi * 392 * n * time_s) / n for n in range(1, 6)) * np.hanning(24_000)
    soundfile.write(tmp_path / "voice.wav", 0.2 * tone, 24_000)
    sound, result = grown([instrument_file("")], resynth=tmp_path / "voice.wav")  # one without an automaton does
    assert (result.automaton, result.takes[0].rate_hz) == ("", 24_000) and abs(sound.shape[1] - 24_000) <= 1024
    middle = np.abs(np.fft.rfft(sound[0, 8000:16_192] * np.hanning(8192)))
    heard = np.flatnonzero(middle > 0.02 * middle.max()) * 24_000 / 8192
    assert np.abs(heard / 392 - np.round(heard / 392)).max() < 0.03  # nothing but multiples of its pitch
    table = "\n".join(f"{0.05 * n:.2f},784" for n in range(25))
    (tmp_path / "pitch.csv").write_text(f"time_s,f0_hz\n{table}\n")
    told, _ = grown(
        [instrument_file("")], output="told.wav", resynth=tmp_path / "voice.wav", f0=tmp_path / "pitch.csv", match=False
    )
    middle = np.abs(np.fft.rfft(told[0, 8000:16_192] * np.hanning(8192)))
    heard = np.flatnonzero(middle > 0.02 * middle.max()) * 24_000 / 8192
    assert np.abs(heard / 784 - np.round(heard / 784)).max() < 0.05


def test_midi_in_voices(tmp_path, grown):
    mido = pytest.importorskip("mido")
    file, track = mido.MidiFile(), mido.MidiTrack()
    file.tracks.append(track)
    for kind, time in (("note_on", 0), ("note_off", 480)):
        for number, note in enumerate((60, 64, 67)):
            track.append(mido.Message(kind, note=note, velocity=90, time=0 if number else time))
    file.save(tmp_path / "chord.mid")
    chord, result = grown(along=tmp_path / "chord.mid", age="0:1")
    assert result.performance == "chord.mid, 3 voices"
    solo, result = grown(output="solo.wav", along=tmp_path / "chord.mid", age="0:1", voices=1)
    assert result.performance == "chord.mid, 1 voice" and not np.allclose(solo, chord[:, : solo.shape[1]])


def test_what_is_taken_elsewhere(tmp_path, grown):
    _, result = grown(
        wavetable=tmp_path / "table.wav", sfz=tmp_path / "flute", stages=8, stage_s=0.15, rest_s=0, plot=tmp_path / "p.svg"
    )
    table = read(tmp_path / "table.wav")[0].reshape(8, 2048)
    levels = np.abs(np.fft.rfft(table))[:, 1:17]
    assert (levels[0, 1:] < 0.2 * levels[0, 0]).all()  # the first stage is hardly more than a sine
    assert (levels[-1] > 0.01 * levels[-1].max()).sum() > (levels[0] > 0.01 * levels[-1].max()).sum()
    text = (tmp_path / "flute" / "flute.sfz").read_text()
    assert "licence: CC0" in text and text.count("<region>") == 2 * 9
    assert (tmp_path / "p.svg").read_text().startswith("<?xml")
    assert set(result.files) == {"wavetable", "sfz", "picture"}


def test_growth_is_measured_beside_the_classic_automaton(monkeypatch, grown):
    monkeypatch.setattr(grow_measures, "SEEDS", 3)
    monkeypatch.setattr(grow_measures, "_CLASSIC", 60)
    _, result = grown(report=True)
    figures = result.report.to_json()
    assert list(figures["figures"]) == ["grown", "classic"]
    assert figures["met"]["grown"]["spearman"] and not figures["met"]["classic"]["rise_time"]
    assert figures["figures"]["grown"]["click_db"] < 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"age": "0:0,4"}, "no age"),
        ({"age": "4:0,2:1"}, "later"),
        ({"damage": "10:30"}, "when"),
        ({"damage": "3:99@0s"}, "16 harmonics"),
        ({"damage": "3:4@20s"}, "ends at"),
        ({"regrow": True}, "--damage"),
        ({"automaton": "classic"}, "no classic automaton"),
        ({"stages": 4, "seconds": 3.0}, "don't go together"),
        ({"stages": 4, "age": "0:1"}, "don't go together"),
        ({"melody": True}, "--stages"),
        ({"into": "x.safetensors", "sfz": "x"}, "don't go together"),
        ({"voices": 2}, "MIDI"),
        ({"rate_hz": 1000}, "out of range"),
        ({"voices": 0}, "out of range"),
        ({"pitch": math.nan}, "out of range"),
        ({"seeds": 2, "mask": "m.csv"}, "don't go together"),
        ({"save": "x.safetensors"}, "nothing is learnt"),
        ({"plot": "x.txt"}, "isn't named"),
        ({"output": "x.mp3"}, "doesn't write"),
        ({"output": "x.flac"}, "FLAC"),
        ({"stems": True, "plot": "out.png", "mask": "out.png"}, "another file of this run"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path, monkeypatch, grown, options, says):
    from pathlib import Path

    monkeypatch.chdir(tmp_path)
    paths = {name: Path(value) for name, value in options.items() if name in ("save", "plot", "mask", "into", "sfz")}
    with pytest.raises(UsageError) as caught:
        grown(**(options | paths))
    assert says in f"{caught.value.message} {caught.value.hint}" and caught.value.hint
    assert not list(tmp_path.iterdir())


def test_inputs_that_are_none(tmp_path, grown, instrument_file):
    silence, song = tmp_path / "silence.wav", tmp_path / "song.mid"
    soundfile.write(silence, np.zeros(30_000), 44_100)
    song.write_bytes(b"MThd")
    rng = np.random.default_rng(0)
    hits = rng.normal(0, 0.3, 90_000) * np.exp(-(np.arange(90_000) % 11_025) / 800)
    soundfile.write(tmp_path / "drums.wav", hits, 44_100)
    (tmp_path / "garbage.safetensors").write_bytes(rng.bytes(500))
    here = tmp_path / "grown.safetensors"
    here.write_bytes(instrument_file().read_bytes())
    for error, says, given in (
        (InputError, "no file", {"inputs": [tmp_path / "none.safetensors"]}),
        (InputError, "no file", {"inputs": [tmp_path / "none.wav"]}),
        (InputError, "not an fxlab checkpoint", {"inputs": [tmp_path / "garbage.safetensors"]}),
        (UsageError, "--along", {"inputs": [song]}),
        (UsageError, "--into", {"inputs": [here, instrument_file()]}),
        (UsageError, "don't go together", {"inputs": [here, silence]}),
        (UsageError, "can't grow", {"inputs": [instrument_file("")]}),
        (UsageError, "is an input", {"output": "silence.wav", "along": silence, "force": True}),
        (UsageError, "exists already", {"output": "drums.wav"}),
        (UsageError, "folder", {"output": "."}),
        (InputError, "nothing is heard", {"along": silence}),
        (InputError, "clear pitch", {"along": tmp_path / "drums.wav"}),
        (InputError, "MIDI", {"along": song}),
        (InputError, "folder", {"along": tmp_path}),
        (UsageError, "--along", {"resynth": song}),
    ):
        with pytest.raises(error) as caught:
            grown(**given)
        assert says in f"{caught.value.message} {caught.value.hint}", given
    assert not list(tmp_path.glob("*out*"))


def test_other_models_are_no_instruments(grown):
    from importlib.resources import files

    with pytest.raises(InputError, match="another kind"):
        grown([files("fxlab") / "assets" / "master.safetensors"])


def test_nothing_is_left_of_what_was_broken_off(tmp_path, monkeypatch, grown):
    from fxlab.audio.writer import Writer

    def full(self, block):
        raise KeyboardInterrupt

    monkeypatch.setattr(Writer, "write", full)
    with pytest.raises(KeyboardInterrupt):
        grown(stems=True)
    assert not list(tmp_path.iterdir())
