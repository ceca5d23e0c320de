"""ACE's memories as a model keeps them: one row of tensors per channel."""

from __future__ import annotations

from fxlab.effects.ace.bank import STAGES, Bank

FOLLOWERS = 7
"""Rows of `followers`: e', u', b, p - v + b, LP(p), LP(e), g, one per band."""


def state_shapes(bank: Bank) -> dict[str, tuple[int, int]]:
    """Name to (features, frames) of what a channel remembers; the names are those of `AceStream`.

    Channels are linked, so those of `tce_followers`, `followers` and `heard` are the same in each.
    """
    bands, interval = len(bank.erb), bank.interval
    line = (1, bank.delay + interval)
    return {
        "position": (1, 1),
        "waiting": (1, interval),
        "ready": (1, interval),
        "highpass": (1, 2),
        "tce_highpass": (1, 2),
        "out_highpass": (1, 2),
        "tce_followers": (3, 1),
        "bank": (2 * STAGES, bands),
        "sum": line,
        "dry_line": line,
        "tce": line,
        "followers": (FOLLOWERS, bands),
        "heard": (4, 1),
    }
