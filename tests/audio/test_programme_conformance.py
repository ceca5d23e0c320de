"""The cases of EBU Tech 3341 and 3342 that can be synthesised, by name, and tones after ITU-R BS.2217.

Cases 7 and 8 of Tech 3341 and 5 and 6 of Tech 3342 are recordings that only the EBU gives out; 15-23 are about true peak.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest

from fxlab.audio.loudness import SHORT_TERM_HOPS, WeightedPower, lufs_of, windows
from fxlab.audio.programme import Programme, ProgrammeMeter

SILENCE = -math.inf


def tone(parts: list[tuple[float, float]], rate: int = 48_000, hz: float = 1000.0, channels: int = 2) -> Iterator[np.ndarray]:
    """Blocks of a sine in phase in all channels: (peak level in dB of full scale, seconds) one after the other."""
    start = 0
    for level, seconds in parts:
        frames = round(seconds * rate)
        sine = 10 ** (level / 20) * np.sin(2 * np.pi * hz / rate * np.arange(start, start + frames))
        yield np.tile(sine.astype(np.float32), (channels, 1))
        start += frames


def measured(blocks, rate: int = 48_000, channels: int = 2) -> Programme:
    meter = ProgrammeMeter(rate, channels, true_peak=0)
    for block in blocks:
        meter.add(block)
    return meter.programme()


def by_tick(blocks, ticks: int) -> np.ndarray:
    """Loudness of every window of so many 10 ms."""
    power = WeightedPower(48_000, 2, None, 100)
    return lufs_of(windows(np.concatenate([power.add(block) for block in blocks]), ticks))


@pytest.mark.parametrize("rate", [22_050, 44_100, 48_000, 88_200, 96_000, 192_000])
@pytest.mark.parametrize(("case", "level"), [(1, -23.0), (2, -33.0)])
def test_3341_cases_1_and_2_a_steady_tone(case, level, rate):
    programme = measured(tone([(level, 20)], rate), rate)
    for lufs in (programme.momentary_max_lufs, programme.short_term_max_lufs, programme.integrated_lufs):
        assert lufs == pytest.approx(level, abs=0.1), case


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([(-36, 10), (-23, 60), (-36, 10)], id="case_3"),
        pytest.param([(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)], id="case_4"),
        pytest.param([(-26, 20), (-20, 20.1), (-26, 20)], id="case_5"),
    ],
)
def test_3341_cases_3_to_5_gates(parts):
    assert measured(tone(parts)).integrated_lufs == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize("channels", [5, 6])
def test_3341_case_6_surround(channels):
    levels = [-28.0, -28.0, -24.0, -30.0, -30.0]
    if channels == 6:
        levels.insert(3, -6.0)  # the LFE doesn't count, however loud
    block = next(tone([(0.0, 20)], channels=channels)) * 10 ** (np.array(levels, np.float32)[:, None] / 20)
    assert measured([block], channels=channels).integrated_lufs == pytest.approx(-23.0, abs=0.1)


def test_3341_case_9_short_term_stays():
    parts = [(-20, 1.34), (-30, 1.66)] * 5
    assert measured(tone(parts)).short_term_max_lufs == pytest.approx(-23.0, abs=0.1)
    assert by_tick(tone(parts), 300) == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize("i", range(20))
def test_3341_case_10_short_term_of_one_burst(i):
    programme = measured(tone([(SILENCE, 0.15 * i), (-23, 3), (SILENCE, 1)]))
    assert programme.short_term_max_lufs == pytest.approx(-23.0, abs=0.1)


def test_3341_case_11_short_term_of_rising_bursts():
    meter = ProgrammeMeter(48_000, 2, true_peak=0)
    for i in range(20):
        for block in tone([(SILENCE, 0.15 * i), (-38 + i, 3), (SILENCE, 3 - 0.15 * i)]):
            meter.add(block)
        assert meter.programme().short_term_max_lufs == pytest.approx(-38 + i, abs=0.1)


def test_3341_case_12_momentary_stays():
    parts = [(-20, 0.18), (-30, 0.22)] * 25
    assert measured(tone(parts)).momentary_max_lufs == pytest.approx(-23.0, abs=0.1)
    assert by_tick(tone(parts), 40)[60:] == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize("i", range(20))
def test_3341_case_13_momentary_of_one_burst(i):
    programme = measured(tone([(SILENCE, 0.02 * i), (-23, 0.4), (SILENCE, 1)]))
    assert programme.momentary_max_lufs == pytest.approx(-23.0, abs=0.1)


def test_3341_case_14_momentary_of_rising_bursts():
    meter = ProgrammeMeter(48_000, 2, true_peak=0)
    for i in range(20):
        for block in tone([(SILENCE, 0.02 * i), (-38 + i, 0.4), (SILENCE, 0.4 - 0.02 * i)]):
            meter.add(block)
        assert meter.programme().momentary_max_lufs == pytest.approx(-38 + i, abs=0.1)


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        pytest.param([-20, -30], 10, id="case_1"),
        pytest.param([-20, -15], 5, id="case_2"),
        pytest.param([-40, -20], 20, id="case_3"),
        pytest.param([-50, -35, -20, -35, -50], 15, id="case_4"),
    ],
)
def test_3342_loudness_range(levels, expected):
    programme = measured(tone([(level, 20) for level in levels]))
    assert programme.range_lu == pytest.approx(expected, abs=0.1)  # the standard allows 1 LU


@pytest.mark.parametrize(
    ("hz", "level"),
    [(25, -11.916), (100, -21.176), (500, -22.351), (1000, -23.007), (2000, -25.380), (10_000, -26.351)],
)
@pytest.mark.parametrize("loudness", [-23.0, -24.0])
def test_bs_2217_tones_across_the_spectrum(hz, level, loudness):
    programme = measured(tone([(level + loudness + 23, 5)], hz=hz))
    assert programme.integrated_lufs == pytest.approx(loudness, abs=0.1)


def test_bs_1770_full_scale_in_one_channel():
    block = next(tone([(0.0, 5)], hz=997.0))
    block[1] = 0
    assert measured([block]).integrated_lufs == pytest.approx(-3.01, abs=0.01)
    assert measured([block[:1]], channels=1).integrated_lufs == pytest.approx(-3.01, abs=0.01)


def test_windows_that_start_and_end_with_a_hop_are_the_standard_s():
    assert len(windows(np.ones(SHORT_TERM_HOPS), SHORT_TERM_HOPS)) == 1
    assert len(windows(np.ones(SHORT_TERM_HOPS - 1), SHORT_TERM_HOPS)) == 0
