"""Two recordings of one performance, before and after a device, brought onto one time: delay, drift, polarity, defects, noise.

The steps: lags of long windows at a low rate (`alignment_search`), lags to a fraction of a sample and the two clocks' line
(`alignment_clock`), the device's linear response and the pure delay in it (`alignment_response`), what is broken
(`alignment_defects`), and what a model can hope for (`alignment_model`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from fxlab.audio import alignment_search as search
from fxlab.audio.alignment_clock import Clock, better_clock, first_clock
from fxlab.audio.alignment_defects import Clipping, Stretch, clipping, repeats, silences, without
from fxlab.audio.alignment_model import Noise, Predictable, noise, predict
from fxlab.audio.alignment_response import Response, measure, onset, pure_delay
from fxlab.errors import InputError

_GUARD = 1  # samples by which the answer is left behind its cause where all frequencies are heard

SHORTEST_S = 1.0
ROUNDS = 3
_LEAST_SHARED = 0.5  # of the dry recording that the wet one must cover
_LEAST_EXPLAINED = 0.1  # of the wet energy; a fuzz on a whole song has 0.5, strangers have 0.01
_EXACT = 0.1  # samples; what is nearer to a whole number is taken as shifted by software, and its samples stay untouched
_STEADY = 0.2  # samples over the whole recording: less drift is none
_UNSURE_PPM = 4.0  # nor is drift below this and within three standard errors: mostly both sides run on one clock
_FEW = 0.05  # share of clipped samples up to which they are left out; a device that always clips is one of its own kind
_MARGIN_S = 0.01
_STUCK_S = 0.02  # no note keeps a device at full scale for so long: it is settling, or overloaded
_RECOVERY_S = 0.1


@dataclass(frozen=True)
class Alignment:
    """What two recordings have to do with each other. Times and samples are those of the dry recording.

    Args:
        rate: Sample rate of the dry recording in Hz.
        header_rate: What the wet file says its rate is.
        ratio: How much faster the wet recording's clock was than its header says; other than 1 only where the header is wrong.
        clock: The device's answer lies at these places of the wet recording (at `rate`), its onset `guard` samples late.
        guard: Samples by which the device's answer is left behind the dry sample that caused it.
        delay: Of the device's onset behind the dry recording, at the beginning; negative where the wet file begins later.
        drift_ppm: Of the wet clock against the dry one in parts per million.
        jumps: Where the delay jumps (frame) and by how many samples.
        polarity: 1 or -1.
        gain_db: RMS of the wet recording over that of the dry one where both are used.
        own_delay: Samples from the onset to the strongest answer: the device's own, which stays in.
        clipping: Of the wet recording.
        dry_clipping: Of the dry one.
        dead: Stretches in which the wet recording is silent although the dry one plays.
        repeated: Stretches in which it repeats itself.
        noise: The wet recording's.
        predictable: How much of the wet recording follows from the dry one.
        response: From the dry to the aligned wet recording.
        stretches: What is fit for use.
    """

    rate: float
    header_rate: float
    ratio: float
    clock: Clock
    guard: int
    delay: float
    drift_ppm: float
    jumps: tuple[tuple[int, float], ...]
    polarity: int
    gain_db: float
    own_delay: int
    clipping: Clipping
    dry_clipping: Clipping
    dead: tuple[Stretch, ...]
    repeated: tuple[Stretch, ...]
    noise: Noise
    predictable: Predictable
    response: Response
    stretches: tuple[Stretch, ...]

    def applied(self, wet: np.ndarray, frames: int) -> np.ndarray:
        """The wet recording, as it was given to `align`, on the dry one's time: float32 (frames,)."""
        return self.clock.warped(resampled(wet, self.header_rate * self.ratio, self.rate), frames)


