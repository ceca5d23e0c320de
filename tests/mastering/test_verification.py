from __future__ import annotations

import numpy as np
import pytest
import soundfile

from fxlab.audio.programme import ProgrammeMeter
from fxlab.audio.true_peak import true_peak_db
from fxlab.mastering.analysis import Analyser
from fxlab.mastering.beside import Beside
from fxlab.mastering.solver import Aim
from fxlab.mastering.verification import balance, measure, mono, promises

RATE = 44_100


def analysis(audio):
    analyser = Analyser(RATE, len(audio), true_peak=0)
    analyser.add(np.ascontiguousarray(audio, np.float32))
    return analyser.analysis()


def noise(frames=2 * RATE, channels=2, level=0.1, seed=1):
    return (level * np.random.default_rng(seed).standard_normal((channels, frames))).astype(np.float32)


@pytest.mark.parametrize(("side", "loss"), [(0.0, 0.0), (1.0, 3.01), (3.0, 10.0)])
def test_what_mono_costs_is_the_share_of_the_side(side, loss):
    middle, apart = noise()
    found = mono(analysis(np.stack((middle + side * apart, middle - side * apart))))
    assert [band.name for band in found.bands] == ["bass", "low mids", "high mids", "highs"]
    for band in found.bands:
        assert band.loss_db == pytest.approx(loss, abs=0.5)
    assert found.correlation == pytest.approx((1 - side**2) / (1 + side**2), abs=0.02)


def test_mono_and_silence_have_no_loss_to_tell_of():
    assert mono(analysis(noise(channels=1))) is None
    assert mono(analysis(np.zeros((2, RATE)))) is None


def test_balance_is_told_without_the_change_of_level():
    quiet = noise()
    change = balance(analysis(quiet), analysis(4.0 * quiet)).change_db
    assert change == pytest.approx(np.zeros(27), abs=1e-3)


def test_a_file_is_measured_as_its_samples_are(tmp_path):
    audio, path = noise(), tmp_path / "song.wav"
    soundfile.write(path, audio.T, RATE, "FLOAT")
    shares = []
    measured = measure(path, None, shares.append)
    meter = ProgrammeMeter(RATE, 2, true_peak=0)
    meter.add(audio)
    assert measured.lufs == measured.programme.integrated_lufs == meter.programme().integrated_lufs
    assert measured.programme.true_peak_db == pytest.approx(true_peak_db(audio, RATE, 8), abs=1e-5)
    assert measured.frames == audio.shape[1] and shares[-1] == 1.0 and shares == sorted(shares)


def test_promises_are_kept_or_not(tmp_path):
    path = tmp_path / "song.wav"
    soundfile.write(path, noise().T, RATE, "PCM_24")
    measured = measure(path, None)
    peak, expected = measured.programme.true_peak_db, (2 * RATE, RATE, 2, "PCM_24")

    def broken(aim, ceiling_db, *wanted):
        return [promise.name for promise in promises(measured, aim, ceiling_db, *wanted) if not promise.kept]

    assert broken(Aim(measured.lufs + 0.09, True), peak, *expected) == []
    assert broken(Aim(measured.lufs - 0.11, True), peak - 0.001, *expected) == ["loudness", "true peak"]
    assert broken(Aim(0.0, True, "more"), None, *expected) == []
    assert broken(Aim(None, False), None, 2 * RATE + 1, RATE, 1, "PCM_24") == ["length", "format"]
    assert broken(Aim(None, False), None, 2 * RATE, RATE, 2, "PCM_16") == ["format"]


def test_work_beside_keeps_its_order_and_tells_its_errors():
    seen = []
    with Beside(seen.append) as beside:
        for number in range(100):
            beside(number)
    assert seen == list(range(100))

    def fails(number):
        raise ValueError(str(number))

    with pytest.raises(ValueError, match="0"), Beside(fails) as beside:
        beside(0)
    with pytest.raises(ValueError, match="0"), Beside(fails) as beside:
        for number in range(100):
            beside(number)
