"""The convolver against SciPy's convolution, and files that are no impulse responses."""

from __future__ import annotations

import os
import struct
import tracemalloc
from functools import partial

import numpy as np
import pytest
import soundfile
import torch
from scipy import signal

from fxlab.effects.convolver import EFFECT, impulse
from fxlab.effects.convolver.partitions import LARGEST, TICK, levels
from fxlab.effects.convolver.transform import backward_pass, forward, twiddles, twist
from fxlab.effects.processor import apply
from fxlab.errors import InputError, UsageError

RATE = 48_000
PLAIN = {"normalize": "none"}


@pytest.fixture
def written(tmp_path):
    """`written(response)` is the name of a file with these samples, (frames,) or (channels, frames)."""

    def write(response, rate=RATE, name="ir.wav"):
        soundfile.write(tmp_path / name, np.asarray(response).T, rate, "FLOAT")
        return str(tmp_path / name)

    return write


def noise(*shape, seed=1):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def convolved(x, response):
    """By SciPy, in float64, as many frames as `x`."""
    pairs = zip(x.astype(np.float64), np.broadcast_to(response, (len(x), np.shape(response)[-1])), strict=True)
    return np.stack([signal.oaconvolve(one, h.astype(np.float64))[: x.shape[1]] for one, h in pairs])


def play(processor, x, sizes):
    """`x` through a prepared processor in blocks of the given sizes, repeated."""
    out, at, turn = np.empty_like(x), 0, 0
    while at < x.shape[1]:
        block = np.ascontiguousarray(x[:, at : at + sizes[turn % len(sizes)]])
        processor.process(block, target := np.empty_like(block))
        out[:, at : at + block.shape[1]] = target
        at, turn = at + block.shape[1], turn + 1
    return out


def close(one, other):
    return np.abs(one - other).max() <= 1e-6 * np.abs(other).max()


@pytest.mark.parametrize("length", [1, 2, 63, 64, 65, 1000, 9600, 40_000])
def test_equals_scipy_however_it_is_split(written, length):
    h, x = noise(length), noise(1, 50_000 if length > 10_000 else 14_000, seed=2)
    wanted = convolved(x, h)
    processor = EFFECT.processor(ir=written(h), **PLAIN)
    for sizes in ([64], [17, 1, 300], [x.shape[1]], np.random.default_rng(length).integers(1, 900, 40).tolist()):
        processor.prepare(RATE, 1, max(sizes))
        assert (processor.latency, processor.tail) == (0, length - 1)
        assert close(play(processor, x, sizes), wanted)


@pytest.mark.parametrize("length", [1, 65, 1000])
def test_reference_and_module_equal_scipy(written, length):
    h, x = noise(length), noise(2, 3000, seed=2)
    settings = {"ir": written(h), **PLAIN}
    assert close(apply(EFFECT.processor("numpy", **settings), x, RATE, 700), convolved(x, h))
    with torch.no_grad():
        assert close(EFFECT.torch_module(RATE, **settings)(torch.from_numpy(x)).numpy(), convolved(x, h))


@pytest.mark.parametrize("engine", ["numba", "numpy"])
def test_each_channel_has_its_own_response(written, engine):
    h, x = noise(2, 700), noise(2, 4000, seed=2)
    settings = {"ir": written(h), **PLAIN}
    assert close(apply(EFFECT.processor(engine, **settings), x, RATE, 100), convolved(x, h))
    with torch.no_grad():
        module = EFFECT.torch_module(RATE, **settings)
        assert close(module(torch.from_numpy(x)[None])[0].numpy(), convolved(x, h))
        with pytest.raises(UsageError, match="2 channels"):
            module(torch.zeros(3, 100))
    for channels in (1, 3):
        with pytest.raises(UsageError, match=f"has 2 channels, the audio has {channels}") as raised:
            EFFECT.processor(engine, **settings).prepare(RATE, channels, 64)
        assert "ffmpeg" in raised.value.hint


def test_the_state_in_the_middle_of_long_transforms_is_a_value(written):
    x = noise(1, 60_000)
    processor = EFFECT.processor(ir=written(noise(40_000)), **PLAIN)
    processor.prepare(RATE, 1, 500)
    play(processor, x[:, :22_222], [500])
    middle = processor.state()
    first = play(processor, x[:, 22_222:], [500])
    processor.restore(middle)
    assert np.array_equal(play(processor, x[:, 22_222:], [500]), first)


@pytest.mark.parametrize("channels", [1, 2])
def test_processing_a_long_response_does_not_allocate(written, channels, memory_taken):
    processor = EFFECT.processor(ir=written(noise(40_000)), **PLAIN)
    processor.prepare(RATE, channels, 700)
    for frames in (1, 64, 700):
        block = noise(channels, frames)
        out = np.empty_like(block)
        processor.process(block, out)
        assert memory_taken(partial(processor.process, block, out), 2048) <= 2048


