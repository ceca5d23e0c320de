"""Compressor: feed-forward, with its detector in decibels behind the curve, and smoothed by two one-poles in a row.

The level is that of the loudest channel, sample by sample, and all channels get the same gain. By how much it exceeds the
threshold, k dB with a quadratic knee, is followed by

    p[n] = max(k[n], r p[n-1] + (1 - r) k[n]),   s[n] = a s[n-1] + (1 - a) p[n],   r, a = exp(-1 / (time sample_rate))

and the gain is `makeup_db` - (1 - 1 / ratio) s[n] dB. This is the smooth, decoupled detector of Giannoulis, Massberg and Reiss,
"Digital dynamic range compressor design - a tutorial and analysis", JAES 60(6), 2012. It holds peaks before it smooths them, so
that a steady tone gets what the curve says of its peak whatever the times; their branching one sinks at every zero of the signal
and reads the less the higher attack is beside release. Its price: the release begins as softly as the attack is slow.
"""

from fxlab.effects.params import Choice, Param
from fxlab.effects.registry import Effect

EFFECT = Effect(
    name="compressor",
    help="Feed-forward compressor with a soft knee; channels are linked.",
    parameters=(
        Param("threshold_db", -18, -60, 0, "dB", "Peak level above which the gain is lowered.", "db"),
        Param("ratio", 2, 1, 20, "", "Rise of the input over that of the output above the threshold; 1 is off.", "log"),
        Param("attack_ms", 30, 0.1, 300, "ms", "Time in which the gain falls by 63 % of its way.", "log"),
        Param("release_ms", 150, 5, 3000, "ms", "Time in which the gain comes back by 63 %, smoothed by the attack.", "log"),
        Param("knee_db", 6, 0, 24, "dB", "Width of the bend around the threshold.", "db"),
        Param("makeup_db", 0, -12, 24, "dB", "Gain of the compressed signal.", "db"),
        Param("mix", 1, 0, 1, "", "Share of the compressed signal, the rest is dry."),
        Choice("link", True, (True, False), "Same gain for all channels, by the loudest; else each has its own."),
    ),
    engines={
        "numba": "fxlab.effects.compressor.kernel:Compressor",
        "numpy": "fxlab.effects.compressor.reference:CompressorReference",
    },
    module="fxlab.effects.compressor.module:CompressorModule",
)
