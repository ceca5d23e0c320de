"""The library soxr, imported in a way that Ctrl-C can't break.

It defines enumerations through Python, called from C++ that lets no exception through: one that a signal raises there ends the
process.
"""

from __future__ import annotations

from fxlab.audio.interrupts import ctrl_c_held_back

with ctrl_c_held_back():
    import soxr

__all__ = ["soxr"]
