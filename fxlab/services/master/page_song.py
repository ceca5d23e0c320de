"""What the page of `fxlab master` shows of one song: how it sounds before and after, what was done, what came out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fxlab.audio.bands import CENTRES_HZ
from fxlab.effects.eq.bands import response_db
from fxlab.mastering.chain import Chain, Peak
from fxlab.mastering.delivered import Delivered
from fxlab.pages.parts import Curves, Line, Listening, Part, Table, Version
from fxlab.services.master.excerpts import Share, excerpts
from fxlab.services.master.plot import HEARD_DB, Picture, picture_of
from fxlab.services.master.report import FileReport
from fxlab.services.master.wording import lines, measures, shown
from fxlab.wording import duration, figure

if TYPE_CHECKING:
    from fxlab.audio.programme import Series

_LOWEST_HZ, _HIGHEST_HZ, _POINTS = 20.0, 20_000.0, 240
_LEAST_DB, _MOST_DB = 3.0, 12.0  # of changes that are drawn
_EQUALLY_LOUD = "Third octaves, brought to equal loudness. Reasons in words go by averages over neighbouring ones."
_BELOW_LU = 40.0  # of the loudest moment; what is softer is a fade or a pause


def parts_of(report: FileReport, seconds: float, progress: Share = lambda share: None) -> Iterator[Part]:
    """All parts of a song that was mastered; song and masters are read again, in constant memory.

    Args:
        report: The song, with at least one master.
        seconds: Length of what is heard of it.
        progress: Is told the share that is done, 0..1.

    Raises:
        InputError: One of the files can't be read any more.
    """
    masters, first = report.masters, report.masters[0]
    of = [f" for {master.target.name}" if len(masters) > 1 else "" for master in masters]
    yield _listening("Before and after", report, seconds, lambda share: progress(0.6 * share))
    yield _measured(masters)
    yield _told("What was done", report)
    yield from _equaliser(first.chain, report.study.analysis.sample_rate_hz)
    pictures = []
    for number, master in enumerate(masters):
        pictures.append(_picture(report, master))
        progress(0.6 + 0.4 * (number + 1) / len(masters))
    names = _names(masters)
    yield from _spectra(pictures[0], names[0], of[0])
    for picture, name, one in zip(pictures, names, of, strict=True):
        yield _loudness(f"Loudness over time{one}", picture, name)
    for master, one in zip(masters, of, strict=True):
        if master.reduction.reduction_db.max(initial=0.0) >= HEARD_DB:
            yield _reduction(master, one)
    yield _peaks(report)
    if first.platforms:
        yield _platforms(masters)
    yield promises(masters)
    if report.study.findings:
        rows = [(one.text, "" if one.seconds is None else duration(one.seconds), one.hint) for one in report.study.findings]
        yield Table("What is wrong with the recording", ("finding", "at", "advice"), rows)
    progress(1.0)


def main_parts_of(report: FileReport, seconds: float, progress: Share = lambda share: None) -> Iterator[Part]:
    """What matters most of one song of several, its name in the headings; arguments and errors are those of `parts_of`."""
    name = report.source.name
    yield _listening(f"{name}: before and after", report, seconds, lambda share: progress(0.6 * share))
    yield _told(f"{name}: what was done", report)
    picture, after = _picture(report, report.masters[0]), _names(report.masters)[0]
    yield from _changed(f"{name}: what was changed", picture, after)
    yield _loudness(f"{name}: loudness over time", picture, after)
    progress(1.0)


def _picture(report: FileReport, master: Delivered) -> Picture:
    comparable = None if report.study.finished else report.study.compared
    return picture_of(report.source, master, comparable, report.study.edit)


def _names(masters: Sequence[Delivered]) -> list[str]:
    """What the masters are called wherever they are heard or drawn."""
    return ["after"] if len(masters) == 1 else [f"for {master.target.name}" for master in masters]


def _listening(title: str, report: FileReport, seconds: float, progress: Share) -> Listening:
    found = excerpts(report.source, [one.output for one in report.masters], seconds, report.study.edit, progress)
    names = ["before", *_names(report.masters)]
    versions = [Version(name, audio[:2]) for name, audio in zip(names, [found.before, *found.after], strict=True)]
    note = (
        f"The loudest {duration(round(found.seconds, 1))} of {report.source.name}, from {duration(round(found.start_s, 1))} on."
    )
    return Listening(title, versions, found.rate_hz, note)


def _measured(masters: Sequence[Delivered]) -> Table:
    names = ["after"] if len(masters) == 1 else [one.target.name for one in masters]
    rows = [(f"{label}, {unit}", *cells) for label, unit, cells in measures(masters)]
    return Table("Measured", ("measure", "before", *names), rows)


def _told(title: str, report: FileReport) -> Table:
    """What was done to all masters alike once, then what tells each apart."""
    rows: list[tuple[str, str]] = []
    for master in report.masters:
        of = f" ({master.target.name})" if len(report.masters) > 1 else ""
        rows += [(name + of, text) for name, text in lines(master, report.codecs_s) if name not in ("played by", "as lossy")]
        rows += [(f"remark{of}", text) for text in master.remarks]
    rows += [("why", sentence) for sentence in report.explained()]
    return Table(title, ("what", "in words"), rows)


def _equaliser(chain: Chain, rate_hz: int) -> Iterator[Part]:
    """The equaliser's curve, and each of its bells; nothing where it does nothing."""
    settings = next((stage.set for stage in chain.stages() if stage.name == "eq"), None)
    if settings is None:
        return
    hz = np.geomspace(_LOWEST_HZ, min(_HIGHEST_HZ, 0.49 * rate_hz), _POINTS)
    played = [peak for peak in chain.peaks if peak.gain_db]
    drawn = [Line("all together", hz, _finite(response_db(settings, hz, rate_hz)))]
    if chain.tone:
        drawn.append(Line("shelves and filters", hz, _finite(response_db(chain.tone, hz, rate_hz))))
    drawn += [Line(f"band at {_hz(peak.freq_hz)}", hz, _finite(response_db(_alone(peak), hz, rate_hz))) for peak in played]
    yield Curves("Equaliser", "Hz", "dB", drawn, x_log=True)
    if played:
        rows = [(f"{peak.freq_hz:.0f}", f"{peak.gain_db:+.2f}", f"{peak.q:.2f}") for peak in played]
        yield Table("Bands of the equaliser", ("frequency, Hz", "gain, dB", "Q"), rows)


