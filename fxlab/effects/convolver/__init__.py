"""Convolver: y = (1 - mix) x + mix g (h * x), h an impulse response such as a guitar cabinet's, without any delay.

The response is brought to the rate of the audio as a filter, so that it sounds the same at every rate. Silence before its
first sound stays: it is the time sound took to the microphone. A response with one channel serves all channels of the audio,
one with several must have as many.
"""

from fxlab.effects.params import Choice, FileParam, Param
from fxlab.effects.registry import Effect

CABINET = "cabinet"

EFFECT = Effect(
    name="convolver",
    help="Convolution with an impulse response: a cabinet, a room, a body.",
    parameters=(
        FileParam("ir", CABINET, (CABINET,), "The impulse response: an audio file, or the computed guitar cabinet."),
        Param("gain_db", 0, -48, 24, "dB", "Gain of the convolved sound.", "db"),
        Choice(
            "normalize",
            "energy",
            ("energy", "peak", "none"),
            "energy: pink noise keeps its power; peak: no frequency gets louder; none: the file's own level.",
        ),
        Param("max_s", 10, 0.001, 10, "s", "A longer impulse response is cut off here.", "log"),
        Param("mix", 1, 0, 1, "", "Share of the convolved sound, the rest is dry."),
    ),
    engines={
        "numba": "fxlab.effects.convolver.kernel:Convolver",
        "numpy": "fxlab.effects.convolver.reference:ConvolverReference",
    },
    module="fxlab.effects.convolver.module:ConvolverModule",
)
