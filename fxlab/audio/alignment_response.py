"""The best linear response between a dry recording and its aligned wet one, and what part of its phase is a pure delay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SIZE = 8_192
_MOST_FRAMES = 1_500
_AT_ONCE = 64
_REACH = 96  # samples in which the pure delay is looked for
_AS_CLEAR = 0.1
_SHARP = 12  # samples in which a pulse has to fall to its half
_LEAST_HZ = 40.0


@dataclass(frozen=True)
class Response:
    """What Welch's method tells of a pair, `SIZE // 2 + 1` bins each.

    Args:
        rate: Sample rate in Hz.
        transfer: Complex gain from dry to wet, both brought to the same loudness.
        power: Its squared magnitude, freed of what noise adds to that.
        coherence: Share of the wet power that is linear in the dry one, 0 .. 1, freed of the bias of few frames.
        chance: Coherence that recordings reach which have nothing in common.
    """

    rate: float
    transfer: np.ndarray
    power: np.ndarray
    coherence: np.ndarray
    chance: np.ndarray

    @property
    def frequencies(self) -> np.ndarray:
        """Of the bins, in Hz."""
        return np.fft.rfftfreq(SIZE, 1 / self.rate)

    @property
    def weights(self) -> np.ndarray:
        """How well each bin tells a delay (Hannan and Thomson 1973): coherence over incoherence."""
        # Single bins of noise look coherent by chance, their neighbours then don't.
        nearby = smoothed_over_octaves(self.coherence, np.ones(len(self.coherence)), 1 / 12)
        trusted = np.where(np.minimum(nearby, self.coherence) > np.maximum(0.1, 4 * self.chance), self.coherence, 0.0)
        audible = (self.frequencies >= _LEAST_HZ) & (self.frequencies < 0.46 * self.rate)
        return np.where(audible, trusted / (1.02 - trusted), 0.0)

    def impulse(self) -> tuple[np.ndarray, np.ndarray]:
        """The response in time, and what an immediate answer looks like as far as the bands that are heard tell.

        Returns:
            Both float64 (SIZE,), sample 0 in the middle.
        """
        known = smoothed_over_octaves((self.weights > 0).astype(float), np.ones(len(self.coherence)), 1 / 3)
        return tuple(np.roll(np.fft.irfft(spectrum), SIZE // 2) for spectrum in (self.transfer * known, known))


def measure(dry: np.ndarray, wet: np.ndarray, rate: float, stretches: Sequence[tuple[int, int]]) -> Response:
    """The response between aligned recordings within some stretches (first frame, end)."""
    # The same frames of the dry recording whatever the wet one covers: the delays of several takes of it then err alike.
    hop = SIZE // 2
    starts = [start for first, last in stretches for start in range(-(-first // hop) * hop, last - SIZE + 1, hop)]
    energy = np.array([float(np.vdot(dry[s : s + SIZE], dry[s : s + SIZE])) for s in starts])
    loud = np.array(starts, int)[energy > 1e-6 * energy.max(initial=0.0)] if len(starts) else np.zeros(0, int)
    loud = loud[np.linspace(0, len(loud) - 1, min(_MOST_FRAMES, len(loud))).astype(int)]
    window = np.hanning(SIZE)
    audible = np.fft.rfftfreq(SIZE, 1 / rate) >= _LEAST_HZ
    sums = [np.zeros(SIZE // 2 + 1, kind) for kind in (float, float, complex, float)]
    for first in range(0, len(loud), _AT_ONCE):
        places = loud[first : first + _AT_ONCE, None] + np.arange(SIZE)
        x, y = (np.fft.rfft(side[places] * window) for side in (dry, wet))
        # Every frame at one level on both sides: a fuzz plays loud notes no louder than quiet ones, and were quiet frames, in
        # which alone the treble gets through, to count with their large gain, the magnitude would rise without any filter.
        x, y = (side / np.sqrt(np.sum(np.abs(side[:, audible]) ** 2, axis=1, keepdims=True) + 1e-20) for side in (x, y))
        sums[0] += np.sum(np.abs(x) ** 2, axis=0)
        sums[1] += np.sum(np.abs(y) ** 2, axis=0)
        sums[2] += np.sum(np.conj(x) * y, axis=0)
        sums[3] += np.sum(np.abs(x * y) ** 2, axis=0)
    dry_power, wet_power, cross, both = sums
    dry_power, wet_power = (power + 1e-12 * power.max() + 1e-20 for power in (dry_power, wet_power))
    # What strangers reach by chance; the more, the fewer frames a bin lives on.
    chance = np.minimum(both / (dry_power * wet_power), 0.99)
    coherence = np.clip((np.abs(cross) ** 2 / (dry_power * wet_power) - chance) / (1 - chance), 0.0, 1.0)
    return Response(rate, cross / dry_power, coherence * wet_power / dry_power, coherence, chance)


@dataclass(frozen=True)
class Delay:
    """The pure delay inside a response.

    Args:
        samples: The delay.
        polarity: The sign that remains without it.
        clarity: How much alike the phases of all bins are then, 0 .. 1.
        phase: What was taken for the device's own phase, per bin.
    """

    samples: float
    polarity: int
    clarity: float
    phase: np.ndarray


def pure_delay(response: Response) -> Delay:
    """The delay that explains the phase best, beside that of a device of minimum phase with the same magnitude.

    A device of minimum phase answers at once, and its group delay is not counted. Where the dry recording has no sound, the
    magnitude goes on as it ended. But a fuzz plays some frequencies more softly than others without turning their phase, so the
    same is tried without a filter's phase; where both explain it about as well, the earlier answer counts, as it does no harm.
    """
    # The bass is the most coherent and tells the least of the time.
    weights = np.minimum(response.weights, 1.0) * np.sqrt(response.frequencies)
    if not np.any(weights):
        return Delay(0.0, 1, 0.0, np.zeros(len(weights)))
    filtered = _minimum_phase(response)
    both = [_delay(response, weights, own) for own in (filtered, 0 * filtered)]
    clear = max(delay.clarity for delay in both) - _AS_CLEAR
    return min((delay for delay in both if delay.clarity >= clear), key=lambda delay: delay.samples)


def _delay(response: Response, weights: np.ndarray, own: np.ndarray) -> Delay:
    phase = np.exp(1j * (np.angle(response.transfer) - own))
    summed = np.fft.irfft(weights * phase, 4 * SIZE) * 4 * SIZE / 2
    lags = np.arange(-4 * _REACH, 4 * _REACH + 1)
    peaks = summed[lags % (4 * SIZE)]
    best = int(np.argmax(np.abs(peaks)))
    polarity = 1 if peaks[best] > 0 else -1
    shift = refine(weights * phase * polarity, lags[best] / 4, SIZE)
    return Delay(shift, polarity, float(abs(peaks[best]) / weights.sum()), own)


def onset(response: Response, delay: Delay) -> int:
    """The first sample, at most 0, at which the device answers when `delay` is removed.

    A pure delay gives a symmetric pulse as wide as the known band. What sticks out of it before 0 by a quarter of its height
    is an answer that comes earlier than the delay says, as of a loudspeaker heard at two distances. Where the known band is
    too narrow for a sharp pulse nothing can be said.
    """
    weights = response.weights
    if not np.any(weights):
        return 0
    weights = np.minimum(weights, 1.0)
    phase = np.exp(1j * (np.angle(response.transfer) - delay.phase))
    omega = 2 * np.pi * np.arange(len(weights)) / SIZE
    answer = np.fft.irfft(weights * phase * np.exp(1j * omega * delay.samples) * delay.polarity)
    pulse = np.abs(np.fft.irfft(weights))
    height = pulse[0]
    if np.any(pulse[_SHARP:_REACH] > height / 2):
        return 0
    before = -np.arange(1, _REACH)
    outline = np.maximum.accumulate(pulse[-before][::-1])[::-1]
    early = before[np.abs(answer[before]) > outline + height / 4]
    return int(early.min(initial=0))


def refine(spectrum: np.ndarray, shift: float, size: int) -> float:
    """The shift in samples near a first one at which the bins of a cross-spectrum add up best (Newton's method)."""
    omega = 2 * np.pi * np.arange(len(spectrum)) / size
    start = shift
    for _ in range(8):
        turned = spectrum * np.exp(1j * omega * shift)
        slope, bend = -np.sum(omega * turned.imag), -np.sum(omega**2 * turned.real)
        if bend >= 0:
            return start
        step = -slope / bend
        shift += float(np.clip(step, -0.5, 0.5))
        if abs(step) < 1e-5:
            break
    return shift if abs(shift - start) < 2 else start


def _minimum_phase(response: Response) -> np.ndarray:
    """Phase that belongs to the magnitude by Hilbert's transform, bins as in the response."""
    frequencies, weights = response.frequencies, response.weights
    known = np.flatnonzero(weights > 0)
    octaves = np.log2(np.maximum(frequencies, 1.0))
    smooth = 0.5 * np.log(smoothed_over_octaves(response.power, weights, 1 / 6) + 1e-24)
    low, high = known[0], known[-1]
    top = known[octaves[known] > octaves[high] - 1]
    slope = 0.0
    if len(top) > 8:
        slope = float(np.clip(np.polyfit(octaves[top], smooth[top], 1, w=np.sqrt(weights[top]))[0], -2.8, 0.7))
    smooth[:low] = smooth[low]
    smooth[high:] = smooth[high] + slope * (octaves[high:] - octaves[high])
    cepstrum = np.fft.irfft(smooth)
    half = SIZE // 2
    cepstrum[1:half] *= 2
    cepstrum[half + 1 :] = 0
    return np.fft.rfft(cepstrum).imag


def smoothed_over_octaves(level: np.ndarray, weights: np.ndarray, width: float) -> np.ndarray:
    """Weighted mean over a band of `width` octaves around each bin; gaps are bridged by the nearest bands."""
    bins = np.arange(len(level))
    first = np.floor(bins * 2 ** (-width / 2)).astype(int)
    last = np.minimum(np.ceil(bins * 2 ** (width / 2)).astype(int) + 1, len(level))
    sums = np.concatenate(([0.0], np.cumsum(level * weights)))
    totals = np.concatenate(([0.0], np.cumsum(weights)))
    mass = totals[last] - totals[first]
    filled = mass > 0
    return np.interp(bins, bins[filled], (sums[last] - sums[first])[filled] / mass[filled])
