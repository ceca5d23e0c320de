"""The level of speech while it is spoken."""

import numpy as np
import pytest

from fxlab.metrics.speech_level import ActiveLevel

RATE = 16_000


def power(audio, block=777):
    level = ActiveLevel(RATE)
    for start in range(0, len(audio), block):
        level.add(audio[start : start + block])
    return level.power


def test_pauses_do_not_count():
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    gap = np.zeros(2 * RATE)
    rest = 1e-3 * np.random.default_rng(0).standard_normal(len(gap))
    assert power(tone) == pytest.approx(0.125, rel=1e-3)
    assert power(np.concatenate((tone, gap, tone))) == pytest.approx(0.125 / 1.15, rel=0.2), "but the hangover"
    assert power(np.concatenate((tone, rest, tone))) == pytest.approx(power(np.concatenate((tone, gap, tone))), rel=1e-3)


@pytest.mark.parametrize("block", [100, 5000, 100_000])
def test_blocks_of_any_size_and_any_gain(block):
    audio = np.random.default_rng(0).standard_normal(2 * RATE) * np.linspace(0, 1, 2 * RATE) ** 4
    assert power(audio, block) == pytest.approx(power(audio))
    assert power(0.01 * audio) == pytest.approx(1e-4 * power(audio))
    assert power(audio) > np.mean(audio**2)


def test_silence_has_none():
    assert power(np.zeros(1000)) == power(np.zeros(3)) == 0
