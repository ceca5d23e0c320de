"""Sampled instruments: loops without a seam, every key and velocity served once, everything written or nothing."""

from __future__ import annotations

import re

import numpy as np
import pytest
import soundfile

from fxlab.errors import InputError, OutputError, UsageError
from fxlab.timbre.sfz import LOOP_S, looped, write_sfz

RATE = 8_000


def played(f0_hz, loudness_db, seconds, rate=RATE, noise=0.02):
    """Eight harmonics that swell, wander in level and slowly lose their upper ones, and noise."""
    time = np.arange(round(seconds * rate)) / rate
    level = 10 ** (loudness_db / 20) * np.minimum(time / 0.1, 1) * (1 + 0.2 * np.sin(2 * np.pi * 0.4 * time))
    harmonic = sum(np.exp(-0.2 * k * time) / k * np.sin(2 * np.pi * k * f0_hz * time + k) for k in range(1, 9))
    return level * harmonic, noise * level * np.random.default_rng(0).standard_normal(len(time))


def opcodes(text):
    """The regions, each with what it inherits, as a sampler reads them."""
    inherited, regions = {"<control>": {}, "<global>": {}, "<group>": {}}, []
    for header, body in re.findall(r"(<\w+>)([^<]*)", re.sub(r"//.*", "", text)):
        values = dict(re.findall(r"(\w+)=(\S+)", body))
        if header == "<region>":
            regions.append(inherited["<control>"] | inherited["<global>"] | inherited["<group>"] | values)
        else:
            inherited[header] = values
    return regions


@pytest.mark.parametrize("f0_hz", [27.5, 110.0, 261.63, 987.77])
def test_loops_have_no_seam(f0_hz):
    rate = 22_050
    note = looped(lambda *asked: played(*asked, rate, noise=0.0), f0_hz, -6.0, rate)
    length = note.end + 1 - note.start
    loop = note.samples[note.start : note.end + 1]
    assert abs(length / rate - LOOP_S) < 1 / f0_hz + 2 / rate
    assert np.allclose(note.samples[note.end + 1 :], loop[: len(note.samples) - note.end - 1])  # for interpolators
    twice = np.concatenate([loop, loop])
    # The third difference, which a leap in level, slope or curvature raises, is no larger at the seam than nearby.
    bends = np.abs(np.diff(twice, 3))
    period = round(rate / f0_hz)
    nearby = np.concatenate([bends[length - 12 * period : length - period], bends[length + period : length + 12 * period]])
    assert bends[length - 3 : length + 1].max() <= 1.02 * nearby.max()
    # And it is a whole number of periods: all that it holds is at multiples of the fundamental.
    spectrum = np.abs(np.fft.rfft(loop)) ** 2
    periods = round(f0_hz * length / rate)
    around = sum(spectrum[k * periods - 8 : k * periods + 9].sum() for k in range(1, 9))
    assert around > 0.9999 * spectrum.sum()


def test_a_note_is_tuned_by_less_than_a_fiftieth_of_a_cent():
    asked = []
    for f0_hz in np.geomspace(20, 4000, 12):
        looped(lambda f0, *more: asked.append(f0) or played(f0, *more, 44_100), f0_hz, -6.0, 44_100)
        note = asked[-1]
        assert abs(1200 * np.log2(note / f0_hz)) < 0.02


def test_noise_keeps_its_power_through_the_loop():
    rng = np.random.default_rng(0)
    note = looped(
        lambda f0, level, seconds: (np.zeros(round(seconds * RATE)), rng.standard_normal(round(seconds * RATE))), 200, 0, RATE
    )
    powers = [np.mean(part**2) for part in np.array_split(note.samples[note.start : note.end + 1], 12)]
    assert np.allclose(powers, 1, atol=0.2)


