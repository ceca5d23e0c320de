"""Limiter: no peak of the waveform between or at the samples exceeds the ceiling, by a gain that looks ahead.

The one definition that the NumPy and Numba forms execute, for input x, G = 10^(gain_db / 20), C = 10^(ceiling_db / 20):

    m_n    largest |x| between sample n and the next one, interpolated (`fxlab.audio.true_peak`, four values a sample)
    M_n    = max over the last S + 1 of m;  linked: over all channels
    d_n    = 1 - C / (G M_n) where that is above 0, plus a margin of MARGIN d_n (1 - d_n)        the reduction that is needed
    s_n    = s + (1 - a_s) (d_n - s)                                                   how much has been needed of late
    f_n    = max(d_n, s_n + a_f (f - s_n))                                             the reduction: falls at once, returns
    r_n    = mean of three boxes of f, together S long                                 reached before the peak that needs it
    y_n    = G (1 - r_n) x_n,  x delayed to be in time

S fills lookahead_ms. After a lone peak s is next to nothing and f returns with release_ms / 3; where much is limited, f returns
only to s, which lasts three times release_ms: low notes aren't distorted, and the sound doesn't pump. Reductions are added up as
integers in parts of 2^-30: r is then exact whatever the length of the stream, and exactly 0 where nothing is to be limited,
so that what stays below the ceiling passes bit by bit but for gain and delay. With `link` below 1, d is that share of the
linked one and the rest of the channel's own.
"""

from fxlab.effects.params import Param
from fxlab.effects.registry import Effect

EFFECT = Effect(
    name="limiter",
    help="True-peak limiter that looks ahead.",
    parameters=(
        Param("gain_db", 0, -60, 60, "dB", "Gain in front of the limiter.", "db"),
        Param("ceiling_db", -1, -30, 0, "dBTP", "Level that no true peak exceeds.", "db"),
        Param("lookahead_ms", 5, 0.5, 10, "ms", "How long before a peak the gain begins to fall.", "log"),
        Param(
            "release_ms", 60, 10, 2000, "ms", "How soon the gain returns: sooner after lone peaks, later in dense music.", "log"
        ),
        Param("link", 1, 0, 1, "", "Share of the gain that all channels have in common."),
    ),
    engines={
        "numba": "fxlab.effects.limiter.kernel:Limiter",
        "numpy": "fxlab.effects.limiter.reference:LimiterReference",
    },
)