def align(
    dry: np.ndarray, wet: np.ndarray, rate: float, wet_rate: float | None = None, say: Callable[[float], None] = lambda done: None
) -> Alignment:
    """Measures how a wet recording belongs to its dry one.

    Args:
        dry: What was played into the device, float32 (frames,).
        wet: What came out, float32 (frames,), of any delay and length.
        rate: Sample rate of the dry recording in Hz.
        wet_rate: That of the wet one by its header; the same if not given.
        say: Told the share that is done, now and then.

    Raises:
        InputError: One of them is silent or too short, they have nothing to do with each other, or the wet one covers less
            than half of the dry one. The message begins with a verb in lower case: the subject is the wet recording.
    """
    wet_rate = wet_rate or rate
    _require_sound(dry, wet, rate, wet_rate)
    line, ratio, low = _found(dry, wet, rate, wet_rate)
    say(0.3)
    wet_there = resampled(wet, wet_rate * ratio, rate)
    clock = first_clock(dry, wet_there, rate, search.track(*low, line))
    clipped, scale = clipping(wet), rate / (wet_rate * ratio)
    stuck = [run for run in clipped.runs if clipped.at_full_scale and run[1] - run[0] > _STUCK_S * wet_rate]

    def heard(clock: Clock) -> list[Stretch]:
        """What the wet recording covers and isn't stuck: a step says nothing of the time, and recurs wherever it likes."""
        covered, margins = _covered(clock, len(dry), len(wet_there)), (round(_MARGIN_S * rate), round(_RECOVERY_S * rate))
        return without(covered, _placed(stuck, clock, scale), *margins)

    for number in range(ROUNDS):
        say(0.4 + 0.1 * number)
        covered = heard(clock)
        response = measure(dry, clock.warped(wet_there, len(dry)), rate, covered)
        clock = better_clock(dry, wet_there, clock, response)
    say(0.7)
    clock = _exact(clock, len(dry))
    response = measure(dry, clock.warped(wet_there, len(dry)), rate, covered)
    delay = pure_delay(response)
    shift = delay.samples + onset(response, delay)
    answer = clock.moved(shift)
    guard = max(_GUARD, round(_unheard(response)))
    clock = _rounded(answer).moved(-guard)
    aligned = clock.warped(wet_there, len(dry))
    covered = heard(clock)
    say(0.8)
    response = measure(dry, aligned, rate, covered)
    again = _placed(repeats(wet), clock, scale)
    dead = silences(dry, aligned, rate, covered)
    flat = _placed(clipped.runs, clock, scale) if clipped.at_full_scale and clipped.share < _FEW else []
    margin = round(_MARGIN_S * rate)
    good = without(covered, [*again, *dead, *flat], margin, margin)
    _require_shared(dry, good, covered, rate)
    predictable = predict(dry, aligned, good)
    if predictable.bent < _LEAST_EXPLAINED:
        raise InputError(*_STRANGERS)
    say(0.9)
    impulse = response.impulse()[0] * delay.polarity
    middle = len(impulse) // 2
    own = int(np.argmax(np.abs(impulse[middle : middle + 2000]))) - guard
    return Alignment(
        rate=rate,
        header_rate=wet_rate,
        ratio=ratio,
        clock=clock,
        guard=guard,
        delay=answer.offsets[0],
        drift_ppm=1e6 * clock.drift,
        jumps=tuple(
            (clock.bounds[k + 1][0], float(after - before))
            for k, (before, after) in enumerate(zip(clock.offsets, clock.offsets[1:], strict=False))
        ),
        polarity=delay.polarity,
        gain_db=_gain_db(dry, aligned, good),
        own_delay=max(own, 0),
        clipping=clipped,
        dry_clipping=clipping(dry),
        dead=tuple(dead),
        repeated=tuple(again),
        noise=noise(dry, aligned, rate, good, predictable),
        predictable=predictable,
        response=response,
        stretches=tuple(good),
    )


def resampled(audio: np.ndarray, from_hz: float, to_hz: float) -> np.ndarray:
    """Audio (frames,) at another rate, which needn't be whole; the first sample stays in place."""
    if from_hz == to_hz:
        return np.asarray(audio, np.float32)
    from fxlab.audio.soxr import soxr

    return soxr.resample(np.asarray(audio, np.float32), from_hz, to_hz, quality="VHQ")


_STRANGERS = (
    "isn't what a device made of the dry recording: nothing in it follows what is played there.",
    "Give the recordings of the same take: another song, or the same song played again, won't do.",
)


