"""Which input samples an output of the residual depends on, as intervals."""

from __future__ import annotations

from fxlab.mastering.config import MasterConfig


def context(config: MasterConfig) -> int:
    """Samples on either side that the residual needs."""
    return max(max(at - low, high - at) for at, low, high in _spans(config))


def receptive_field(config: MasterConfig) -> int:
    """Input samples that one output sample depends on; the most, as it differs from place to place of its grid."""
    return max(high - low + 1 for _, low, high in _spans(config))


def _spans(config: MasterConfig) -> list[tuple[int, int, int]]:
    """A place, and the first and the last sample that it depends on, for every place of the grid.

    A skip connection reaches no further than what it bypasses, so it is left out.
    """
    reach, depth = config.residual_kernel // 2, len(config.residual) - 1
    found = []
    for at in range(config.alignment):
        low = high = at
        for _ in range(depth):  # up.0 first: its convolution, then the interpolation before it, between two samples each
            low, high = (low - reach - 1) // 2, (high + reach + 1) // 2
        low, high = low - reach, high + reach  # the bottleneck
        for _ in range(depth):  # the mean of two samples, then the convolution before it
            low, high = 2 * low - reach, 2 * high + 1 + reach
        found.append((at, low, high))
    return found
