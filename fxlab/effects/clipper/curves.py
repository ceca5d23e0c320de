"""Which curve the clipper's parameters mean."""

from __future__ import annotations

from fxlab.effects.shapers import CUBIC, HARD, QUADRATIC, TANH

_KINDS = {"hard": QUADRATIC, "cubic": CUBIC, "tanh": TANH}


def clipper_curve(mode: str, bent: bool, threshold, knee_db):
    """(kind, knee, span) for a threshold as amplitude; numbers or torch scalars.

    Args:
        mode: "hard", "cubic" or "tanh".
        bent: Whether there is a knee, `knee_db > 0`. Without one the hard mode is the HARD curve, whose knee is the threshold.
    """
    if mode == "hard" and not bent:
        return HARD, threshold, 0.0 * threshold
    knee = threshold * 10.0 ** (-knee_db / 20.0) if bent else 0.0 * threshold
    return _KINDS[mode], knee, threshold - knee
