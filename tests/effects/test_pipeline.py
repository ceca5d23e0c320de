from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from fxlab.effects import pipeline
from fxlab.effects.processor import Processor
from fxlab.effects.registry import effect

RATE = 44_100


class Delay(Processor):
    """A gain that comes late, at any rate or at one of its own."""

    def __init__(self, frames: int, gain: float = 1.0, native_rate_hz: int | None = None, tail: int = 0) -> None:
        super().__init__()
        self._frames, self._gain, self._tail, self.native_rate_hz = frames, np.float32(gain), tail, native_rate_hz

    def _allocate(self) -> None:
        self.latency, self.tail = self._frames, self._tail
        self._state = {"late": np.zeros((self.channels, self._frames), np.float32)}

    def _run(self, block: np.ndarray, out: np.ndarray) -> None:
        assert block.shape[1] <= self.max_block and block.flags.c_contiguous and block.dtype == np.float32
        line = np.concatenate((self._state["late"], block * self._gain), axis=1)
        out[:] = line[:, : block.shape[1]]
        self._state["late"][:] = line[:, block.shape[1] :]


def split(audio: np.ndarray, block: int) -> Iterator[np.ndarray]:
    return (audio[:, start : start + block] for start in range(0, audio.shape[1], block))


def music(frames: int) -> np.ndarray:
    """Two channels without anything near the Nyquist frequency, so that resampling there and back keeps it."""
    spectrum = np.fft.rfft(np.random.default_rng(frames).standard_normal((2, frames)))
    spectrum[:, frames // 3 :] = 0
    return (0.1 * np.fft.irfft(spectrum, frames)).astype(np.float32)


def muffled() -> np.ndarray:
    spectrum = np.fft.rfft(music(20_000))
    spectrum[:, 4000:] = 0
    return np.fft.irfft(spectrum, 20_000).astype(np.float32)


def run(audio: np.ndarray, processors: list[Processor], block: int = 512, mix: float = 1.0) -> np.ndarray:
    made = pipeline.stages(processors, RATE, audio.shape[0], 512)
    pieces = pipeline.mixed(split(audio, block), lambda dry: pipeline.through(dry, made, RATE), mix)
    return np.concatenate(list(pieces), axis=1)


@pytest.mark.parametrize("latencies", [(), (0,), (1,), (37, 900), (5000,)])
@pytest.mark.parametrize("frames", [1, 511, 512, 4001])
@pytest.mark.parametrize("block", [100, 512, 3000])
def test_latency_is_taken_out_exactly(latencies, frames, block):
    audio = music(frames + 9)[:, :frames]
    assert np.array_equal(run(audio, [Delay(late) for late in latencies], block), audio)


@pytest.mark.parametrize("native", [48_000, 96_000, 22_050])
@pytest.mark.parametrize("late", [0, 1, 333])
def test_a_model_runs_at_its_own_rate_and_stays_aligned(native, late):
    audio = music(20_000) if native > RATE else muffled()
    wet = run(audio, [Delay(7), Delay(late, native_rate_hz=native), Delay(5)])
    assert wet.shape == audio.shape
    assert np.abs(wet - audio)[:, 1000:-1000].max() < 1e-5


@pytest.mark.parametrize("frames", [1, 2, 3, 10, 1000, 1001, 30_011])
def test_resampling_never_changes_the_length(frames):
    audio = music(frames + 9)[:, :frames]
    assert run(audio, [Delay(11, native_rate_hz=48_000), Delay(0, native_rate_hz=8_000)]).shape == audio.shape


def test_models_of_one_rate_share_one_resampling():
    made = pipeline.stages([Delay(1, native_rate_hz=48_000), Delay(2, native_rate_hz=48_000), Delay(3)], RATE, 1, 64)
    assert [(stage.rate_hz, stage.chain.latency) for stage in made] == [(48_000, 3), (RATE, 3)]
    assert pipeline.latency_ms(made) == pytest.approx(3 / 48 + 3 / 44.1)


def test_a_model_of_the_files_own_rate_is_not_resampled():
    audio = music(3000)
    assert np.array_equal(run(audio, [Delay(9, native_rate_hz=RATE), Delay(2)]), audio)


@pytest.mark.parametrize("mix", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("native", [None, 48_000])
def test_dry_and_wet_are_mixed_sample_for_sample(mix, native):
    audio = music(10_000)
    mixed = run(audio, [Delay(3000, gain=-0.5, native_rate_hz=native)], block=700, mix=mix)
    assert mixed.shape == audio.shape
    assert np.abs(mixed - audio * (1 - mix - 0.5 * mix))[:, 1000:-1000].max() < (1e-7 if native is None else 1e-5)
    if mix == 0.0:
        assert np.array_equal(mixed, audio)


def test_the_tail_is_counted_at_the_audios_rate():
    made = pipeline.stages([Delay(0, tail=100), Delay(0, tail=48_000, native_rate_hz=48_000)], RATE, 1, 64)
    assert pipeline.tail_frames(made, RATE) == 100 + RATE
    extended = list(pipeline.extended(iter([np.ones((2, 3), np.float32)]), 130, 2, 64))
    assert [block.shape for block in extended] == [(2, 3), (2, 64), (2, 64), (2, 2)]
    assert sum(block.sum() for block in extended) == 6


def test_no_audio_makes_no_audio():
    made = pipeline.stages([Delay(10, native_rate_hz=48_000)], RATE, 1, 64)
    assert list(pipeline.through([], made, RATE)) == []


def test_blocks_are_processed_as_they_come():
    taken = 0

    def endless() -> Iterator[np.ndarray]:
        nonlocal taken
        while True:
            taken += 1
            yield np.zeros((1, 512), np.float32)

    made = pipeline.stages([Delay(100, native_rate_hz=48_000)], RATE, 1, 512)
    stream = iter(pipeline.mixed(endless(), lambda dry: pipeline.through(dry, made, RATE), 0.5))
    given = sum(next(stream).shape[1] for _ in range(200))
    assert given <= 512 * taken < given + RATE


def test_dithered_stages_apart_have_noise_of_their_own():
    """A model at a rate of its own between two crushers splits the chain; their dither stays independent."""
    crushers = [effect("bitcrusher").processor("numpy", bits=8, dither="tpdf") for _ in range(2)]
    made = pipeline.stages([crushers[0], Delay(3, native_rate_hz=48_000), crushers[1]], RATE, 1, 512)
    steady = np.full((1, 512), 0.3, np.float32)
    first, last = np.empty_like(steady), np.empty_like(steady)
    made[0].chain.process(steady, first)
    made[2].chain.process(steady, last)
    assert not np.array_equal(first, last)