@pytest.mark.parametrize("layers", [[-20.0], [-40.0, -30.0, -20.0]])
def test_every_key_and_velocity_is_served_once(tmp_path, layers):
    told = []
    more = {"step": 4, "remarks": ["By A\nB, CC BY"], "progress": lambda *at: told.append(at)}
    path = write_sfz(tmp_path / "sax", "sax", played, (56.6, 66.0), RATE, layers, **more)
    text = path.read_text()
    assert path == tmp_path / "sax" / "sax.sfz" and "// By A B, CC BY\n" in text
    regions = opcodes(text)
    served = np.zeros((128, 128), int)
    peaks = []
    for region in regions:
        low, high, root = (int(region[name]) for name in ("lokey", "hikey", "pitch_keycenter"))
        served[int(region["lovel"]) : int(region["hivel"]) + 1, low : high + 1] += 1
        assert low <= root <= high and region["loop_mode"] == "loop_continuous" and float(region["ampeg_release"]) > 0
        audio, rate = soundfile.read(path.parent / region["default_path"] / region["sample"])
        assert rate == RATE and int(region["loop_start"]) < int(region["loop_end"]) < len(audio)
        peaks.append(np.abs(audio).max())
        assert region["amp_veltrack"] == "100"
        assert len(layers) > 1 or not any(name.startswith("amp_velcurve") for name in region)
    assert (served == 1).all()
    assert sorted({int(region["pitch_keycenter"]) for region in regions}) == [57, 61, 65]
    assert max(peaks) == pytest.approx(10 ** (-1 / 20), abs=1e-3)  # one gain for all: layers keep their distances
    assert max(peaks[:3]) / max(peaks[-3:]) == pytest.approx(10 ** ((layers[0] - layers[-1]) / 20), rel=0.05)
    assert told[0] == (0, len(regions)) and told[-1] == (len(regions), len(regions))


def test_loudness_grows_evenly_with_the_velocity(tmp_path):
    layers = [-40.0, -30.0, -20.0]
    path = write_sfz(tmp_path / "sax", "sax", played, (60, 60), RATE, layers)
    levels_db = []
    for region, layer_db in zip(opcodes(path.read_text()), layers, strict=True):
        points = {int(name[13:]): float(value) for name, value in region.items() if name.startswith("amp_velcurve_")}
        assert max(points) == int(region["hivel"]) and points[max(points)] == 1
        for velocity in range(max(1, int(region["lovel"])), int(region["hivel"]) + 1):
            levels_db.append(layer_db + 20 * np.log10(np.interp(velocity, list(points), list(points.values()))))
    assert len(levels_db) == 127 and levels_db[-1] == -20
    assert np.allclose(np.diff(levels_db), 10 / 42.5, atol=0.03)  # layers of 42 or 43 velocities, 10 dB apart


def test_instruments_are_replaced_only_when_asked_and_other_folders_never(tmp_path):
    folder = tmp_path / "sax"

    def write(name="sax", **more):
        return write_sfz(folder, name, played, (60, 60), RATE, [-20.0], **more)

    folder.mkdir()
    write()  # an empty folder is no loss
    with pytest.raises(UsageError, match="exists"):
        write()
    (folder / "sax.sfz").write_text("old")
    write(force=True)
    assert "old" not in (folder / "sax.sfz").read_text()
    with pytest.raises(UsageError, match="other things"):
        write("oboe", force=True)
    (folder / "thesis.txt").write_text("")
    with pytest.raises(UsageError, match="other things"):
        write(force=True)
    assert sorted(entry.name for entry in folder.iterdir()) == ["samples", "sax.sfz", "thesis.txt"]
    assert list(tmp_path.iterdir()) == [folder]


def test_nothing_is_left_of_an_instrument_that_fails(tmp_path, monkeypatch):
    def silent(f0_hz, loudness_db, seconds):
        return (np.zeros(round(seconds * RATE)),) * 2

    with pytest.raises(InputError, match="nothing to sample"):
        write_sfz(tmp_path / "sax", "sax", silent, (60, 60), RATE, [-20.0])
    monkeypatch.setattr("fxlab.timbre.sfz.Writer.write", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OutputError, match="No space"):
        write_sfz(tmp_path / "sax", "sax", played, (60, 60), RATE, [-20.0])
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        write_sfz(tmp_path / "file" / "sax", "sax", played, (60, 60), RATE, [-20.0])
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    "wrong", [{"name": "a/b"}, {"name": ""}, {"name": ".a"}, {"step": 0}, {"layers": []}, {"layers": [0.0] * 17}]
)
def test_what_cannot_be_sampled(tmp_path, wrong):
    asked = {"folder": tmp_path / "x", "name": "x", "render": played, "range_midi": (60, 61), "rate_hz": RATE, "layers": [0.0]}
    with pytest.raises(UsageError):
        write_sfz(**asked | wrong)
    assert not list(tmp_path.iterdir())
