"""ACE's spectral contrast in torch: from the bands' envelopes to their gains, interval by interval."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from fxlab.effects.ace.design import CONTRAST_DB, CONTRAST_SPREAD_DB, TRANSIENT, TRANSIENT_SPREAD, Design
from fxlab.effects.ace.torch_contrast import expand, inhibit, prominence, quotient
from fxlab.effects.ace.torch_follow import follow

_DB = 20.0 / math.log(10.0)


def gains(e: Tensor, d: Design, adapt: bool, followers: Tensor, heard: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The gains with which each interval begins and ends.

    Args:
        e: (rows, intervals, K), the envelopes that the detectors hear.
        followers: (rows, 7, K), as in `stream`.
        heard: (rows, 2), what `adapt` has heard of spectral contrast.

    Returns:
        First and last gains, both shaped as `e`, and the new `followers` and `heard`.
    """
    nil = e.new_zeros(())
    smooth = follow(e, d.li, d.li, followers[:, 0])
    squared = smooth * smooth
    above = prominence(smooth, squared @ d.neighbours.T, d.delta)
    heard, strength = _contrast(squared, above, d, adapt, heard)
    u = inhibit(e, above, strength * d.li_strength)
    smooth_u = follow(u, d.ex, d.ex, followers[:, 1])
    v = expand(u, smooth_u, strength * d.ex_strength, d.ex_threshold)
    lasting = follow(v, d.dp_rise, nil, followers[:, 2])
    prolonged = follow(lasting, nil, d.dp_fall, followers[:, 3])
    p = prolonged + v - lasting
    wanted, present = follow(p, d.gain, d.gain, followers[:, 4]), follow(e, d.gain, d.gain, followers[:, 5])
    first, gain = quotient(e, p, wanted, present, followers[:, 6], d.delta)
    ends = [tensor[:, -1].detach() for tensor in (smooth, smooth_u, lasting, prolonged, wanted, present, gain)]
    return first, gain, torch.stack(ends, 1), heard


def transience(transient: Tensor, decaying: Tensor, d: Design, adapt: bool, heard: Tensor) -> tuple[Tensor, Tensor]:
    """What `adapt` makes of the share of transients.

    Args:
        transient, decaying: (rows, intervals), t and d at the end of each interval.
        heard: (rows, 2).

    Returns:
        The new `heard`, and the factor on the weight of TCE, (rows, intervals).
    """
    with torch.set_grad_enabled(torch.is_grad_enabled() and adapt):
        averages = _slowly(torch.stack((transient, decaying), -1), d, heard)
        share = averages[..., 0] / (averages[..., 1] + d.delta)
        return averages[:, -1].detach(), _adapted((share - TRANSIENT) / TRANSIENT_SPREAD, adapt)


def _contrast(squared: Tensor, above: Tensor, d: Design, adapt: bool, heard: Tensor) -> tuple[Tensor, Tensor]:
    """The new `heard`, and the factor on the strengths, (rows, intervals)."""
    with torch.set_grad_enabled(torch.is_grad_enabled() and adapt):
        sums = torch.stack(((squared * above).sum(-1) * _DB, squared.sum(-1)), -1)
        averages = _slowly(sums, d, heard)
        contrast_db = averages[..., 0] / (averages[..., 1] + d.delta**2)
        return averages[:, -1].detach(), _adapted((contrast_db - CONTRAST_DB) / CONTRAST_SPREAD_DB, adapt)


def _slowly(x: Tensor, d: Design, heard: Tensor) -> Tensor:
    keep = x.new_tensor(d.adapting)
    return follow(x, keep, keep, heard)


def _adapted(excess: Tensor, adapt: bool) -> Tensor:
    return 2.0 * torch.sigmoid(-excess) if adapt else torch.ones_like(excess)
