"""The limiter's own promises; what holds for every effect is tested in `test_contract`."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from fxlab.audio.true_peak import true_peak_db
from fxlab.effects.limiter.stream import INTERVAL
from fxlab.effects.processor import apply
from fxlab.effects.registry import DSP_ENGINES, effect
from fxlab.errors import UsageError

RATE = 44_100
PLAYED = 9000

every_engine = pytest.mark.parametrize("engine", DSP_ENGINES)


def limited(x, engine="numba", rate=RATE, **settings):
    """Audio through a limiter and out of it to the end, in time with the input; and the limiter."""
    limiter = effect("limiter").processor(engine, **settings)
    limiter.prepare(rate, len(x), 512)
    limiter.recorded = x.shape[1]
    y = apply(limiter, np.pad(x, ((0, 0), (0, limiter.latency))), rate, 512)
    return y[:, limiter.latency :], limiter


def noise(frames=PLAYED, channels=2, seed=0, rms=0.3, upto=0.45):
    """Noise that reaches up to a share of the rate, fading in and out."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(rng.standard_normal((channels, frames)))
    spectrum[:, int(upto * frames) :] = 0.0
    fade = np.minimum(1.0, np.minimum(np.arange(frames), np.arange(frames)[::-1]) / 300)
    x = np.fft.irfft(spectrum, frames) * fade
    return (rms * x / x.std()).astype(np.float32)


def tone(share, degrees, frames=PLAYED):
    n = np.arange(frames)
    fade = np.minimum(1.0, np.minimum(n, n[::-1]) / 300)
    return (0.7 * fade * np.sin(2 * np.pi * share * n + np.radians(degrees))).astype(np.float32)[None]


def interpolated_db(audio, factor=16):
    """True peak by padding the spectrum of all of it."""
    padded = np.pad(np.asarray(audio, float), ((0, 0), (2000, 2000)))
    spectrum = np.fft.rfft(padded)
    return 20 * np.log10(np.abs(np.fft.irfft(spectrum, factor * padded.shape[1])).max() * factor)


def square(frames=PLAYED):
    spectrum = np.fft.rfft(np.sign(np.sin(2 * np.pi * 997 / RATE * np.arange(frames))))
    spectrum[int(0.45 * frames) :] = 0.0
    return (0.7 * np.fft.irfft(spectrum, frames)).astype(np.float32)[None]


def impulses(frames=PLAYED):
    x = np.zeros((2, frames), np.float32)
    x[0, 500::1500] = x[0, 501::1500] = 1.0
    x[1, 700::1500] = -1.0
    return x


SOUNDS = {
    "noise": noise(),
    "tone at fs/4, 45 degrees": tone(1 / 4, 45),
    "tone at fs/6, 60 degrees": tone(1 / 6, 60),
    "tone at 0.44 fs": tone(0.44, 10),
    "square": square(),
}


@pytest.mark.parametrize("sound", SOUNDS)
@pytest.mark.parametrize(
    "settings", [{}, {"lookahead_ms": 1.0, "release_ms": 10.0}, {"link": 0.3}, {"ceiling_db": -12.0}], ids=str
)
def test_the_ceiling_holds_between_the_samples(sound, settings):
    y, limiter = limited(SOUNDS[sound], gain_db=9.0, **settings)
    over = interpolated_db(y) - settings.get("ceiling_db", -1.0)
    assert over <= 0.05
    assert limiter.reduction_db > 4.0
    if "lookahead_ms" not in settings:
        assert over > -0.3  # nor is more taken than needed


def test_the_ceiling_holds_for_impulses():
    y, _ = limited(impulses(), gain_db=9.0)
    assert interpolated_db(y) <= -1.0 + 0.05


@pytest.mark.parametrize("rate", [8000, 48_000, 192_000])
def test_the_ceiling_holds_at_other_rates(rate):
    for lookahead_ms in (0.5, 10.0):
        y, _ = limited(noise(rms=0.4), rate=rate, gain_db=9.0, lookahead_ms=lookahead_ms)
        assert interpolated_db(y) <= -1.0 + (0.05 if lookahead_ms * rate > 40_000 else 0.5)


def test_the_ceiling_holds_for_songs(shared_audio):
    for name in ("menutheme", "skyvibe_highfrequency"):
        path = shared_audio / "music" / f"{name}.ogg"
        if not path.is_file():
            pytest.skip(f"no {path.name}")
        x, rate = soundfile.read(path, start=10 * 44_100, frames=2 * 44_100, dtype="float32")
        y, _ = limited(np.ascontiguousarray(x.T), rate=rate, gain_db=9.0)
        assert interpolated_db(y) <= -1.0 + 0.05
        assert true_peak_db(y, rate, 16) <= -1.0 + 0.05


@every_engine
def test_what_stays_below_the_ceiling_passes_bit_by_bit(engine):
    x = noise(frames=4000)
    x *= np.float32(10 ** ((-1.01 - true_peak_db(x, RATE)) / 20))
    y, limiter = limited(x, engine)
    assert np.array_equal(y, x) and limiter.reduction_db == 0.0
    y, _ = limited(x, engine, gain_db=-7.3)
    assert np.array_equal(y, (x.astype(float) * 10 ** (-7.3 / 20)).astype(np.float32))