@pytest.mark.parametrize("length", [65, 448, 449, 1000, 9600, 100_000, 1_920_000])
def test_partitions_cover_every_tap_once_and_none_is_due_before_it_can_be_ready(length):
    at = TICK
    for level in levels(length):
        assert level.start == at >= 2 * level.size - TICK
        assert level.size <= LARGEST and level.count >= 1
        at += level.count * level.size
    assert 0 <= at - length < level.size


@pytest.mark.parametrize("size", [64, 256, 1024, 4096])
def test_transforms_make_the_whole_product(size):
    a, b = np.random.default_rng(size).standard_normal((2, size))
    (cos, sin), factors = twist(size), twiddles(size)
    spectra = [(x * cos, x * sin) for x in (a, b)]
    for re, im in spectra:
        forward(re, im, factors)
    (ar, ai), (br, bi) = spectra
    re, im = ar * br - ai * bi, ar * bi + ai * br
    span = 1
    while span < size:
        backward_pass(re, im, span, factors)
        span *= 4
    product = np.concatenate([re * cos + im * sin, im * cos - re * sin]) / size
    assert np.abs(product[:-1] - np.convolve(a, b)).max() < 1e-11 and abs(product[-1]) < 1e-11


def test_gain_and_mix(written):
    h, x = noise(300), noise(1, 2000, seed=2)
    wet = convolved(x, h)
    made = apply(EFFECT.processor(ir=written(h), gain_db=-6.0, mix=0.25, **PLAIN), x, RATE)
    assert close(made, 0.75 * x + 0.25 * 10 ** (-6 / 20) * wet)
    assert np.array_equal(apply(EFFECT.processor(ir=written(h), mix=0.0), x, RATE), x)


@pytest.mark.parametrize("engine", ["numba", "numpy"])
def test_silence_before_the_first_sound_is_kept(written, engine):
    x = noise(1, 2000)
    wet = apply(EFFECT.processor(engine, ir=written(np.eye(1, 600, 480)[0])), x, RATE)
    assert np.abs(wet[:, 480:] - x[:, :-480]).max() <= 1e-6 and np.abs(wet[:, :480]).max() <= 1e-6


def test_the_peak_of_the_response_is_the_largest_gain(written):
    made = impulse.taps(impulse.load(written(noise(2, 500)), 10), RATE, 0, "peak", 1)
    gains = [np.abs(signal.freqz(channel, worN=1 << 17)[1]).max() for channel in made]
    assert max(gains) == pytest.approx(1, abs=1e-3) and min(gains) < 0.99  # one factor for both sides


def test_energy_keeps_the_power_of_pink_noise(written):
    frames = 1 << 17
    hz = np.fft.rfftfreq(frames, 1 / RATE)
    level = np.where((hz >= 20) & (hz <= 20_000), 1 / np.sqrt(np.maximum(hz, 1)), 0)
    phase = np.exp(2j * np.pi * np.random.default_rng(3).random(len(hz)))
    pink = np.fft.irfft(level * phase)
    for response in (noise(2000), impulse.cabinet()[0], np.eye(1, 50, 20)[0]):
        made = impulse.taps(impulse.load(written(response), 10), RATE, 0, "energy", 1)
        wet = np.fft.irfft(np.fft.rfft(pink) * np.fft.rfft(made[0], frames))
        assert np.mean(wet**2) / np.mean(pink**2) == pytest.approx(1, rel=0.01)


@pytest.mark.parametrize("own, rate", [(44_100, 48_000), (48_000, 44_100), (48_000, 192_000), (96_000, 48_000), (8_000, 48_000)])
@pytest.mark.parametrize("normalize", ["none", "energy"])
def test_a_response_sounds_the_same_at_every_rate(written, own, rate, normalize):
    click = np.eye(1, 400, 0)[0]  # the hardest: all of it in the first sample
    later = signal.sosfilt(signal.butter(2, 0.3, output="sos"), np.roll(click, 100))
    for response, limit_db in ((click, 0.4), (later, 0.05)):
        loaded = impulse.load(written(response, own), 10)
        hz = np.linspace(20, 0.4 * min(own, rate) / 2, 200)
        before = signal.freqz(impulse.taps(loaded, own, 0, normalize, 1)[0], worN=hz, fs=own)[1]
        after = signal.freqz(impulse.taps(loaded, rate, 0, normalize, 1)[0], worN=hz, fs=rate)[1]
        assert np.abs(20 * np.log10(np.abs(after / before))).max() < limit_db
        assert np.abs(np.angle(after[:20] / before[:20])).max() < 0.1