def _require_sound(dry: np.ndarray, wet: np.ndarray, rate: float, wet_rate: float) -> None:
    for audio, own_rate, name in ((dry, rate, "the dry recording"), (wet, wet_rate, "the wet recording")):
        if len(audio) < SHORTEST_S * own_rate:
            raise InputError(
                f"can't be aligned: {name} lasts {len(audio) / own_rate:.2f} s.",
                "Two minutes of varied playing are good, 1 s is the least.",
            )
        if not np.ptp(audio) > 1e-6:
            raise InputError(f"can't be aligned: {name} is silent.", "Check the cables and the channel, and record it again.")


def _found(
    dry: np.ndarray, wet: np.ndarray, rate: float, wet_rate: float
) -> tuple[search.Line, float, tuple[np.ndarray, np.ndarray]]:
    """The line on which the dry recording is in the wet one, the ratio at which it is found, and both at the low rate."""
    low = search.prepare(dry, rate)
    for ratio in search.RATIOS:
        other = search.prepare(wet, wet_rate * ratio)
        line = search.find(low, other)
        if line.clarity:
            return line, ratio, (low, other)
    if search.find(low, search.prepare(wet[::-1], wet_rate)).clarity:
        raise InputError("is the dry recording's answer played backwards.", "Reverse the file.")
    raise InputError(*_STRANGERS)


def _exact(clock: Clock, frames: int) -> Clock:
    """Without the drift, where that moves nothing by a noticeable part of a sample or is within its error."""
    moved = clock.drift * frames
    unsure = abs(clock.drift) < min(3 * clock.drift_error, 1e-6 * _UNSURE_PPM)
    if abs(moved) > _STEADY and not unsure:
        return clock
    return replace(clock.moved(moved / 2), drift=0.0)


def _unheard(response: Response) -> float:
    """Samples that an answer may seem late for what the device does above the frequencies that are heard: half their period.

    A low-pass of fourth order at the last of them delays all below it by that, and looks like a delay.
    """
    heard = np.flatnonzero(response.weights)
    return response.rate / (2 * response.frequencies[heard[-1]]) if len(heard) else _GUARD


def _rounded(clock: Clock) -> Clock:
    """Without digits that mean nothing, and moved to whole samples where they are near: then these stay as they were recorded."""
    whole = not clock.drift and all(abs(offset - round(offset)) <= _EXACT for offset in clock.offsets)
    # Digits that mean nothing would make the same recordings another dataset on another machine.
    return replace(
        clock, drift=round(clock.drift, 11), offsets=tuple(round(offset, None if whole else 4) * 1.0 for offset in clock.offsets)
    )


def _covered(clock: Clock, frames: int, wet_frames: int) -> list[Stretch]:
    """The stretches of the clock as far as the wet recording reaches."""
    step = 1 + clock.drift
    found = []
    for offset, (first, last) in zip(clock.offsets, clock.bounds, strict=True):
        start = max(first, int(np.ceil(-offset / step)))
        stop = min(last, frames, int((wet_frames - 1 - offset) / step) + 1)
        if stop > start:
            found.append((start, stop))
    return found


def _placed(runs: list[Stretch] | tuple[Stretch, ...], clock: Clock, scale: float) -> list[Stretch]:
    """Places of the wet file on the dry recording's time; `scale` is the dry rate over the wet file's."""
    found = []
    for first, last in runs:
        for offset, bounds in zip(clock.offsets, clock.bounds, strict=True):
            start, stop = ((place * scale - offset) / (1 + clock.drift) for place in (first, last))
            if bounds[0] <= start < bounds[1]:
                found.append((int(start), int(stop) + 1))
    return found


def _require_shared(dry: np.ndarray, good: list[Stretch], covered: list[Stretch], rate: float) -> None:
    shared, left = sum(b - a for a, b in covered), sum(b - a for a, b in good)
    if shared < _LEAST_SHARED * len(dry):
        raise InputError(
            f"covers only {shared / rate:.1f} s of the {len(dry) / rate:.1f} s of the dry recording.",
            "Export both over the same time, or cut the dry file to the part that was recorded.",
        )
    if left < SHORTEST_S * rate:
        raise InputError("is broken almost everywhere: dropouts and clipping leave less than a second.", "Record it again.")


def _gain_db(dry: np.ndarray, wet: np.ndarray, stretches: list[Stretch]) -> float:
    energy = [sum(float(np.vdot(side[a:b], side[a:b])) for a, b in stretches) for side in (dry, wet)]
    return float(10 * np.log10((energy[1] + 1e-20) / (energy[0] + 1e-20)))
