"""Integrated loudness after ITU-R BS.1770-4, whole or streaming, at any sample rate.

K-weighting is re-derived for each rate from the analogue prototype that the standard's 48 kHz coefficients follow (as
B. De Man, "Evaluation of Implementations of the EBU R128 Loudness Measurement", AES 145, 2018, found and libebur128 does).
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence

import numpy as np

ABSOLUTE_GATE_LUFS, RELATIVE_GATE_LU = -70.0, -10.0

HOPS_PER_SECOND = 10
MOMENTARY_HOPS, SHORT_TERM_HOPS = 4, 30
"""Windows of 400 ms, 75 % of which overlap (they are the gating blocks too), and of 3 s."""

_OFFSET = -0.691
_SURROUND = 1.41
_REAR, _SIDE, _LFE = (9, 10), (14, 15), 11  # SF_CHANNEL_MAP_* of libsndfile
# Loudspeakers where a file doesn't say, by channel count: L R, L R C, quad, 5.0, 5.1, 6.1, 7.1 in WAV's order.
_USUAL = {
    4: (2, 3, 9, 10),
    5: (2, 3, 4, 9, 10),
    6: (2, 3, 4, 11, 9, 10),
    7: (2, 3, 4, 11, 8, 14, 15),
    8: (2, 3, 4, 11, 9, 10, 14, 15),
}


def integrated_lufs(audio: np.ndarray, sample_rate_hz: int, channel_map: Sequence[int] | None = None) -> float:
    """Integrated loudness of whole audio.

    Args:
        audio: Shape (channels, frames) or (frames,), any float type, finite.
        sample_rate_hz: 8-192 kHz.
        channel_map: As for `LoudnessMeter`.

    Returns:
        LUFS; -inf for less than 0.4 s or when every block is below -70 LUFS.
    """
    shaped = np.atleast_2d(audio)
    meter = LoudnessMeter(sample_rate_hz, shaped.shape[0], channel_map)
    meter.add(shaped)
    return meter.integrated()


def mean_lufs(audio: np.ndarray, sample_rate_hz: int) -> float:
    """Loudness of the whole without any gate, for audio that is shorter or quieter than the standard measures.

    Args:
        audio: Shape (channels, frames), finite, as for `integrated_lufs`.
        sample_rate_hz: 8-192 kHz.

    Returns:
        LUFS; -inf for digital silence and for no audio.
    """
    from fxlab.audio.biquad import run_cascade

    block = np.ascontiguousarray(audio, np.float32)
    weighted = np.empty(block.shape)
    run_cascade(block, weighted, k_weighting(sample_rate_hz), np.zeros((block.shape[0], 2, 2)))
    energy = float(channel_weights(block.shape[0]) @ np.einsum("cn,cn->c", weighted, weighted))
    return float(lufs_of(energy / block.shape[1])) if energy > 0 else -math.inf


class WeightedPower:
    """K-weighted power of audio that arrives block by block, in steps ("ticks") of 10 or 100 ms.

    Args:
        sample_rate_hz: 8-192 kHz.
        channels: 1 or more.
        channel_map: As for `LoudnessMeter`.
        per_second: Ticks per second.

    Attributes:
        frames: Frames so far.
        peak: Largest magnitude of a sample so far, shape (channels,).
    """

    def __init__(self, sample_rate_hz: int, channels: int, channel_map: Sequence[int] | None, per_second: int) -> None:
        self._rate, self._per_second = sample_rate_hz, per_second
        self._sections, self._weights = k_weighting(sample_rate_hz), channel_weights(channels, channel_map)
        self._registers, self._energy = np.zeros((channels, 4)), np.zeros(channels)
        self._clock = np.zeros(2, np.int64)
        self.peak = np.zeros(channels)

    @property
    def frames(self) -> int:
        return int(self._clock[0])

    def add(self, block: np.ndarray) -> np.ndarray:
        """Takes audio (channels, n); gives the power of each tick that ends in it, channels weighted and added up."""
        from fxlab.audio.loudness_kernel import weigh  # Numba is imported only when something is measured

        block = np.ascontiguousarray(block, np.float32)
        ticks = np.empty(block.shape[1] * self._per_second // self._rate + 1)
        state = self._registers, self._energy, self.peak, self._clock
        ended = weigh(block, self._rate, self._per_second, self._sections, self._weights, *state, ticks)
        return ticks[:ended] * (self._per_second / self._rate)


class LoudnessMeter:
    """Integrated loudness of audio that arrives block by block; any split gives the same. Needs 5 kB per minute.

    Args:
        sample_rate_hz: 8-192 kHz.
        channels: 1 or more.
        channel_map: Loudspeaker of each channel as libsndfile numbers them; without it mono, stereo and the usual surround
            layouts are assumed. The LFE doesn't count, surround loudspeakers at 60-120 degrees count 1.41 times.
    """

    def __init__(self, sample_rate_hz: int, channels: int, channel_map: Sequence[int] | None = None) -> None:
        self._power = WeightedPower(sample_rate_hz, channels, channel_map, HOPS_PER_SECOND)
        self._hops = array("d")

    def add(self, block: np.ndarray) -> None:
        """Measures finite audio (channels, n)."""
        self._hops.frombytes(self._power.add(block).tobytes())

    def integrated(self) -> float:
        """LUFS of all audio so far; -inf for less than 0.4 s or when every block is below -70 LUFS."""
        return gated_lufs(np.frombuffer(self._hops))


def gated_lufs(hops: np.ndarray) -> float:
    """Integrated loudness from the power of each 100 ms, shape (n,): blocks of 400 ms, both gates of BS.1770-4."""
    blocks = windows(hops, MOMENTARY_HOPS)
    loud = blocks[blocks > power_of(ABSOLUTE_GATE_LUFS)]
    if not len(loud):
        return -math.inf
    gate = np.mean(loud) * 10 ** (RELATIVE_GATE_LU / 10)
    return float(lufs_of(np.mean(loud[loud > gate])))


def windows(hops: np.ndarray, length: int) -> np.ndarray:
    """Mean power of every window of `length` successive hops, shape (n - length + 1,); empty where there are fewer."""
    return np.convolve(hops, np.full(length, 1 / length), "valid") if len(hops) >= length else np.empty(0)


def lufs_of(power: np.ndarray | float) -> np.ndarray:
    """Loudness of a K-weighted power; -inf for 0."""
    with np.errstate(divide="ignore"):
        return _OFFSET + 10 * np.log10(power)


def power_of(lufs: float) -> float:
    """The K-weighted power that is so loud."""
    return 10 ** ((lufs - _OFFSET) / 10)


def channel_weights(channels: int, channel_map: Sequence[int] | None = None) -> np.ndarray:
    """Weight of each channel's energy, shape (channels,): BS.1770-4, tables 3 and 4."""
    speakers = channel_map if channel_map is not None else _USUAL.get(channels, (0,) * channels)
    # With loudspeakers at the sides those at the rear stand beyond 120 degrees; without, they are the usual surrounds.
    surround = _SIDE if any(speaker in _SIDE for speaker in speakers) else _REAR
    return np.array([0.0 if speaker == _LFE else _SURROUND if speaker in surround else 1.0 for speaker in speakers])


