"""A-weighting against the standard's own table."""

from __future__ import annotations

import numpy as np

from fxlab.audio.a_weighting import a_weights

# IEC 61672-1:2013, table 3.
TABLE_DB = {
    31.62: -39.4,
    63.1: -26.2,
    125.9: -16.1,
    251.2: -8.6,
    501.2: -3.2,
    1000: 0,
    1995: 1.2,
    3981: 1,
    7943: -1.1,
    15849: -6.6,
}


def test_weighting_is_the_standards():
    weights = 10 * np.log10(a_weights(np.array(list(TABLE_DB))))
    np.testing.assert_allclose(weights, list(TABLE_DB.values()), atol=0.06)
