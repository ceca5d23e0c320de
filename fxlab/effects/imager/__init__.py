"""Stereo imager: the difference of the channels, the side, gets another gain, and a further one below a crossover.

    side = (left - right) / 2,   left' = left + d,   right' = right - d,   d = (g - 1) side

with g = `width` above the crossover and `width` x `low_width` below it. The middle stays what it was: the mono sum of the output
is that of the input at any setting, which a gain that kept the power would not give; wider audio is louder by what its side
has gained. Below the crossover g is a shelf, width (low_width + (1 - low_width) H) with a Butterworth high-pass H of second
order: at `low_width` 1 that is the width itself, exactly flat, and at 0 the bass is mono, falling by 12 dB per octave.

Only audio of two channels has a side; of any other number they pass unchanged, and so does what is the same on both.
"""

from fxlab.effects.params import Param
from fxlab.effects.registry import Effect

EFFECT = Effect(
    name="imager",
    help="Stereo width by the gain of the side, and mono bass.",
    parameters=(
        Param("width", 1, 0, 2, "", "Gain of the side: 0 is mono, 1 changes nothing."),
        Param("low_width", 1, 0, 1, "", "Width of the bass in proportion: 0 is mono, 1 that of the rest."),
        Param("crossover_hz", 120, 20, 1000, "Hz", "Where the bass begins.", "log"),
    ),
    engines={
        "numba": "fxlab.effects.imager.kernel:Imager",
        "numpy": "fxlab.effects.imager.reference:ImagerReference",
    },
    module="fxlab.effects.imager.module:ImagerModule",
)