def test_one_sample_survives_any_rate(written):
    for own, rate in ((192_000, 8_000), (8_000, 192_000), (44_101, 48_000)):
        made = impulse.taps(impulse.load(written([1.0], own), 10), rate, 0, "none", 1)
        assert abs(made.sum()) == pytest.approx(1, abs=0.01)


def test_the_cabinet_has_no_delay_and_sounds_like_one():
    (h,) = impulse.cabinet()
    assert np.argmax(np.abs(h)) < 0.001 * RATE and np.abs(h[-100:]).max() < 1e-6 * np.abs(h).max()
    gains = np.abs(signal.freqz(h, worN=[40, 110, 450, 1000, 2500, 10_000], fs=RATE)[1])
    below, resonance, hollow, middle, presence, above = 20 * np.log10(gains)
    assert below < resonance - 10 and hollow < middle - 3 and presence > middle + 5 and above < middle - 20


@pytest.mark.parametrize("max_s, frames", [(0.01, 480), (0.5, 1000)])
def test_longer_responses_are_cut_off(written, max_s, frames):
    h = noise(1000)
    made = impulse.taps(impulse.load(written(h), max_s), RATE, 0, "none", 1)
    assert np.array_equal(made, h[None, :frames].astype(np.float64))


def test_of_a_hostile_file_no_more_is_read_than_is_used(tmp_path):
    path, size = tmp_path / "ten_hours.wav", 2 * RATE * 36_000
    header = b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, RATE, 2 * RATE, 2, 16)
    path.write_bytes(header + b"data" + struct.pack("<I", size) + struct.pack("<h", 12_345))
    os.truncate(path, 44 + size)
    tracemalloc.start()
    try:
        loaded = impulse.load(str(path), 10)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert loaded.audio.shape == (1, 10 * RATE) and peak < 16 << 20


@pytest.mark.parametrize(
    "response, words",
    [
        (np.zeros(100), "of silence"),
        ([0.5, np.nan, 0.1], "1 samples that are not numbers"),
        ([0.5, -np.inf], "not numbers"),
        (np.zeros((1, 0)), "no samples"),
        (np.ones((65, 10)), "65 channels"),
    ],
)
def test_sounds_that_are_no_impulse_response(written, response, words):
    name = written(response)
    for make in (EFFECT.processor, lambda **given: EFFECT.torch_module(RATE, **given)):
        with pytest.raises(InputError, match=words) as raised:
            make(ir=name)
        assert "ir.wav" in raised.value.message and raised.value.hint


def test_silence_up_to_the_end_of_what_is_read(written):
    with pytest.raises(InputError, match="begins with 0.01 s of silence"):
        EFFECT.processor(ir=written(np.eye(1, 2000, 1900)[0]), max_s=0.01)


@pytest.mark.parametrize(
    "content, words", [(b"", "empty"), (b"not audio at all", "isn't an audio file"), (b"RIFF\0\0", "isn't an audio")]
)
def test_files_that_are_no_audio(tmp_path, content, words):
    (tmp_path / "cab.wav").write_bytes(content)
    with pytest.raises(InputError, match=words):
        EFFECT.processor(ir=str(tmp_path / "cab.wav"))


def test_ten_channels(written):
    h, x = noise(10, 200), noise(10, 1000, seed=2)
    assert close(apply(EFFECT.processor(ir=written(h), **PLAIN), x, RATE, 64), convolved(x, h))
    with pytest.raises(UsageError, match="10 channels"):
        apply(EFFECT.processor(ir=written(h)), x[:2], RATE)


def test_gradients_of_the_sound_and_of_every_tap(written):
    module = EFFECT.torch_module(RATE, ir=written(noise(2, 5)))
    x = torch.randn(3, 2, 12, dtype=torch.float64, generator=torch.manual_seed(0), requires_grad=True)
    taps = module.taps.detach().clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda sound, h: torch.func.functional_call(module, {"taps": h}, (sound,)), (x, taps))


def test_a_response_can_be_learned(written):
    x, target = torch.from_numpy(noise(1, 2000)), noise(20, seed=5)
    wanted = torch.from_numpy(convolved(x.numpy(), target))
    module = EFFECT.torch_module(RATE, ir=written(np.eye(1, 20, 0)[0]))
    optimizer = torch.optim.LBFGS(module.parameters(), max_iter=50, line_search_fn="strong_wolfe")

    def error():
        optimizer.zero_grad()
        loss = (module(x.double()) - wanted).square().mean()
        loss.backward()
        return loss

    optimizer.step(error)
    assert np.abs(module.taps.detach().numpy()[0] - target).max() < 1e-4
