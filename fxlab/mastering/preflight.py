"""A look at a song before it is mastered: faults that mastering makes louder and can't repair."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fxlab.audio.programme import Programme
from fxlab.mastering.preflight_kernel import CHUNK, HIGH, LOW, ORDER, SUM, products, survey
from fxlab.mastering.preflight_parts import SILENT, Clicks, Clipping, CutOff, Offset, Silence, Stereo

LEAD_S, TAIL_S = 1.0, 4.0
"""Silence from which on it is told of, before the first sound and after the last one."""

OFFSET = 0.005  # of full scale, -46 dB
QUIET_LUFS = -40.0
_FEW_TOPS = 10  # flat tops at another level than full scale may happen
_FULL = 1 - 2**-14
_AUDIBLY_OVER = 1.0116  # 0.1 dB
_AGAINST_S = 6.0
_CHANNELS = "left", "right"


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with a song, or looks like it.

    Attributes:
        code: One of clipping, over, clicks, offset, phase, one-sided, mono, silent, lead-in, tail, gap, dropout, cut-off,
            intersample, quiet.
        text: What it is, with numbers.
        hint: What to do about it.
        seconds: Where it is at its worst or first, None where it is everywhere.
    """

    code: str
    text: str
    hint: str
    seconds: float | None = None


