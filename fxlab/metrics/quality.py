"""How close an output comes to its target, as numbers and as one word.

Audio is any float array whose last axis is time, target and output of one shape; several channels count together.
Everything is computed in float64. A silent target has no signal to relate an error to: the ratios are then 0 when the
output is silent as well and infinite when it isn't.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

STFT_SIZES = (512, 1024, 2048)
_POWER_FLOOR = 1e-8  # as in auraloss: keeps log|STFT| of silence finite, about -80 dB re a magnitude of 1
_FRAMES_AT_ONCE = 512  # bounds memory, whatever the length of the audio

FAILED = "failed"
FAILED_ADVICE = "The network doesn't sound like what it was to copy: train it longer, or on more audio."
VERDICTS = (
    (0.001, "transparent"),
    (0.01, "great"),
    (0.035, "good"),
    (0.1, "fair"),
    (0.3, "rough"),
    (math.inf, FAILED),
)
"""ESR below the figure earns the word. From "great" downwards the steps are Neural Amp Modeler's (1, 3.5, 10, 30 %)."""


def verdict(esr: float) -> str:
    """The word for an error-to-signal ratio (a share, not percent): see `VERDICTS`; NaN and infinity have failed."""
    return next((word for limit, word in VERDICTS if esr < limit), FAILED)


def esr(target: np.ndarray, output: np.ndarray) -> float:
    """Error-to-signal ratio: energy of the difference / energy of the target.

    0 is a perfect match, 1 what silence scores. Wright et al. 2019 (DAFx).

    Raises:
        ValueError: Different shapes, or no samples.
    """
    target, output = _pair(target, output)
    return ratio(_energy(target - output), _energy(target))


def pre_emphasised_esr(target: np.ndarray, output: np.ndarray, coefficient: float = 0.85) -> float:
    """ESR after the first-order high-pass y[n] = x[n] - coefficient x[n-1], which weights what is heard as brightness.

    Wright & Välimäki 2020 (ICASSP) with NAM's coefficient; x[-1] = 0.
    """
    target, output = _pair(target, output)
    return esr(_pre_emphasis(target, coefficient), _pre_emphasis(output, coefficient))


def energies(
    target: np.ndarray, output: np.ndarray, coefficient: float = 0.85
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Energies of error and target, plain and pre-emphasised: summed over recordings they make one `ratio` of them all."""
    target, output = _pair(target, output)
    plain = _energy(target - output), _energy(target)
    target, output = _pre_emphasis(target, coefficient), _pre_emphasis(output, coefficient)
    return plain, (_energy(target - output), _energy(target))


def dc_error(target: np.ndarray, output: np.ndarray) -> float:
    """Squared mean of the difference / mean square of the target (Wright et al. 2019)."""
    target, output = _pair(target, output)
    return ratio(float(np.mean(target - output)) ** 2, _energy(target) / target.size)


def mr_stft(target: np.ndarray, output: np.ndarray, sizes: tuple[int, ...] = STFT_SIZES) -> float:
    """Multi-resolution STFT distance: spectral convergence + mean |log magnitude difference|, averaged over FFT sizes.

    Yamamoto et al. 2020 (Parallel WaveGAN), with a periodic Hann window of the FFT's length, a hop of a quarter of it,
    centred frames with reflected ends, magnitudes floored at 1e-4 and natural logarithms: auraloss'
    `MultiResolutionSTFTLoss` at these sizes. 0 is a perfect match. Audio shorter than the largest FFT is padded with zeros at
    its end.
    """
    target, output = _pair(target, output)
    missing = max(sizes) - target.shape[-1]
    if missing > 0:
        widths = [(0, 0)] * (target.ndim - 1) + [(0, missing)]
        target, output = np.pad(target, widths), np.pad(output, widths)
    target, output = (audio.reshape(-1, audio.shape[-1]) for audio in (target, output))
    return float(np.mean([_stft_distance(target, output, size) for size in sizes]))


def esr_over_time(
    target: np.ndarray, output: np.ndarray, rate: float, window_s: float = 0.1, floor_db: float = -90.0
) -> np.ndarray:
    """ESR of successive windows, the last one maybe shorter: shape (windows,), window i starts at i * window_s seconds.

    Args:
        rate: Sample rate in Hz.
        window_s: Length of a window in seconds.
        floor_db: Windows whose target has less RMS than this (dB of full scale) are NaN: there is nothing to be near to.
    """
    target, output = _pair(target, output)
    size = max(1, round(window_s * rate))
    starts = np.arange(0, target.shape[-1], size)
    counts = np.diff(np.append(starts, target.shape[-1])) * (target.size // target.shape[-1])
    axes = tuple(range(target.ndim - 1))
    signal = np.add.reduceat(np.sum(target**2, axis=axes), starts)
    error = np.add.reduceat(np.sum((target - output) ** 2, axis=axes), starts)
    audible = signal / counts >= 10 ** (floor_db / 10)
    shares = np.full(len(starts), np.nan)
    np.divide(error, signal, out=shares, where=audible & (signal > 0))
    return shares


def _pair(target: np.ndarray, output: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    target, output = np.asarray(target, dtype=np.float64), np.asarray(output, dtype=np.float64)
    if target.shape != output.shape or target.size == 0 or target.ndim == 0:
        raise ValueError(f"target and output must be audio of one shape, not {target.shape} and {output.shape}")
    return target, output


def _energy(audio: np.ndarray) -> float:
    return float(np.vdot(audio, audio))


def ratio(error: float, signal: float) -> float:
    """Energy of an error over energy of a signal; without a signal 0 if there is no error either, else infinite."""
    if signal > 0:
        return error / signal
    return math.nan if math.isnan(error + signal) else (math.inf if error > 0 else 0.0)


def _pre_emphasis(audio: np.ndarray, coefficient: float) -> np.ndarray:
    emphasised: np.ndarray = audio.copy()
    emphasised[..., 1:] -= coefficient * audio[..., :-1]
    return emphasised


def _stft_distance(target: np.ndarray, output: np.ndarray, size: int) -> float:
    difference = signal = log_sum = 0.0
    count = 0
    for a, b in zip(_magnitudes(target, size), _magnitudes(output, size), strict=True):
        difference += _energy(a - b)
        signal += _energy(a)
        log_sum += float(np.sum(np.abs(np.log(a) - np.log(b))))
        count += a.size
    return math.sqrt(difference / signal) + log_sum / count


def _magnitudes(audio: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """|STFT| of (channels, frames) audio in batches of STFT frames."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    for channel in audio:
        padded = np.pad(channel, size // 2, mode="reflect")
        frames = np.lib.stride_tricks.sliding_window_view(padded, size)[:: size // 4]
        for start in range(0, len(frames), _FRAMES_AT_ONCE):
            spectrum = np.fft.rfft(frames[start : start + _FRAMES_AT_ONCE] * window)
            yield np.sqrt(np.maximum(spectrum.real**2 + spectrum.imag**2, _POWER_FLOOR))
