"""One song of `fxlab bench --suite master`: degraded several times, mastered by every rival, compared with what it was."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fxlab.audio.bands import CENTRES_HZ
from fxlab.audio.files import Writer
from fxlab.mastering.degradation import Degradation, degrade, drawn
from fxlab.metrics.mastering import JUDGED, scores, spectrum_change_db
from fxlab.services.bench import master_rivals as rivals
from fxlab.services.bench.master_report import Run, SongReport
from fxlab.services.bench.master_rivals import FXLAB, MATCHERING, NOTHING, RULE, heard
from fxlab.services.bench.master_songs import Song, excerpt


@dataclass(frozen=True)
class Contest:
    """How songs are judged on.

    Attributes:
        folder: For temporary files.
        runs: Degradations of each song.
        seed: Decides, with a song's content, what is done to it.
        model: The network that advises fxlab, None for the one that ships.
        peers: Whether matchering takes part.
    """

    folder: Path
    runs: int
    seed: int
    model: Path | None
    peers: bool


def judged(song: Song, reference: Song, contest: Contest, progress: Callable[[float], None] = lambda share: None) -> SongReport:
    """What the rivals make of a song.

    Args:
        song: The song; its middle is used.
        reference: Whose middle matchering gets for a reference.
        contest: How.
        progress: Is told the share that is done, 0..1.
    """
    released, rate_hz = excerpt(song.path), song.sample_rate_hz
    steps = contest.runs + 1
    with tempfile.TemporaryDirectory(prefix="song-", dir=contest.folder) as name:
        folder = Path(name)
        output = folder / "untouched.wav"
        rivals.mastered(_written(folder / "released.wav", released, rate_hz), output, contest.model)
        moved = np.abs(spectrum_change_db(released, heard(output, rate_hz, released), rate_hz))
        progress(1 / steps)
        model, runs = _model(folder, reference, contest), []
        for number in range(contest.runs):
            how = _drawn(song, contest, number)
            degraded = degrade(released, rate_hz, how)
            source = _written(folder / f"{number}.wav", degraded, rate_hz)
            masters, refusals = _masters(source, model, contest)
            found = {NOTHING: scores(released, degraded, rate_hz)}
            found |= {rival: scores(released, heard(path, rate_hz, released), rate_hz) for rival, path in masters.items()}
            runs.append(Run(how.to_json(), found, refusals))
            progress((2 + number) / steps)
    return SongReport(
        name=song.path.name,
        sha256=song.sha256,
        sample_rate_hz=rate_hz,
        channels=song.channels,
        seconds=released.shape[1] / rate_hz,
        runs=runs,
        moved_db=float(moved.max()),
        moved_hz=float(CENTRES_HZ[JUDGED][moved.argmax()]),
    )


def played(song: Song, reference: Song, contest: Contest) -> dict[str, np.ndarray]:
    """A song as it was released, degraded as in its first run, and as its rivals master that, (channels, frames) each.

    Arguments are those of `judged`.
    """
    released, rate_hz = excerpt(song.path), song.sample_rate_hz
    degraded = degrade(released, rate_hz, _drawn(song, contest, 0))
    with tempfile.TemporaryDirectory(prefix="song-", dir=contest.folder) as name:
        folder = Path(name)
        source = _written(folder / "degraded.wav", degraded, rate_hz)
        masters, _ = _masters(source, _model(folder, reference, contest), contest)
        found = {f"by {rival}": heard(path, rate_hz, released) for rival, path in masters.items()}
    return {"released": released, "degraded": degraded} | found


def _drawn(song: Song, contest: Contest, number: int) -> Degradation:
    return drawn(np.random.default_rng((contest.seed, int(song.sha256[:12], 16), number)), untouched=0.0)


def _model(folder: Path, reference: Song, contest: Contest) -> Path | None:
    """The file after which matchering masters, None where it doesn't take part."""
    if not contest.peers:
        return None
    return _written(folder / "reference.wav", excerpt(reference.path), reference.sample_rate_hz)


def _masters(source: Path, reference: Path | None, contest: Contest) -> tuple[dict[str, Path], dict[str, str]]:
    """The files that the rivals made of a degraded song, and why those refused it that did."""
    masters = {rival: source.with_name(f"{source.stem}-{rival}.wav") for rival in (RULE, FXLAB)}
    rivals.by_rule(source, masters[RULE])
    rivals.mastered(source, masters[FXLAB], contest.model)
    if reference is None:
        return masters, {}
    output = source.with_name(f"{source.stem}-{MATCHERING}.wav")
    refusal = rivals.by_matchering(source, output, reference)
    return (masters, {MATCHERING: refusal}) if refusal else (masters | {MATCHERING: output}, {})


def _written(path: Path, audio: np.ndarray, rate_hz: int) -> Path:
    with Writer(path, rate_hz, len(audio), "FLOAT", frames=audio.shape[1]) as writer:
        writer.write(audio)
    return path
