"""The round trip through a cable: exact figures through an imaginary one, and a real stream through a sound server."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import scipy.signal

from fxlab.audio import round_trip
from fxlab.errors import CheckError, MissingError
from fxlab.services.live import remembered as live_remembered
from fxlab.services.live.latency import measure_through

_spec = importlib.util.spec_from_file_location("fxlab_tests_cable", Path(__file__).with_name("cable.py"))
_cable = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_cable)

RATE = 48_000


def returned(delay: float, gain: float = 1.0, channels: int = 1) -> np.ndarray:
    """What comes back through a cable that delays by a part of a sample too."""
    sent = round_trip.signal(RATE).astype(np.float64)
    length = 1 << (len(sent) + RATE).bit_length()
    turned = np.exp(-2j * np.pi * np.fft.rfftfreq(length) * delay)
    back = gain * np.fft.irfft(np.fft.rfft(sent, length) * turned, length)[: len(sent)]
    return np.tile(back.astype(np.float32), (channels, 1))


@pytest.mark.parametrize("rate", [16_000, 44_100, 96_000])
def test_the_signal_is_short_and_as_loud_as_it_says(rate):
    sent = round_trip.signal(rate)
    assert len(sent) <= 4.5 * rate and not sent[: round(0.9 * rate)].any()
    assert 20 * np.log10(np.abs(sent).max()) == pytest.approx(-12.0, abs=1e-4)


@pytest.mark.parametrize(("delay", "gain"), [(0.0, 1.0), (517.0, -0.5), (1234.37, 2.0), (43_210.5, -0.01)])
def test_delay_polarity_and_gain_are_exact(delay, gain):
    found = round_trip.find(returned(delay, gain), RATE)
    assert found.samples == pytest.approx(delay, abs=0.01) and found.spread < 0.01
    assert found.polarity == np.sign(gain)
    assert found.gain_db == pytest.approx(20 * np.log10(abs(gain)), abs=0.05)


def test_noise_is_measured_and_does_no_harm():
    noise = np.random.default_rng(3).normal(0, 0.02, (1, len(round_trip.signal(RATE)))).astype(np.float32)
    found = round_trip.find(returned(800.25, 0.1) + noise, RATE)
    assert found.samples == pytest.approx(800.25, abs=0.2)
    assert found.noise_db == pytest.approx(20 * np.log10(0.02), abs=0.2)
    assert found.gain_db == pytest.approx(-20, abs=1)


def test_a_filter_on_the_way_delays_by_what_it_delays():
    taps = scipy.signal.firwin(65, 8000, fs=RATE)
    heard = scipy.signal.lfilter(taps, 1, returned(300.0)).astype(np.float32)
    assert round_trip.find(heard, RATE).samples == pytest.approx(332.0, abs=0.05)


def test_the_input_with_the_cable_is_found():
    heard = returned(100.0, channels=2)
    heard[0] = np.random.default_rng(0).normal(0, 0.1, heard.shape[1])
    found = round_trip.find(heard, RATE)
    assert found.channel == 1 and found.samples == pytest.approx(100, abs=0.01) and found.noise_db < -200


def test_nothing_or_only_noise_is_refused():
    silence = np.zeros((2, len(round_trip.signal(RATE))), np.float32)
    with pytest.raises(MissingError, match="silent"):
        round_trip.find(silence, RATE)
    with pytest.raises(MissingError, match="only noise"):
        round_trip.find(silence + np.random.default_rng(1).normal(0, 0.1, silence.shape).astype(np.float32), RATE)


def test_clipping_is_refused():
    with pytest.raises(CheckError, match="clips"):
        round_trip.find(np.clip(returned(100.0, 5.0), -1, 1), RATE)


def test_a_delay_that_jumps_is_refused():
    heard, middle = returned(500.0), 2 * RATE
    jumped = np.concatenate((heard[:, :middle], np.zeros((1, 64), np.float32), heard[:, middle:]), axis=1)
    with pytest.raises(CheckError, match=r"500 to 564 samples, and the device reported 2 gaps \(xruns\)"):
        round_trip.find(jumped, RATE, gaps=2)
    heard[:, middle:] = 0
    with pytest.raises(CheckError, match="4 of 8 bursts are lost"):
        round_trip.find(heard, RATE)


def test_through_the_rack_every_sample_is_counted():
    setup, player = _cable.cable(delay=700, gain=-0.5)
    measured = measure_through(setup, open_player=player)
    assert measured.found.samples == pytest.approx(700, abs=1e-3) and measured.found.polarity == -1
    assert measured.found.gain_db == pytest.approx(-6.02, abs=0.01)
    assert measured.seconds == pytest.approx(700 / RATE) and measured.claimed_s == pytest.approx(0.02)
    document = measured.to_json()
    assert document["round_trip_s"] == measured.seconds and document["source"] == "cable in"


def test_measurements_are_remembered(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert live_remembered.remembered() == []
    assert live_remembered.remember("in", "out", RATE, 128, 0.010)
    assert live_remembered.remember("in", "other", RATE, 128, 0.020)
    assert live_remembered.remember("in", "out", RATE, 128, 0.011)
    rows = live_remembered.remembered()
    assert [row["seconds"] for row in rows] == [0.020, 0.011]
    assert live_remembered.round_trip_s(rows, "in") == 0.011
    assert live_remembered.round_trip_s(rows, "other") == 0.020 and live_remembered.round_trip_s(rows, "third") is None
    for damaged in ("[", "{}", '[{"input": 1}]', '[{"input": "a", "output": "b", "sample_rate_hz": 1, "buffer": 1}]', "\xff"):
        live_remembered.place().write_bytes(damaged.encode("latin-1"))
        assert live_remembered.remembered() == []
    live_remembered.place().unlink()
    live_remembered.place().mkdir()
    assert not live_remembered.remember("in", "out", RATE, 128, 0.010)


def test_a_real_stream_is_measured_and_remembered(pulse, tmp_path):
    pulse.environment |= {"PULSE_SOURCE": "fxlab_out.monitor", "XDG_CACHE_HOME": str(tmp_path / "cache")}
    command = ["-m", "fxlab", "live", "--measure-latency", "--buffer", "1024", "--rate", "48000", "--json"]
    for _ in range(4):
        run = pulse.python(*command)
        document = json.loads(run.stdout)
        if run.returncode == 0:
            break
        # A busy machine loses sound on the way. That is what has to be said then, and nothing is remembered.
        assert run.returncode == 5 and "steady" in document["error"]["message"], run.stderr
        assert not (tmp_path / "cache" / "fxlab" / "latency.json").exists()
    else:
        return
    assert 0.001 < document["round_trip_s"] < 1 and document["spread_s"] < 0.0005
    assert document["polarity"] == 1 and document["gain_db"] == pytest.approx(0, abs=0.1)
    listed = json.loads(pulse.python("-m", "fxlab", "live", "--list-devices", "--json").stdout)
    named = [one for one in listed["devices"] if one["name"] == document["sink"]]
    assert named[0]["measured_s"] == pytest.approx(document["round_trip_s"])
    assert RATE in named[0]["rates"] and isinstance(listed["midi"], list)


def test_a_stream_without_a_cable_is_refused(pulse):
    run = pulse.python("-m", "fxlab", "live", "--measure-latency", "--buffer", "1024", "--rate", "48000", "--json")
    assert run.returncode == 4 and "silent" in json.loads(run.stdout)["error"]["message"]
