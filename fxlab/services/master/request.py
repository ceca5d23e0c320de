"""What one can ask of `fxlab master`, and what of it doesn't go together."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fxlab import getting
from fxlab.audio.atomic import require_place
from fxlab.audio.codecs import has_ffmpeg
from fxlab.audio.writer import FORMATS, check_vacant
from fxlab.errors import MissingError, UsageError
from fxlab.services.cluster import Cluster
from fxlab.services.drawing import check_picture
from fxlab.services.master.plan import Job
from fxlab.services.pages import check_place
from fxlab.settings import MasterSettings


@dataclass
class Request:
    """What to master and how.

    Attributes:
        inputs: Files, folders and patterns.
        settings: Amounts, preset, sample format, and the target with what replaces its figures.
        targets: Names of targets, in place of the settings' one.
        output: A file, or a folder for several; None puts NAME.master.wav beside each song.
        format: "wav", "flac" or "ogg"; None follows `output`, else wav.
        references: Songs to sound like.
        reference_percent: How far towards them, by "tone", "dynamics" and "width"; None for all the way.
        model: Checkpoint of the network that advises, None for the one that ships.
        insist: Correct songs that measure like finished masters, too.
        chain: A chain file that says what is done, in place of all advice.
        replay: Its loudness too is as it says; otherwise it is solved for the target.
        save_chain: Where what was done is kept, for one song.
        album: The songs keep their levels among each other.
        preview: Where the loudest part before and after goes, for one song.
        delta: Where what was added or taken away goes, for one song.
        trim: Cut silence at both ends.
        fade: Length of the fade out, or "in,out"; None for none.
        plot: Picture to draw, of one song.
        html: Page to write.
        command: What was typed, for the page.
        codecs: Try lossy codecs; None where ffmpeg is.
        workers: Processes; None takes one per core and song. On a cluster songs at the same time, None for as many as it likes.
        force: Overwrite outputs that exist.
        cluster: Where songs are sent; its workers read and write them themselves.
    """

    inputs: Sequence[str | Path]
    settings: MasterSettings = field(default_factory=MasterSettings)
    targets: Sequence[str] = ()
    output: str | Path | None = None
    format: str | None = None
    references: Sequence[Path] = ()
    reference_percent: Mapping[str, float | None] = field(default_factory=dict)
    model: Path | None = None
    insist: bool = False
    chain: Path | None = None
    replay: bool = True
    save_chain: Path | None = None
    album: bool = False
    preview: Path | None = None
    delta: Path | None = None
    trim: bool = False
    fade: str | None = None
    plot: Path | None = None
    html: Path | None = None
    command: str = ""
    codecs: bool | None = None
    workers: int | None = None
    force: bool = False
    cluster: Cluster | None = None

    @property
    def extras(self) -> dict[str, Path]:
        """What is written beside the masters, by kind."""
        wanted = {"chain": self.save_chain, "preview": self.preview, "delta": self.delta, "plot": self.plot}
        return {kind: path for kind, path in wanted.items() if path is not None}


def check_sense(request: Request) -> None:
    """Raises `UsageError` for what doesn't go together, `MissingError` where codecs can't be tried."""
    if request.chain is not None:
        others = {"--preset": request.settings.preset != "none", "--reference": request.references, "--model": request.model}
        named = [option for option, given in others.items() if given]
        if named:
            raise UsageError(
                f"A chain file says all that is done: {named[0]} can't add to it.",
                f"Leave out --chain or {named[0]}. Amounts and targets go with a chain.",
            )
    if request.insist and (request.chain is not None or request.references):
        raise UsageError("--insist is for the network's advice, which isn't asked for here.", "Leave out --insist.")
    for name, percent in request.reference_percent.items():
        if percent is None:
            continue
        if not request.references:
            raise UsageError(f"--reference-{name} without a reference means nothing.", "Name a song with --reference.")
        if not 0 <= percent <= 100:
            raise UsageError(f"--reference-{name} {percent:g} is out of range.", "Its range is 0 .. 100.")
    if request.codecs and not has_ffmpeg():
        raise MissingError("--codecs needs ffmpeg, which isn't there.", f"{getting.FFMPEG}. Or leave out --codecs.")


def check_files(request: Request, jobs: Sequence[Job]) -> None:
    """Raises `UsageError` where a master would overwrite what is read, a picture, preview, delta, chain or page can't go where
    it should, or several songs would share one of the first four; `OutputError` where its folder can't be written."""
    read = [*request.references, *filter(None, (request.chain, request.model))]
    places = {os.path.realpath(path) for path in read}
    for output in (output for job in jobs for output in job.outputs):
        if os.path.realpath(output) in places:
            raise UsageError(f"{output} is read by this run and would be overwritten.", "Choose another name with -o.")
    places |= {os.path.realpath(path) for job in jobs for path in (job.source, *job.outputs)}
    for kind, path in request.extras.items():
        option = "--save-chain" if kind == "chain" else f"--{kind}"
        if len(jobs) > 1:
            raise UsageError(f"{option} is for one song, but there are {len(jobs)}.", f"Master one of them with {option}.")
        if os.path.realpath(path) in places:
            raise UsageError(f"{option}: {path} is another file of this run.", "Choose another name.")
        if kind == "plot":
            check_picture(path, [], request.force)
        elif kind != "chain" and path.suffix.lower() not in FORMATS:
            raise UsageError(f"{option}: {path} isn't named as an audio file.", f"Choose one of: {', '.join(FORMATS)}.")
        check_vacant(path, request.force)
        require_place(path)
        places.add(os.path.realpath(path))
    if request.html is not None:
        check_place(request.html, places, request.force)
