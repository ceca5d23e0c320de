"""The last stage of ACE as compiled loops: signals wait for the bands, and all become the output."""

from __future__ import annotations

from numba import njit

from fxlab.effects.ace.kernel_vectors import SILENT, move

_OPTIONS = {"forceinline": True, "nogil": True, "error_model": "numpy", "fastmath": {"contract", "nsz"}}


@njit(cache=True, **_OPTIONS)
def pushed(x, carrier, gain, dry, late):
    """An interval (N,) of the input, and of temporal contrast, into their lines (delay + N,)."""
    interval = len(x)
    end = len(dry) - interval
    move(dry, 0, interval, end)
    move(late, 0, interval, end)
    for n in range(interval):
        dry[end + n] = x[n]
        late[end + n] = carrier[n] * gain[n]


@njit(cache=True, **_OPTIONS)
def mixed(dry, late, total, weight, sce_share, mix, output, section, registers, ready):
    """The output of an interval, `ready` (N,), of what stands at the start of the lines; moves the running sum on.

    Args:
        weight: Of temporal contrast, beside its share.
        section, registers: High-pass of the enhanced signal, (5,), and its state, (1, 2); updated in place.
    """
    b0, a1, a2 = section[0], section[3], section[4]
    c1, c2 = section[1] - a1 * b0, section[2] - a2 * b0
    p0, p1 = registers[0, 0], registers[0, 1]
    temporal, wet, clear = (1.0 - sce_share) * weight, output * mix, output * (1.0 - mix)
    for n in range(len(ready)):
        x = temporal * late[n] + sce_share * total[n]
        ready[n] = clear * dry[n] + wet * (b0 * x + p0)
        p0, p1 = (c1 * x + p1) - a1 * p0, c2 * x - a2 * p0
    registers[0, 0], registers[0, 1] = kept_number(p0), kept_number(p1)
    end = len(total) - len(ready)
    move(total, 0, len(ready), end)
    for n in range(end, len(total)):
        total[n] = 0.0


@njit(cache=True, **_OPTIONS)
def kept_number(x):
    """A number, 0 where it is too small to be heard."""
    return x if abs(x) > SILENT else 0.0
