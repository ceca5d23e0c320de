"""Saturator: y = makeup LPF(DCB(tanh(g x + bias) - tanh(bias))) with g = 10^(drive / 20).

The bias makes the curve asymmetric (even harmonics); the DC that this creates on music is removed by DCB, a first-order
high-pass, before the low-pass LPF. At the defaults nothing delays the signal.
"""

from fxlab.effects.params import Choice, Param
from fxlab.effects.registry import Effect

EFFECT = Effect(
    name="saturator",
    help="Soft, asymmetric overdrive: tanh with a bias, then a low-pass.",
    parameters=(
        Param("drive_db", 12, 0, 48, "dB", "Gain into the curve.", "db"),
        Param("bias", 0.2, -1, 1, "", "Offset into the curve; makes it asymmetric, which adds even harmonics."),
        Param("makeup_db", -3, -24, 24, "dB", "Gain of the output; -3 dB leaves room for what the bias adds to one side.", "db"),
        Param("dc_block_hz", 20, 5, 200, "Hz", "Corner of the high-pass that removes DC after the curve.", "log"),
        Param("cutoff_hz", 4000, 200, 20_000, "Hz", "Corner of the low-pass, at most 0.49 of the sample rate.", "log"),
        Choice("lowpass", "one_pole", ("one_pole", "biquad"), "Slope of the low-pass: 6 dB, or 12 dB per octave (Butterworth)."),
        Choice("oversample", 1, (1, 2, 4, 8), "Times the sample rate of the curve; delays by 58 to 69 samples."),
        Choice("antialias", "none", ("none", "adaa1"), "adaa1: first-order antiderivative anti-aliasing of the curve."),
    ),
    engines={
        "numba": "fxlab.effects.saturator.kernel:Saturator",
        "numpy": "fxlab.effects.saturator.reference:SaturatorReference",
    },
    module="fxlab.effects.saturator.module:SaturatorModule",
)
