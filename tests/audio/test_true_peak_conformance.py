"""Cases 15-23 of EBU Tech 3341, true peak, synthesised after their text; tolerances +0.2 and -0.4 dB."""

from __future__ import annotations

import numpy as np
import pytest

from fxlab.audio.programme import ProgrammeMeter
from fxlab.audio.true_peak import TruePeakMeter

RATE = 48_000
SECONDS = 0.5


def tapered(audio: np.ndarray, rate: int) -> np.ndarray:
    """With the first and the last 10 ms faded, so that nothing but the tone has a peak."""
    ramp = np.minimum(1.0, np.arange(len(audio)) / (0.01 * rate))
    return audio * ramp * ramp[::-1]


def tone(divisor: int, amplitude: float, degrees: float) -> np.ndarray:
    angle = 2 * np.pi / divisor * np.arange(int(SECONDS * RATE)) + np.radians(degrees)
    return tapered(amplitude * np.sin(angle), RATE)


def with_a_burst(offset: int) -> np.ndarray:
    """A tone of fs / 6 at half of full scale and, from one of its zero crossings, one period of fs / 4 at full scale; made at
    four times the rate, of which every fourth sample is kept."""
    burst = np.sin(2 * np.pi / 16 * np.arange(16))
    before = 0.5 * np.sin(2 * np.pi / 24 * np.arange(24 * 1000))
    fast = tapered(np.concatenate([before, burst, before]), 4 * RATE)
    spectrum = np.fft.rfft(fast)
    spectrum[len(spectrum) // 4 :] = 0
    return np.fft.irfft(spectrum, len(fast))[offset::4]


CASES = [
    pytest.param(tone(4, 0.50, 0.0), -6.0, id="case_15"),
    pytest.param(tone(4, 0.50, 45.0), -6.0, id="case_16"),
    pytest.param(tone(6, 0.50, 60.0), -6.0, id="case_17"),
    pytest.param(tone(8, 0.50, 67.5), -6.0, id="case_18"),
    pytest.param(tone(4, 1.41, 45.0), 3.0, id="case_19"),
    *(pytest.param(with_a_burst(offset), 0.0, id=f"case_{20 + offset}") for offset in range(4)),
]


@pytest.mark.parametrize("factor", [4, 8, 16])
@pytest.mark.parametrize(("signal", "expected"), CASES)
def test_3341_true_peak(signal, expected, factor):
    meter = TruePeakMeter(RATE, 2, factor)
    meter.add(np.stack([signal, signal]).astype(np.float32))
    assert expected - 0.4 <= meter.peak_db() <= expected + 0.2


@pytest.mark.parametrize(("signal", "expected"), CASES)
def test_3341_true_peak_of_the_programme_meter(signal, expected):
    meter = ProgrammeMeter(RATE, 1)
    for block in np.array_split(signal[None].astype(np.float32), 7, axis=1):
        meter.add(block)
    assert expected - 0.4 <= meter.programme().true_peak_db <= expected + 0.2
