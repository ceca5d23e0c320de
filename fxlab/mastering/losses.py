"""What a mastering network is taught by: how its chain answers to what was done to the song, and how its output sounds.

Everything that is heard is compared at equal loudness, or the network would only learn gain. Weights stand in the profile.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from fxlab.audio.a_weighting import a_weights
from fxlab.audio.bands import CENTRES_HZ
from fxlab.audio.biquad import response
from fxlab.audio.loudness import k_weighting
from fxlab.mastering.examples import Batch
from fxlab.mastering.filters import response_db
from fxlab.mastering.network import Settings
from fxlab.settings import MasteringSettings
from fxlab.training.losses import mr_stft

_EPSILON = 1e-7
_SPECTRUM = 4096
_EXTREME_DB = 6.0


def settings_terms(settings: Settings, batch: Batch, rate_hz: float) -> dict[str, Tensor]:
    """Losses of what was decided, that need no audio, by the name of their weight.

    response: Squared distance of the equaliser's curve from the one that undoes the degradation, in 6 dB.
    width: Squared distance of the width from what undoes it, in nepers. slope: Of 1 - 1 / ratio. Both in phase 2 only.
    need: Cross-entropy between the need and whether something was done at all.
    regular: Mean square of gains in 12 dB and of the distance of log2 Q from 0, and what gains beyond 6 dB exceed them by.
    sparsity: Mean gate. entropy: That of the gates, nothing for gates that are open or closed.
    """
    bands = settings.bands
    hz = torch.from_numpy(np.minimum(CENTRES_HZ, 0.48 * rate_hz))
    curve = response_db(bands, hz, rate_hz)
    curve = curve - curve.mean(-1, keepdim=True)
    gate = bands.weight.clamp(_EPSILON, 1 - _EPSILON)
    terms = {
        "response": ((curve - batch.wanted_db) / 6.0).square().mean(),
        "need": F.binary_cross_entropy(settings.need.clamp(_EPSILON, 1 - _EPSILON), 1.0 - batch.untouched),
        "regular": (bands.gain_db / 12.0).square().mean()
        + bands.q.log2().square().mean() / 16.0
        + F.relu(bands.gain_db.abs() - _EXTREME_DB).square().mean(),
        "sparsity": bands.weight.mean(),
        "entropy": -(gate * gate.log() + (1 - gate) * (1 - gate).log()).mean(),
    }
    if settings.box is not None:
        terms["width"] = (settings.box.width.log() - batch.width.log()).square().mean()
        terms["slope"] = (1.0 - 1.0 / settings.box.ratio - batch.slope).square().mean()
        terms["regular"] = terms["regular"] + settings.box.mix.square().mean()
    return terms


def audio_terms(output: Tensor, target: Tensor, rate_hz: float) -> dict[str, Tensor]:
    """Losses of what is heard, (batch, channels, frames) each, by the name of their weight.

    lufs: Distance of the K-weighted levels in 10 dB, taken before they are matched. stft: Multi-resolution STFT at equal
    loudness. a_weighted, k_weighted: Error of the magnitude spectrum, weighted by the curve, over the target's.
    """
    a, k = (torch.from_numpy(curve).to(output.dtype) for curve in weightings(rate_hz))
    window = torch.hann_window(_SPECTRUM, dtype=output.dtype)

    def magnitudes(audio: Tensor) -> Tensor:
        spectrum = torch.stft(audio.flatten(0, 1), _SPECTRUM, window=window, return_complex=True)
        return (spectrum.real.square() + spectrum.imag.square() + 1e-8).sqrt().unflatten(0, audio.shape[:2])

    wet, wanted = magnitudes(output), magnitudes(target)
    level = (wanted.square() * k[:, None].square()).mean((1, 2, 3)) / (wet.square() * k[:, None].square()).mean((1, 2, 3))
    gain = level.sqrt()[:, None, None]
    wet = wet * gain[..., None]
    terms = {"lufs": (5.0 / math.log(10.0) * level.log()).square().mean() / 25.0}
    terms["stft"] = mr_stft(target.flatten(0, 1), (output * gain).flatten(0, 1))
    for name, curve in (("a_weighted", a), ("k_weighted", k)):
        error = ((wet - wanted) * curve[:, None]).abs().mean((1, 2, 3))
        terms[name] = (error / (wanted * curve[:, None]).mean((1, 2, 3))).mean()
    return terms


def weightings(rate_hz: float) -> tuple[np.ndarray, np.ndarray]:
    """A-weighting (IEC 61672-1) and K-weighting (BS.1770) as gains of the FFT's bins, shape (2049,) each."""
    hz = np.arange(_SPECTRUM // 2 + 1) * rate_hz / _SPECTRUM
    return np.sqrt(a_weights(hz)), np.abs(response(k_weighting(round(rate_hz)), np.minimum(hz, 0.5 * rate_hz), rate_hz))


def weighed(terms: Mapping[str, Tensor], settings: MasteringSettings) -> Tensor:
    """The sum of the terms by their weights in the profile; a term that isn't there counts nothing."""
    return sum((getattr(settings, f"{name}_weight") * term for name, term in terms.items()), torch.zeros(()))