def k_weighting(sample_rate_hz: int) -> np.ndarray:
    """Coefficients b0 b1 b2 a1 a2 of the two biquads, the shelf and the high-pass, shape (2, 5).

    At low rates the bilinear transform bends the shelf, as in other meters: 1 kHz reads 0.2 LU low at 8 kHz.
    """
    shelf_hz, gain_db, shelf_q = 1681.974450955533, 3.999843853973347, 0.7071752369554196
    k = math.tan(math.pi * shelf_hz / sample_rate_hz)
    high = 10 ** (gain_db / 20)
    band = high**0.4996667741545416
    a0 = 1 + k / shelf_q + k * k
    shelf = [high + band * k / shelf_q + k * k, 2 * (k * k - high), high - band * k / shelf_q + k * k]
    shelf += [2 * (k * k - 1), 1 - k / shelf_q + k * k]
    pass_hz, pass_q = 38.13547087602444, 0.5003270373238773
    k, k48 = (math.tan(math.pi * pass_hz / rate) for rate in (sample_rate_hz, 48_000))
    b0, b0_48 = 1 + k / pass_q + k * k, 1 + k48 / pass_q + k48 * k48
    # The standard's numerator at 48 kHz is 1 -2 1, a gain of b0_48 (0.04 dB) that then belongs to every rate.
    unity = b0_48 / b0
    highpass = [unity, -2 * unity, unity, 2 * (k * k - 1) / b0, (1 - k / pass_q + k * k) / b0]
    return np.array([[value / a0 for value in shelf], highpass])
