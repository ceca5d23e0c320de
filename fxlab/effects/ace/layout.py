"""ACE's memories: what all its forms remember between intervals, and how a model keeps that, a row of tensors per channel."""

from __future__ import annotations

import math

from fxlab.effects.ace.bank import STAGES, Bank

FOLLOWERS = 7
"""Rows of `followers`: e', u', b, p - v + b, LP(p), LP(e), g, one per band."""


def shapes(bank: Bank, channels: int) -> dict[str, tuple[int, ...]]:
    """Name to shape of what so many channels remember.

    `sum` is what bands have already given to the output from the current interval on; `dry_line` and `tce` are their signals on
    the way there.
    """
    bands, line = len(bank.erb), (channels, bank.delay + bank.interval)
    return {
        "highpass": (channels, 1, 2),
        "tce_highpass": (channels, 1, 2),
        "out_highpass": (channels, 1, 2),
        "tce_followers": (3,),
        "bank": (channels, 2, STAGES, bands),
        "sum": line,
        "dry_line": line,
        "tce": line,
        "followers": (FOLLOWERS, bands),
        "heard": (4,),
    }


def state_shapes(bank: Bank) -> dict[str, tuple[int, int]]:
    """Name to (features, frames) of what a channel of `AceStream` remembers.

    Channels are linked, so those of `tce_followers`, `followers` and `heard` are the same in each.
    """
    found: dict[str, tuple[int, int]] = {"position": (1, 1), "waiting": (1, bank.interval), "ready": (1, bank.interval)}
    for name, shape in shapes(bank, 1).items():
        found[name] = (shape[0], 1) if len(shape) == 1 else (math.prod(shape[:-1]), shape[-1])
    return found
