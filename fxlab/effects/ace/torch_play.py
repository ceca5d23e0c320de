"""ACE in torch: a piece of a clip, or many, from a state to the next, differentiable in the audio and in the design.

The loops over samples are compiled (followers, filters, filterbank), everything else is plain torch at one value per interval
and band, in arrays (rows, intervals, K). All of it is double precision on the CPU; audio of another type or device is brought
there and back.
"""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from fxlab.effects.ace.bank import Bank
from fxlab.effects.ace.design import Design
from fxlab.effects.ace.layout import shapes
from fxlab.effects.ace.torch_bank import analyse, synthesise
from fxlab.effects.ace.torch_follow import follow
from fxlab.effects.ace.torch_gains import gains, transience
from fxlab.effects.biquad_torch import cascade_on

States = dict[str, Tensor]


def rest(bank: Bank, rows: int, channels: int) -> States:
    """The state before the first sample: tensors as in `AceStream`, each with a leading axis of rows."""
    return {name: torch.zeros((rows, *shape), dtype=torch.float64) for name, shape in shapes(bank, channels).items()}


def play(
    x: Tensor, design: Design, bank: Bank, state: States | None = None, adapt: bool = False, carrier: str = "highpassed"
) -> tuple[Tensor, States]:
    """Plays one piece; `bank.interval` samples less late than the streaming forms, which wait for an interval to be whole.

    Args:
        x: (rows, channels, frames), float32 or float64; frames a multiple of `bank.interval`, at least one of them. Rows are
            apart, the channels of a row are linked. Non-finite samples count as silence.
        design: Of float64 tensors.
        state: What a call for the piece before returned, None at the beginning; gradients end there.
        adapt, carrier: The parameters `adapt` and `tce_carrier`.

    Returns:
        Output, shaped and typed as `x`, and the new state, on the CPU.

    Raises:
        ValueError: Frames that aren't whole intervals.
    """
    rows, channels, frames = x.shape
    if frames == 0 or frames % bank.interval:
        raise ValueError(f"{frames} frames aren't whole intervals of {bank.interval}")
    given = {name: value.to("cpu") for name, value in vars(design).items() if isinstance(value, Tensor)}
    d = dataclasses.replace(design, **given)
    old = rest(bank, rows, channels) if state is None else {name: tensor.detach() for name, tensor in state.items()}
    new: States = {}
    audio = x.to("cpu", torch.float64)
    audio = torch.where(torch.isfinite(audio), audio, 0.0)

    s = _filtered(audio, d.highpass, "highpass", old, new)
    tce, weight = _temporal(s, d, bank, adapt, carrier, old, new)
    power, states = analyse(s, bank, old["bank"])
    new["bank"] = states[:, :, -1].clone()
    e = torch.sqrt(d.detector * power.mean(1) + d.noise)
    first, last, new["followers"], contrast = gains(e, d, adapt, old["followers"], old["heard"][:, 2:])
    new["heard"] = torch.cat((new["heard"], contrast), 1)

    line = synthesise(s, bank, states, first * d.bands, last * d.bands)
    line = torch.nn.functional.pad(old["sum"], (0, frames - bank.interval)) + line
    sce = line[..., :frames]
    new["sum"] = torch.nn.functional.pad(line[..., frames:].detach(), (0, bank.interval))
    temporal = ((1.0 - d.sce_share) * weight).repeat_interleave(bank.interval, -1)[:, None]
    mixed = temporal * _delayed(tce, bank, "tce", old, new) + d.sce_share * sce
    wet = _filtered(mixed, d.highpass, "out_highpass", old, new)
    out = d.output * ((1.0 - d.mix) * _delayed(audio, bank, "dry_line", old, new) + d.mix * wet)
    return out.to(x.device, x.dtype), new


def _temporal(s: Tensor, d: Design, bank: Bank, adapt: bool, carrier: str, old: States, new: States) -> tuple[Tensor, Tensor]:
    """Temporal contrast (rows, channels, frames), and the factor on its weight, (rows, intervals)."""
    h = _filtered(s, d.tce_highpass, "tce_highpass", old, new)
    nil, followers = s.new_zeros(()), old["tce_followers"][..., None]
    decaying = follow(h.abs().mean(1)[..., None], nil, d.tce_fall, followers[:, 0])
    lasting = follow(decaying, d.tce_rise, nil, followers[:, 1])
    transient = (decaying - lasting - d.tce_threshold).clamp(min=0.0)
    fading = follow(transient, nil, d.tce_fall, followers[:, 2])
    new["tce_followers"] = torch.cat([tensor[:, -1].detach() for tensor in (decaying, lasting, fading)], 1)
    ends = slice(bank.interval - 1, None, bank.interval)
    new["heard"], weight = transience(transient[:, ends, 0], decaying[:, ends, 0], d, adapt, old["heard"][:, :2])
    gain = (transient / (fading + d.delta))[..., 0][:, None]
    return (s if carrier == "full" else h) * gain, weight


def _filtered(x: Tensor, section: Tensor, name: str, old: States, new: States) -> Tensor:
    y, new[name] = cascade_on(x, section[None], old[name])
    return y


def _delayed(x: Tensor, bank: Bank, name: str, old: States, new: States) -> Tensor:
    """`x` after the bands' common delay."""
    line = torch.cat((old[name], x), -1)
    new[name] = line[..., x.shape[-1] :].detach().clone()
    return line[..., bank.interval : bank.interval + x.shape[-1]]
