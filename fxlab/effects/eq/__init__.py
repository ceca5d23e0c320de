"""Parametric equaliser: high-pass, low shelf, ten peaks, high shelf and low-pass, all RBJ biquads in a row.

At its defaults it changes nothing: a band at 0 dB and a pass filter at the end of its range are left out. Frequencies above
0.49 of the sample rate are taken as that.
"""

from fxlab.effects.params import Param
from fxlab.effects.registry import Effect

HIGHPASS_OFF_HZ, LOWPASS_OFF_HZ = 10.0, 20_000.0
PEAKS = 10
_PEAK_HZ = (250.0, 1_000.0, 4_000.0, 60.0, 125.0, 500.0, 2_000.0, 6_000.0, 10_000.0, 15_000.0)


def _hz(name: str, default: float, help: str, low: float = 20.0, high: float = 20_000.0) -> Param:
    return Param(name, default, low, high, "Hz", help, "log")


def _db(name: str, help: str) -> Param:
    return Param(name, 0.0, -24.0, 24.0, "dB", help, "db")


def _peak(number: int, hz: float) -> tuple[Param, Param, Param]:
    name = f"peak{number}"
    return (
        _hz(f"{name}_hz", hz, f"Centre of peak {number}."),
        _db(f"{name}_db", f"Gain at the centre of peak {number}."),
        Param(f"{name}_q", 1.0, 0.1, 20.0, "", f"Sharpness of peak {number}: centre over bandwidth.", "log"),
    )


EFFECT = Effect(
    name="eq",
    help="Parametric equaliser: shelves, ten peaks, high-pass and low-pass.",
    parameters=(
        _hz("highpass_hz", HIGHPASS_OFF_HZ, "Second-order Butterworth high-pass; off at 10 Hz.", low=HIGHPASS_OFF_HZ),
        _hz("low_shelf_hz", 100.0, "Middle of the low shelf's slope."),
        _db("low_shelf_db", "Gain below the low shelf."),
        *(one for number, hz in enumerate(_PEAK_HZ, 1) for one in _peak(number, hz)),
        _hz("high_shelf_hz", 8_000.0, "Middle of the high shelf's slope."),
        _db("high_shelf_db", "Gain above the high shelf."),
        _hz("lowpass_hz", LOWPASS_OFF_HZ, "Second-order Butterworth low-pass; off at 20 kHz."),
    ),
    engines={"numba": "fxlab.effects.eq.kernel:Equaliser", "numpy": "fxlab.effects.eq.reference:Equaliser"},
    module="fxlab.effects.eq.module:Equaliser",
)
