"""How `fxlab master` shows what it heard, did and wrote."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fxlab.audio.bands import CENTRES_HZ
from fxlab.audio.codecs import Decoded
from fxlab.console import output
from fxlab.console.tables import counted, duration, figure, pairs, table
from fxlab.mastering.chain import Chain
from fxlab.mastering.delivered import Delivered
from fxlab.services.master_report import FileReport, Result

if TYPE_CHECKING:
    from rich.text import Text

_COLUMNS = 4
"""Masters of one song that are shown side by side; more get a line each."""

_RANGES = (("bass", 0, 120), ("low mids", 120, 500), ("mids", 500, 2000), ("high mids", 2000, 6000), ("treble", 6000, 20_000))
_UNCHANGED_DB, _SMALL_DB = 0.05, 0.25


def show_master(result: Result, explain: bool) -> None:
    """A song's figures before and after; of several songs a line for each master. Then whatever is worth knowing."""
    done = [report for report in result.files if report.error is None]
    many = len(result.files) > 1
    if many or any(len(report.masters) > _COLUMNS for report in done):
        columns = ("master", "LUFS", "peak dBTP", "PLR dB", "limiter dB", "as promised")
        rows = [_row(master) for report in done for master in report.masters]
        if rows:
            output.out().print(table("", columns, rows, numbers=columns[1:5]))
    else:
        for report in done:
            _show_song(report)
    if explain:
        for report in done:
            output.out().print(pairs(str(report.source) if many else "", [("•", line) for line in report.explained()]))
    for report in result.files:
        about = f"{report.source}: " if many else ""
        for finding in report.study.findings:
            where = "" if finding.seconds is None else f" (at {duration(finding.seconds)})"
            output.warn(f"{about}{finding.text.removesuffix('.')}{where}. {finding.hint}".strip())
        _say(report, about)
    if result.album_lufs is not None:
        output.note(
            f"The album as a whole measured {result.album_lufs:.1f} LUFS before; its songs kept their levels among each other."
        )
    for text in _beside(result):
        output.note(text)
    if result.failed:
        rest = "the others are done" if done else "nothing was written"
        output.warn(f"{len(result.failed)} of {len(result.files)} songs failed; {rest}.")


def _beside(result: Result) -> Iterator[str]:
    """What else was written."""
    if result.chain is not None:
        yield f"Chain: {result.chain}"
    if (preview := result.preview) is not None:
        level = f"both at {preview.lufs:.1f} LUFS" if math.isfinite(preview.lufs) else "both silent"
        what = f"{duration(preview.seconds)} from {duration(preview.start_s)} on, before, then after, {level}"
        yield f"Preview: {preview.output}: {what}."
    if (delta := result.delta) is not None:
        level = f"{delta.level_db:.1f} dB from the master's level" if math.isfinite(delta.level_db) else "nothing but silence"
        yield f"Delta: {delta.output}: {level}."
    if result.plot is not None:
        yield f"Picture: {result.plot}"


def _say(report: FileReport, about: str) -> None:
    for master in report.masters:
        for remark in master.remarks:
            output.note(f"{about}{remark}")
        for promise in master.promises:
            if not promise.kept:
                output.warn(f"{master.output}: promised {promise.name} {promise.wanted}, got {promise.got}. The file was kept.")
    if report.error is not None:
        output.warn(f"{report.error.message} {report.error.hint}".strip())


def _row(master: Delivered) -> tuple:
    broken = [promise.name for promise in master.promises if not promise.kept]
    return (
        master.output,
        f"{_level(master.before.integrated_lufs)} → {_level(master.after.integrated_lufs)}",
        f"{_level(master.before.true_peak_db)} → {_level(master.after.true_peak_db)}",
        f"{_level(master.before.plr_db)} → {_level(master.after.plr_db)}",
        _level(-master.peak_reduction_db),
        f"no: {', '.join(broken)}" if broken else "yes",
    )


def _show_song(report: FileReport) -> None:
    out = output.out()
    for master in report.masters:
        out.print(f"{report.source} → {master.output}", style="bold", markup=False, soft_wrap=True)
    analysis = report.study.analysis
    shape = {1: "mono", 2: "stereo"}.get(analysis.channels, f"{analysis.channels} channels")
    out.print(f"{duration(analysis.seconds)}, {analysis.sample_rate_hz / 1000:g} kHz, {shape}", markup=False)
    single = len(report.masters) == 1
    names = ["after"] if single else [master.target.name for master in report.masters]
    columns = ["", "before", *names, *(["promised"] if single else [])]
    out.print(table("", columns, _measures(report.masters), numbers=["before", *names]))
    for master in report.masters:
        out.print(pairs("" if single else master.target.name, _lines(master, report.codecs_s)))


