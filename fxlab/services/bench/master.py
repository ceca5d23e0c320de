"""`fxlab bench --suite master`: degraded songs mastered by fxlab and its rivals, and who comes nearer to what was released.

Songs are judged on that training never saw. The middle 20 s of each are degraded (`fxlab.mastering.degradation`), differently in
every run, mastered by doing nothing, by a fixed rule, by fxlab and by matchering, and compared with the released song
(`fxlab.metrics.mastering`). A song's figure is the mean of its runs; songs, not runs, are what differences are drawn from. The
released song itself goes through fxlab too, which should leave it alone.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fxlab.errors import InputError
from fxlab.mastering.advice import SHIPPED
from fxlab.models import checkpoint_file
from fxlab.progress import Progress, silent
from fxlab.services import batch
from fxlab.services.bench.heard import Heard
from fxlab.services.bench.master_page import page_of
from fxlab.services.bench.master_plot import figure
from fxlab.services.bench.master_report import Result, SongReport, write_csv
from fxlab.services.bench.master_rivals import FXLAB, MATCHERING, NOTHING, RULE, require_matchering
from fxlab.services.bench.master_song import Contest, judged, played
from fxlab.services.bench.master_songs import Song, chosen
from fxlab.services.bench.master_speed import measured
from fxlab.services.bench.output import require_page, require_picture, require_writable, with_page, write_plot
from fxlab.services.machine import describe

RUNS = 3
TASK = "Mastering"
_JUDGED_BY = "spectrum_db"


@dataclass(frozen=True)
class Request:
    """What to compare on what.

    Attributes:
        inputs: Songs: files, folders and patterns.
        runs: Degradations of each song.
        seed: Of the degradations and the intervals.
        workers: Songs in work at the same time; each has a process of its own then.
        model: The network that advises, None for the one that ships.
        peers: Compare with matchering too.
        csv: File to write, a row for each song, run and rival.
        plot: Picture to draw.
        html: Page to write.
        command: What was typed, for the page.
        force: They may overwrite.
    """

    inputs: Sequence[Path]
    runs: int = RUNS
    seed: int = 0
    workers: int = 1
    model: Path | None = None
    peers: bool = False
    csv: Path | None = None
    plot: Path | None = None
    html: Path | None = None
    command: str = ""
    force: bool = False


def run(request: Request, progress: Progress = silent) -> Result:
    """Compares, and writes the files asked for.

    Raises:
        UsageError: A file to write exists, or isn't named as a picture.
        InputError: A song or the network can't be read, or no song is left to judge on.
        MissingError: matchering isn't installed and `peers` asks for it.
        OutputError: A file can't be written.
    """
    require_picture(request.plot)
    for path in (request.csv, request.plot):
        require_writable(path, request.force)
    require_page(request.html, (request.csv, request.plot, *request.inputs), request.force)
    if request.peers:
        require_matchering()
    machine = describe()
    songs, left_out = chosen(request.inputs, _known(request.model), progress)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="fxlab-") as name:
        folder = Path(name)
        contest = Contest(folder, request.runs, request.seed, request.model, request.peers)
        calls = [(song, songs[(number + 1) % len(songs)], contest) for number, song in enumerate(songs)]
        names, workers = [song.path.name for song in songs], min(request.workers, len(songs))
        if workers == 1:
            reports = batch.in_turn(judged, calls, names, progress, TASK)
        else:
            reports = batch.in_parallel(judged, calls, names, workers, progress, TASK)
        elapsed_s = time.perf_counter() - started
        heard = _heard(reports, calls, progress) if request.html else ()
        speeds = measured(songs, folder, request.model, request.peers, progress)
    result = Result(
        machine=machine,
        model=request.model,
        rivals=[NOTHING, RULE, *([MATCHERING] if request.peers else []), FXLAB],
        seed=request.seed,
        songs=reports,
        left_out=left_out,
        speeds=speeds,
        elapsed_s=elapsed_s,
        heard=heard,
    )
    if request.csv:
        write_csv(result.songs, request.csv)
    if request.plot:
        write_plot(figure(result), request.plot)
    return with_page(result, request.html, lambda: page_of(result, request.command), request.force)


def _heard(reports: Sequence[SongReport], calls: Sequence[tuple[Song, Song, Contest]], progress: Progress) -> list[Heard]:
    """The song for which fxlab does most as usual, and that for which it does least, by the spectrum's error."""
    done = [report.score(FXLAB, _JUDGED_BY) - report.score(NOTHING, _JUDGED_BY) for report in reports]
    order = np.argsort(done)
    titles = {int(order[-1]): "for which fxlab does least", int(order[(len(order) - 1) // 2]): "for which fxlab does as usual"}
    found = []
    for number, title in reversed(titles.items()):
        progress("Mastering for the page", len(found), len(titles))
        found.append(Heard(f"{reports[number].name}, {title}", reports[number].sample_rate_hz, played(*calls[number])))
    progress("Mastering for the page", len(found), len(titles))
    return found


def _known(model: Path | None) -> dict[str, str]:
    """Split of every song that the network was made with, by the SHA-256 of its file."""
    path = model or SHIPPED
    card = checkpoint_file.read(path)[0].card
    try:
        return {song["sha256"]: song["split"] for song in card.get("data", {}).get("songs", [])}
    except (AttributeError, KeyError, TypeError):
        raise InputError(f"The card in {path} doesn't say which songs it was made with.", "Train it again.") from None
