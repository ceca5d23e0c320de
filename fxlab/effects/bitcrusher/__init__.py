"""Bitcrusher: fewer bits and a lower sample rate, with the dither and anti-aliasing that hardware never had.

The signal is sampled anew at `rate_hz` (held between the instants), each value is dithered and rounded to one of the levels
that `fxlab.effects.bitcrusher.quantiser` defines.
"""

from fxlab.effects.params import Choice, Param
from fxlab.effects.registry import Effect

EFFECT = Effect(
    name="bitcrusher",
    help="Fewer bits and a lower sample rate.",
    parameters=(
        Param("bits", 8, 1, 24, "bit", "Word length; fractions allowed. A step is 2 / 2^bits of the range -1..1."),
        Param("rate_hz", 192_000, 100, 192_000, "Hz", "Sample rate to reduce to; off at or above the audio's own.", "log"),
        Choice("dither", "none", ("none", "tpdf"), "Triangular noise of +-1 step before rounding; digital silence stays silent."),
        Choice(
            "antialias",
            "polyblep",
            ("none", "polyblep", "adaa1"),
            "polyblep smooths the steps of a reduced rate; adaa1 does the same there, and at full rate applies "
            "first-order ADAA to the quantiser.",
        ),
        Choice("oversample", 1, (1, 2, 4, 8), "Times the sample rate at which it is computed; delays by 58 to 69 samples."),
    ),
    engines={
        "numba": "fxlab.effects.bitcrusher.kernel:Bitcrusher",
        "numpy": "fxlab.effects.bitcrusher.reference:Bitcrusher",
    },
    module="fxlab.effects.bitcrusher.module:Bitcrusher",
)