def _measures(masters: Sequence[Delivered]) -> Iterator[list[str]]:
    """A row for each measure: before, after of each master, and of a single one what was promised."""
    first = masters[0]
    promised = {promise.name: _kept(promise) for promise in first.promises} if len(masters) == 1 else None
    for label, name, unit in (
        ("loudness", "integrated_lufs", "LUFS"),
        ("loudest 3 s", "short_term_max_lufs", "LUFS"),
        ("loudness range", "range_lu", "LU"),
        ("true peak", "true_peak_db", "dBTP"),
        ("peak to loudness", "plr_db", "dB"),
    ):
        cells = [_level(getattr(first.before, name)), *(_level(getattr(master.after, name)) for master in masters)]
        yield [f"{label}, {unit}", *cells, *([promised.pop(label, "")] if promised is not None else [])]


def _kept(promise: Any) -> Text:
    from rich.text import Text

    return Text(promise.wanted if promise.kept else f"{promise.wanted}: NOT KEPT", "" if promise.kept else "bold red")


def _lines(master: Delivered, part_s: float | None) -> Iterator[tuple[str, str]]:
    """What is told of one master besides its figures."""
    yield "done", "; ".join(done(master.chain, master.peak_reduction_db)) or "nothing"
    if math.isfinite(master.after.integrated_lufs - master.before.integrated_lufs):
        yield "balance", _balance(master)
    if master.mono is not None:
        losses = ", ".join(f"{band.name} {0.0 - round(band.loss_db, 1):.1f} dB" for band in master.mono.bands)
        yield "in mono", f"{losses} (correlation {master.mono.correlation:.2f})" if losses else "nothing is lost"
    if master.codecs and math.isfinite(master.after.sample_peak_db):
        tried = [] if part_s is None or master.after.seconds <= part_s else [f"({part_s:g} s, where the limiter works most)"]
        yield "as lossy", "\n".join([*(_decoded(name, found) for name, found in master.codecs.items()), *tried])
    if master.platforms:
        yield "played by", "\n".join(_platforms(master))


def done(chain: Chain, reduction_db: float) -> Iterator[str]:
    """What a chain does, a phrase for each stage that does something."""
    played = [peak for peak in chain.peaks if peak.gain_db]
    bells = [f"{peak.gain_db:+.1f} dB at {_hz(peak.freq_hz)}" for peak in played if abs(peak.gain_db) >= _SMALL_DB]
    bells += [f"{counted(len(played) - len(bells), 'bell')} under {_SMALL_DB:g} dB"] if len(bells) < len(played) else []
    rest, shelves = dict(chain.tone), []
    for name, side in (("low_shelf", "below"), ("high_shelf", "above")):
        if f"{name}_hz" in rest and f"{name}_db" in rest:
            shelves.append(f"{rest.pop(f'{name}_db'):+.1f} dB {side} {_hz(rest.pop(f'{name}_hz'))}")
    if "highpass_hz" in rest:
        shelves.insert(0, f"high-pass at {_hz(rest.pop('highpass_hz'))}")
    others = [f"{name} {figure(value) if isinstance(value, float) else value}" for name, value in rest.items()]
    if bells or shelves or others:
        yield f"equaliser {', '.join(shelves + bells + others)}"
    if chain.dynamics:
        values = chain.dynamics
        yield f"compressor {figure(float(values['ratio']))}:1 above {float(values.get('threshold_db', -18.0)):.0f} dB"
    if chain.width:
        low = f", of the bass × {figure(float(chain.width['low_width']))}" if "low_width" in chain.width else ""
        yield f"width × {figure(float(chain.width.get('width', 1.0)))}{low}"
    if chain.loudness:
        gain = f"gain {float(chain.loudness.get('gain_db', 0.0)):+.1f} dB"
        yield f"{gain} into the limiter, which takes off up to {reduction_db:.1f} dB" if reduction_db >= 0.05 else gain


def _balance(master: Delivered) -> str:
    """By how much broad ranges changed, at the same loudness: the mean of their third octaves."""
    words = []
    for name, low, high in _RANGES:
        change = float(np.mean(master.balance.change_db[(low <= CENTRES_HZ) & (high > CENTRES_HZ)]))
        if abs(change) >= _UNCHANGED_DB:
            words.append(f"{name} {change:+.1f} dB")
    return ", ".join(words) or "as it was"


def _decoded(name: str, found: Decoded | None) -> str:
    if found is None:
        return f"{name}: can't be tried here"
    overs = f", {counted(found.overs, 'time')} over full scale" if found.overs else ""
    return f"{name}: peaks at {_level(found.true_peak_db)} dBTP{overs}"


def _platforms(master: Delivered) -> list[str]:
    """A line for all services that do the same."""
    alike: dict[str, list[str]] = {}
    for effect in master.platforms:
        alike.setdefault(effect.text.removeprefix(effect.platform).strip(), []).append(effect.platform)
    return [f"{', '.join(names)}: {text}" for text, names in alike.items()]


def _hz(value: float) -> str:
    return f"{figure(value / 1000, 2)} kHz" if value >= 1000 else f"{value:.0f} Hz"


def _level(value: float | None) -> str:
    """One decimal; a dash for what isn't there and for the level of nothing."""
    return f"{round(value, 1) + 0.0:.1f}" if value is not None and math.isfinite(value) else "–"
