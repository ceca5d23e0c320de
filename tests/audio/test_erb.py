"""The ear's frequency scale."""

from __future__ import annotations

import numpy as np

from fxlab.audio.erb import erb_hz, erb_rate, frequency_at


def test_the_scale_and_its_inverse():
    freq_hz = np.geomspace(20, 20_000, 50)
    np.testing.assert_allclose(frequency_at(erb_rate(freq_hz)), freq_hz, rtol=1e-12)
    np.testing.assert_allclose([erb_rate(1000.0), erb_hz(1000.0)], [15.6, 132.6], atol=0.05)  # as the paper gives them


def test_an_erb_is_as_wide_as_a_step_of_the_scale():
    freq_hz = np.geomspace(50, 16_000, 20)
    steps_hz = frequency_at(erb_rate(freq_hz) + 0.5) - frequency_at(erb_rate(freq_hz) - 0.5)
    np.testing.assert_allclose(steps_hz, erb_hz(freq_hz), rtol=0.01)
