"""Clipper: y = makeup clip(g x) with g = 10^(drive / 20), where |clip| never exceeds the threshold.

Up to the knee the signal passes unchanged, then it bends towards the threshold T, which is the ceiling in every mode: over a
quadratic (hard with a knee), a cubic, or a tanh. The knee lies `knee_db` below the threshold. At 0 dB, hard is a plain
clamp, while cubic and tanh have no straight part at all, T tanh(g x / T). Oversampled, the filter that brings the rate back
rounds the corners off, which may overshoot the threshold: clipping has lost what it cancelled there.
"""

from fxlab.effects.params import Choice, Param
from fxlab.effects.registry import Effect

EFFECT = Effect(
    name="clipper",
    help="Hard or soft clipping at a threshold.",
    parameters=(
        Choice("mode", "hard", ("hard", "cubic", "tanh"), "Shape of the clipping: clamp, cubic or tanh."),
        Param("threshold_db", -6, -48, 0, "dB", "Level at which the curve ends up, before the make-up gain.", "db"),
        Param("knee_db", 0, 0, 24, "dB", "Where the bend begins, below the threshold; at 0 cubic and tanh bend all along.", "db"),
        Param("drive_db", 0, 0, 48, "dB", "Gain of the input.", "db"),
        Param("makeup_db", 0, -24, 24, "dB", "Gain of the output.", "db"),
        Choice("oversample", 1, (1, 2, 4, 8), "Times the sample rate of the clipping; delays by 58 to 69 samples."),
        Choice("antialias", "none", ("none", "adaa1"), "adaa1: first-order antiderivative anti-aliasing of the curve."),
    ),
    engines={
        "numba": "fxlab.effects.clipper.kernel:Clipper",
        "numpy": "fxlab.effects.clipper.reference:ClipperReference",
    },
    module="fxlab.effects.clipper.module:ClipperModule",
)