@every_engine
def test_after_a_peak_it_comes_back_to_passing_bit_by_bit(engine):
    x = noise(frames=40_000, rms=0.05)
    x[:, 2000:2100] *= 40.0
    y, limiter = limited(x, engine, release_ms=10.0, lookahead_ms=1.0)
    assert limiter.reduction_db > 6.0 and not np.array_equal(y[:, 2000:2100], x[:, 2000:2100])
    assert np.array_equal(y[:, :1900], x[:, :1900]) and np.array_equal(y[:, -10_000:], x[:, -10_000:])


def test_a_lone_peak_is_soon_forgotten_and_dense_ones_are_not():
    times = []
    for loud in (50, 20_000):
        x = np.full((1, 70_000), 0.01, np.float32)
        x[0, 1000 : 1000 + loud] = np.sin(0.14 * np.arange(loud))
        y, _ = limited(x, gain_db=9.0)
        gain_db = 20 * np.log10(y[0, 1000 + loud :] / x[0, 1000 + loud :]) - 9.0
        times.append(1000 / RATE * np.count_nonzero(gain_db < -1.0))
    assert times[0] < 60.0 and times[1] > 3 * times[0]


def test_a_low_note_is_hardly_distorted():
    x = (10 ** (5 / 20) * np.sin(2 * np.pi * 50 / RATE * np.arange(3 * RATE // 2)))[None].astype(np.float32)
    y, _ = limited(x)
    lines = np.abs(np.fft.rfft(y[0, RATE // 2 :]))  # a second: a line per hertz
    assert np.sqrt(np.sum(lines[100::50] ** 2)) < 0.003 * lines[50]


def test_the_gain_is_common_to_all_channels_or_not():
    x = np.concatenate([noise(4000, 1, rms=0.5), noise(4000, 1, 1, rms=0.05)])
    linked, _ = limited(x, gain_db=6.0)
    loud = np.abs(x).min(axis=0) > 1e-3
    gains = linked[:, loud] / x[:, loud]
    assert np.allclose(gains[0], gains[1], rtol=1e-5)
    apart, _ = limited(x, gain_db=6.0, link=0.0)
    assert np.array_equal(apart, np.concatenate([limited(row[None], gain_db=6.0)[0] for row in x]))
    half, _ = limited(x, gain_db=6.0, link=0.5)
    gains_half, gains_apart = half[1, loud] / x[1, loud], apart[1, loud] / x[1, loud]
    assert np.allclose(gains_half, (gains[1] + gains_apart) / 2, atol=2e-3)


@every_engine
def test_the_reduction_is_told(engine):
    x = noise(5000, rms=0.4)
    limiter = effect("limiter").processor(engine, gain_db=6.0)
    limiter.recorded = x.shape[1]
    padded = np.pad(x, ((0, 0), (0, 1000)))
    y = apply(limiter, padded, RATE, 333)[:, limiter.latency :][:, : x.shape[1]]
    sounding = np.abs(x[0]) > 1e-3
    gain_db = np.where(sounding, 20 * np.log10(np.abs(y[0] / np.where(sounding, x[0], 1.0)) + 1e-9) - 6.0, 0.0)
    told = limiter.reductions_db()
    assert told.shape == (-(-5000 // INTERVAL),)
    for number, value in enumerate(told):
        assert value == pytest.approx(-gain_db[number * INTERVAL : (number + 1) * INTERVAL].min(), abs=0.05)
    assert limiter.reduction_db == pytest.approx(told.max(), abs=1e-9)
    limiter.reset()
    assert limiter.reduction_db == 0.0 and not limiter.reductions_db().any()


@every_engine
def test_sums_that_wrap_around_change_nothing(engine):
    x = noise(3000)
    usual, limiter = limited(x, engine, gain_db=9.0)
    limiter.reset()
    state = limiter.state()
    state["sums"][:, 2] += np.iinfo(np.int64).max - 10
    state["sum_line"] += np.iinfo(np.int64).max - 10
    limiter.restore(state)
    y = np.empty((2, 3000 + limiter.latency), np.float32)
    padded = np.pad(x, ((0, 0), (0, limiter.latency)))
    for start in range(0, y.shape[1], 512):
        block = np.ascontiguousarray(padded[:, start : start + 512])
        limiter.process(block, block)
        y[:, start : start + 512] = block
    assert np.array_equal(y[:, limiter.latency :], usual)


def test_quiet_stretches_that_are_passed_over_are_those_of_the_plain_form():
    x = noise(12_000, rms=0.2) * np.repeat(np.geomspace(0.02, 1.0, 12)[np.random.default_rng(2).permutation(12)], 1000)
    x = x.astype(np.float32)
    for gain_db in (0.0, 6.0, 12.0):
        assert np.abs(limited(x, gain_db=gain_db)[0] - limited(x, "numpy", gain_db=gain_db)[0]).max() < 1e-6


@every_engine
def test_whatever_comes_in_something_finite_comes_out(engine):
    x = noise(2000)
    x[0, 300:310] = np.finfo(np.float32).max
    x[1, 800:810] = -1e14
    x[0, 1200] = 1e-40
    y, _ = limited(x, engine, gain_db=60.0)
    assert np.isfinite(y).all() and np.abs(y).max() <= 1.0


def test_it_has_no_differentiable_form():
    with pytest.raises(UsageError, match="no differentiable form"):
        effect("limiter").torch_module(RATE)
