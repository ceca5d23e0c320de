"""What is told of mastered songs: what was heard, what was done, what came out."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fxlab.errors import CheckError, FxlabError, exit_code_of
from fxlab.mastering.analysis import Analysis
from fxlab.mastering.chain import Chain
from fxlab.mastering.comparable import Comparable
from fxlab.mastering.delivered import Delivered
from fxlab.mastering.edit import Edit
from fxlab.mastering.explain import LEFT_ALONE, Reason, sentences
from fxlab.mastering.preflight import Finding
from fxlab.mastering.presets import SAYS
from fxlab.services.master.extras import Delta, Preview

AS_ASKED = "Tone, dynamics and width are left alone, as asked for."
UNHEARD = "It is silent, or too short to be judged: tone, dynamics and width are left alone."


@dataclass
class Study:
    """What was heard of a song and what is to be done.

    Attributes:
        source: The song.
        analysis: What it measures; None where it couldn't be read.
        findings: What is wrong with the recording.
        chain: What is to be done.
        edit: Trim and fades, located in it; None for neither.
        compared: What it was compared with, None for nothing.
        need: How much of mastering the song needs, 0..1, as the network says; None where it wasn't asked.
        preset: Character that was added; "none" for none.
        finished: Whether it was listened to and found to need nothing.
        reasons: Why.
        error: Why there is no more than this.
    """

    source: Path
    analysis: Analysis | None = None
    findings: list[Finding] = field(default_factory=list)
    chain: Chain = field(default_factory=Chain)
    edit: Edit | None = None
    compared: Comparable | None = None
    need: float | None = None
    preset: str = "none"
    finished: bool = False
    reasons: tuple[Reason, ...] = ()
    error: FxlabError | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "analysis": self.analysis.to_json() if self.analysis else None,
            "findings": [dataclasses.asdict(finding) for finding in self.findings],
            "need": self.need,
            "reasons": [reason.to_json() for reason in self.reasons],
        }


@dataclass
class FileReport:
    """What became of one song.

    Attributes:
        study: What was heard and decided.
        masters: A written file for each target; with an error those that were finished before it.
        codecs_s: How much of it lossy codecs were tried on, in seconds; None for all.
        elapsed_s: Time it took.
        error: Why it failed.
    """

    study: Study
    masters: list[Delivered] = field(default_factory=list)
    codecs_s: float | None = None
    elapsed_s: float = 0.0
    error: FxlabError | None = None

    @property
    def source(self) -> Path:
        return self.study.source

    @property
    def broken(self) -> bool:
        """Whether a written file isn't what was promised."""
        return not all(master.kept for master in self.masters)

    def explained(self) -> list[str]:
        """What was done and why, sentence by sentence."""
        many = len(self.masters) > 1
        told = sentences((*self.study.reasons, *filter(None, (_loudness(master, many) for master in self.masters))))
        if told[0] == LEFT_ALONE:
            told[0] = self._alone()
        if self.study.preset != "none":
            told.insert(0, f"Preset {self.study.preset}: {SAYS[self.study.preset]}.")
        if "highpass_hz" in self.study.chain.tone:
            told.append(f"A high-pass at {self.study.chain.tone['highpass_hz']:g} Hz takes out the DC offset.")
        return told

    def _alone(self) -> str:
        if not self.study.finished:
            return UNHEARD if self.study.analysis.silent else AS_ASKED
        return f"{LEFT_ALONE} (--insist corrects it all the same.)" if self.study.need is not None else LEFT_ALONE

    def to_json(self) -> dict[str, Any]:
        error = self.error and {"kind": type(self.error).__name__, "message": self.error.message, "hint": self.error.hint}
        return {
            "input": str(self.source),
            **self.study.to_json(),
            "explained": self.explained() if self.masters else [],
            "masters": [master.to_json() for master in self.masters],
            "codecs_s": self.codecs_s,
            "elapsed_s": self.elapsed_s,
            "error": error,
        }


@dataclass
class Result:
    """One report per song, in the order of the inputs, and the files made beside the masters.

    Attributes:
        chain, plot: Where those were written.
        preview, delta: What those hold.
        album_lufs: Loudness of all songs together as they came; None for what is no album.
        html: Where the page was written.
        html_error: What kept it from being written.
    """

    files: list[FileReport]
    chain: Path | None = None
    plot: Path | None = None
    preview: Preview | None = None
    delta: Delta | None = None
    album_lufs: float | None = None
    html: Path | None = None
    html_error: FxlabError | None = None

    @property
    def failed(self) -> list[FileReport]:
        return [report for report in self.files if report.error is not None]

    @property
    def exit_code(self) -> int:
        """0; 6 if outputs couldn't be written and nothing else failed; 3 if some song failed in another way; 5 if a written
        file isn't what was promised."""
        if self.failed:
            return exit_code_of([report.error for report in self.failed])
        return CheckError.exit_code if any(report.broken for report in self.files) else 0

    def to_json(self) -> dict[str, Any]:
        return {
            "files": [report.to_json() for report in self.files],
            "failed": len(self.failed),
            "broken": sum(report.broken for report in self.files),
            "album_lufs": self.album_lufs,
            "chain": self.chain,
            "plot": self.plot,
            "preview": self.preview and dataclasses.asdict(self.preview),
            "delta": self.delta and dataclasses.asdict(self.delta),
            "html": self.html,
            "exit_code": self.exit_code,
        }


def _loudness(master: Delivered, named: bool) -> Reason | None:
    """Why its level was changed, None where it wasn't; `named` says that its target is one of several."""
    before, after, wanted = master.before.integrated_lufs, master.after.integrated_lufs, master.target.lufs
    if not master.chain.loudness or wanted is None or not math.isfinite(after - before):
        return None
    return Reason("loudness", None, before, wanted, "LUFS", after - before, master.target.name if named else "")