class Inspector:
    """Takes a song block by block; any split gives the same findings. Needs the same memory for any length.

    Args:
        sample_rate_hz: 8-192 kHz.
        channels: 1 or more; the first two count as left and right.
        lossy: Whether the file is coded with loss: it may then exceed full scale and lack high frequencies.
    """

    def __init__(self, sample_rate_hz: int, channels: int, lossy: bool = False) -> None:
        self._rate, self._channels, self._lossy = sample_rate_hz, channels, lossy
        self._audio = np.zeros((channels, ORDER), np.float32)
        self._frames = 0  # judged so far
        self._peaks = np.zeros(channels)
        self._over = 0
        self._clipping = [Clipping() for _ in range(channels)]
        self._clicks = [Clicks(sample_rate_hz) for _ in range(channels)]
        self._offsets = [Offset(sample_rate_hz) for _ in range(channels)]
        self._silence = Silence(sample_rate_hz)
        self._stereo = Stereo(sample_rate_hz)
        self._cut_off = CutOff(sample_rate_hz, channels)

    def add(self, block: np.ndarray) -> None:
        """Takes finite float32 audio (channels, n)."""
        audio = np.concatenate((self._audio, block), axis=1)
        count = (audio.shape[1] - ORDER) // CHUNK
        if count:
            self._judge(audio[:, : ORDER + count * CHUNK], count)
            audio = audio[:, count * CHUNK :].copy()
        self._audio = audio

    def _judge(self, audio: np.ndarray, count: int) -> None:
        figures, places = np.empty((self._channels, 5, count), np.float32), np.empty(count, np.int64)
        for row, mine, clicks, clipping, offset in zip(audio, figures, self._clicks, self._clipping, self._offsets, strict=True):
            survey(row, clicks.reach, mine, places)
            clicks.add(mine, places, self._frames)
            clipping.add(row, mine[HIGH], mine[LOW], self._frames)
            offset.add(mine[SUM])
        levels = np.maximum(figures[:, HIGH], -figures[:, LOW])
        self._silence.add(levels.max(axis=0))
        self._peaks = np.maximum(self._peaks, levels.max(axis=1))
        beyond = audio[:, ORDER:].reshape(self._channels, count, CHUNK)[levels > 1.0]
        self._over += int(np.count_nonzero(np.abs(beyond) > 1.0))
        if self._channels > 1:
            sums = np.empty((4, count), np.float32)
            products(audio[0, ORDER:], audio[1, ORDER:], sums)
            self._stereo.add(sums)
        self._cut_off.add(audio[:, ORDER:])
        self._frames += count * CHUNK

    def findings(self, programme: Programme | None = None) -> list[Finding]:
        """What was found in all audio so far, the worst first; `programme` adds what only its loudness and true peak tell."""
        if not self._frames:
            return []
        if self._peaks.max() < SILENT:
            return [Finding("silent", "It is silent throughout.", "Check that the right file was exported.")]
        found = [*self._level(programme), *self._defects(), *self._sides(), *self._pauses()]
        cut_hz = None if self._lossy else self._cut_off.hz()
        if cut_hz is not None:
            text = f"There is nothing above {cut_hz / 1000:.1f} kHz: it was coded with loss once, or had a lower sample rate."
            found.append(Finding("cut-off", text, "Master the original; what was left out can't be brought back."))
        return found

    def _level(self, programme: Programme | None) -> list[Finding]:
        found, peak = [], float(self._peaks.max())
        tops = sum(one.count for one in self._clipping)
        most = max(self._clipping, key=lambda one: one.count)
        if tops >= (1 if _FULL <= most.level <= 1.0 else _FEW_TOPS):
            length, frame = max(one.worst for one in self._clipping)
            level = round(_db(most.level), 1) + 0.0  # not -0.0
            text = (
                f"{_times(tops, 'peak')} {'is' if tops == 1 else 'are'} cut off flat at {level:.1f} dB of full scale, "
                f"for up to {1000 * length / self._rate:.2f} ms."
            )
            hint = "Export it with a lower master fader and without a clipper; cut peaks distort, and louder they do so more."
            found.append(Finding("clipping", text, hint, frame / self._rate))
        if self._over and peak > _AUDIBLY_OVER:
            are = "is" if self._over == 1 else "are"
            text = f"{_times(self._over, 'sample')} {are} beyond full scale, by up to {_db(peak):.1f} dB."
            hint = "fxlab keeps them and brings them under the ceiling; other programs cut them off."
            found.append(Finding("over", text, hint))
        if programme is None:
            return found
        if peak <= 1.0 and programme.true_peak_db is not None and programme.true_peak_db > 0.0:
            text = f"Between its samples it reaches {programme.true_peak_db:+.1f} dBTP: converters and encoders distort that."
            found.append(Finding("intersample", text, "A ceiling of -1 dBTP prevents that in the master."))
        lufs = programme.integrated_lufs
        if (lufs if math.isfinite(lufs) else _db(peak)) < QUIET_LUFS:  # the standard gives a very short clip no loudness
            level = f"Its loudness is {lufs:.1f} LUFS" if math.isfinite(lufs) else "It has hardly any sound"
            text = f"{level}: what raises it raises its noise too."
            found.append(Finding("quiet", text, "Export it louder, with 24 bits or float."))
        return found

    def _defects(self) -> list[Finding]:
        found = []
        clicks = [one for one in self._clicks if one.count]
        if clicks:
            count, first = max(one.count for one in clicks), min(one.first for one in clicks) / self._rate
            text = f"It jumps {_times(count, 'time')} from one sample to the next: clicks."
            found.append(Finding("clicks", text, "Listen there; edits without a crossfade and lost buffers sound so.", first))
        if self._silence.breaks:
            text = f"The sound breaks off {_times(self._silence.breaks, 'time')} and goes on at once."
            found.append(Finding("dropout", text, "Record or export it again: buffers were lost.", self._silence.break_at_s))
        offset = max((one.offset for one in self._offsets), key=abs)
        if abs(offset) > OFFSET:
            text = f"Its samples are off the middle by {100 * abs(offset):.1f} % of full scale ({_db(abs(offset)):.0f} dB)."
            found.append(Finding("offset", text, "It costs headroom; a high-pass at 15 Hz takes it out, but for --tone 0."))
        return found

    def _sides(self) -> list[Finding]:
        if self._channels != 2:
            return []
        for channel, other in ((0, 1), (1, 0)):
            if self._peaks[channel] < SILENT < 100 * SILENT < self._peaks[other]:
                text = f"The {_CHANNELS[channel]} channel is silent."
                return [Finding("one-sided", text, "Export it as mono, or look for the lost channel.")]
        stereo = self._stereo
        if stereo.apart < SILENT:
            return [Finding("mono", "Both channels are the same: this is mono.", "Width has nothing to work on.")]
        hint = "Look for a channel of reversed polarity, or a widener turned up too far."
        if stereo.correlation < Stereo.AGAINST:
            text = f"Its channels work against each other (correlation {stereo.correlation:+.2f}): much of it vanishes in mono."
            return [Finding("phase", text, hint)]
        if stereo.against_s >= _AGAINST_S:
            text = f"For {stereo.against_s:.0f} s its channels work against each other: that vanishes in mono."
            return [Finding("phase", text, hint, stereo.first_s)]
        return []

    def _pauses(self) -> list[Finding]:
        found, silence = [], self._silence
        if (silence.lead_s or 0.0) >= LEAD_S:
            found.append(Finding("lead-in", f"It begins with {silence.lead_s:.1f} s of silence.", "--trim removes it.", 0.0))
        if silence.tail_s >= TAIL_S:
            since = self._frames / self._rate - silence.tail_s
            found.append(Finding("tail", f"It ends with {silence.tail_s:.1f} s of silence.", "--trim removes it.", since))
        if silence.gaps:
            text = f"It is silent {_times(silence.gaps, 'time')} in between, for up to {silence.longest_s:.1f} s."
            found.append(Finding("gap", text, "Check that nothing is muted there.", silence.longest_at_s))
        return found


def _times(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _db(level: float) -> float:
    return 20 * math.log10(level)