def _alone(peak: Peak) -> dict[str, float]:
    return {"peak1_hz": peak.freq_hz, "peak1_db": peak.gain_db, "peak1_q": peak.q}


def _spectra(picture: Picture, after: str, of: str) -> Iterator[Curves]:
    """Third-octave spectra at equal loudness, then what was changed beside what was wanted.

    Args:
        picture: What is drawn.
        after: What the master is called.
        of: What the headings add.
    """
    found = {"before": picture.before_db, after: picture.after_db}
    if picture.wanted_db is not None:
        found[picture.wanted] = picture.wanted_db
    drawn = _third_octaves(found)
    if drawn:
        yield Curves(f"Spectrum{of}", "Hz", "dB", drawn, x_log=True, note=_EQUALLY_LOUD)
    yield from _changed(f"What was changed{of}", picture, after)


def _changed(title: str, picture: Picture, after: str) -> Iterator[Curves]:
    """Nothing of silence."""
    found = {f"{after} − before": picture.after_db - picture.before_db}
    if picture.wanted_db is not None:
        found[f"{picture.wanted} − before"] = picture.wanted_db - picture.before_db
    drawn = _third_octaves(found)
    if drawn:
        most = max(_LEAST_DB, *(1.1 * min(_MOST_DB, float(np.nanmax(np.abs(line.y)))) for line in drawn))
        yield Curves(title, "Hz", "dB", drawn, x_log=True, y_range=(-most, most), note=_EQUALLY_LOUD)


def _third_octaves(found: dict[str, np.ndarray]) -> list[Line]:
    return [Line(name, CENTRES_HZ, levels) for name, levels in found.items() if np.isfinite(levels).any()]


def _loudness(title: str, picture: Picture, after: str) -> Curves:
    drawn, ends = [], []
    for name, series in (("before", picture.before), (after, picture.after)):
        drawn += _over_time(name, series)
        ends.append(float(series.momentary_s[-1]) if len(series.momentary_s) else 0.4)
    if picture.target_lufs is not None:
        drawn.append(Line("target", np.array([0.0, max(ends)]), np.full(2, picture.target_lufs)))
    values = np.concatenate([line.y[np.isfinite(line.y)] for line in drawn])
    top = float(values.max(initial=-70.0))
    bottom = max(top - _BELOW_LU, float(values.min(initial=top)) - 1.0)
    note = "Short-term: the last 3 s. Momentary: the last 0.4 s."
    return Curves(title, "s", "LUFS", drawn, y_range=(bottom, top + 1.0), note=note)


def _over_time(name: str, series: Series) -> list[Line]:
    """Short-term loudness, for which a song may be too short, and momentary loudness."""
    found = {
        "short-term": (series.short_term_s, series.short_term_lufs),
        "momentary": (series.momentary_s, series.momentary_lufs),
    }
    return [Line(f"{name}, {kind}", seconds, _finite(lufs)) for kind, (seconds, lufs) in found.items() if len(seconds)]


def _reduction(master: Delivered, of: str) -> Curves:
    taken = master.reduction
    most = float(taken.reduction_db.max(initial=0.0))
    note = f"At most {most:.1f} dB."
    drawn = [Line("limiter", taken.at_s, -taken.reduction_db)]
    return Curves(f"Gain reduction of the limiter{of}", "s", "dB", drawn, y_range=(-max(3.0, 1.1 * most), 0.0), note=note)


def _peaks(report: FileReport) -> Table:
    """Between samples, of the song, of every master, and of what lossy codecs make of it."""
    rows = [("before", shown(report.masters[0].before.true_peak_db), "", "")]
    for master in report.masters:
        ceiling = figure(master.target.ceiling_db)
        rows.append((f"after, {master.target.name}", shown(master.after.true_peak_db), ceiling, ""))
        for name, found in master.codecs.items():
            peak, overs = ("–", "–") if found is None else (shown(found.true_peak_db), str(found.overs))
            rows.append((f"{master.target.name} as {name}", peak, "", overs))
    part = report.codecs_s
    tried = any(master.codecs for master in report.masters)
    note = f"Codecs were tried on {part:g} s, where the limiter works most." if tried and part is not None else ""
    return Table("True peaks", ("of", "true peak, dBTP", "ceiling, dBTP", "times over full scale"), rows, note)


def _platforms(masters: Sequence[Delivered]) -> Table:
    of = len(masters) > 1
    rows = [
        (effect.platform, *([master.target.name] if of else []), f"{effect.gain_db + 0.0:+.1f}", effect.text)
        for master in masters
        for effect in master.platforms
    ]
    columns = ("service", *(["master"] if of else []), "gain, dB", "what it does")
    return Table("On streaming services", columns, rows, "As they play by default.")


def promises(masters: Sequence[Delivered]) -> Table:
    """What was promised of every master, and what it is."""
    rows = [
        (str(master.output), promise.name, promise.wanted, promise.got, "yes" if promise.kept else "NO")
        for master in masters
        for promise in master.promises
    ]
    note = "Measured on the written file, read back."
    return Table("Verification", ("file", "promise", "promised", "measured", "kept"), rows, note)


def _hz(value: float) -> str:
    return f"{value / 1000:.3g} kHz" if value >= 1000 else f"{value:.0f} Hz"


def _finite(values: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(values), values, math.nan)
