"""`fxlab dataset --capture`: plays a signal through a real device and makes a dataset of it and of what comes back.

The recording is `dry.wav` and `wet.wav` in the dataset's folder; they appear when it is whole. All that follows is done with
them as with any recorded pair, and can be done again from them.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import tempfile
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fxlab.audio import round_trip
from fxlab.audio.atomic import output_error
from fxlab.errors import OutputError, UsageError
from fxlab.progress import Progress, silent
from fxlab.services.dataset import capture_signal
from fxlab.services.dataset import recorded as dataset_recorded
from fxlab.services.dataset import state as dataset_state
from fxlab.services.dataset.capture_tape import BURST_S, LATEST_S, LEAD_S, Tape
from fxlab.services.dataset.recorded_split import split_along_time
from fxlab.services.dataset.service import Result
from fxlab.services.dataset.sources import Take
from fxlab.services.live.loop import Loop, loop_setup
from fxlab.services.live.player import Player
from fxlab.services.live.setup import Setup
from fxlab.setting import check
from fxlab.settings import DatasetSettings, EffectSettings, LiveSettings

DRY, WET = dataset_state.DRY, dataset_state.WET
LOWEST_DB = -60.0
_SHORTEST_S = 2.0
_PLACE = ".fxlab-capture-"


@dataclass(frozen=True)
class Request:
    """What to record.

    Args:
        inputs: Dry recordings to play; none for test signals.
        output: The dataset's folder.
        effects: A chain that stands in for the device, or comes before it; none as a rule.
        settings: Test signals, shares, chunks, lead.
        live: Devices, rate and buffer.
        level_db: Peak of what is played, in dB of full scale.
        force: Replace what is there.
    """

    inputs: Sequence[str | Path]
    output: Path
    effects: Sequence[EffectSettings] = ()
    settings: DatasetSettings = field(default_factory=DatasetSettings)
    live: LiveSettings = field(default_factory=LiveSettings)
    level_db: float = -12.0
    force: bool = False


@dataclass(frozen=True)
class Recording:
    """A finished recording.

    Args:
        dry, wet: Its files.
        text: About it, for the user.
        grown: As `Tape` tells it.
    """

    dry: Path
    wet: Path
    text: str
    grown: tuple[int, int] | None


class Capture:
    """A recording that can begin.

    Args:
        request: As it was asked for.
        setup: Devices and chain, None to look for them.

    Attributes:
        seconds: What the signal lasts.
        text: What will be done, for the user.

    Raises:
        UsageError, InputError, MissingError, OutputError: What can't be played, recorded or made a dataset of.
    """

    def __init__(self, request: Request, setup: Setup | None = None) -> None:
        for known in dataclasses.fields(request.settings):
            check(request.settings, known.name, getattr(request.settings, known.name))
        if not LOWEST_DB <= request.level_db <= 0:
            raise UsageError(f"--level-db {request.level_db:g} is out of range.", f"Its range is {LOWEST_DB:g} .. 0.")
        _require_free(Path(request.output), request.force)
        self.request = request
        self._setup = setup or loop_setup(request.live, request.effects, calm=True)
        form = self._setup.format
        self._takes: list[Take] = capture_signal.takes_of(request.inputs, request.settings, form.sample_rate_hz)
        frames = capture_signal.length(self._takes, form.sample_rate_hz)
        self.seconds = frames / form.sample_rate_hz
        if self.seconds < _SHORTEST_S:
            raise UsageError(f"{self.seconds:.2f} s are too short to train on.", "Play some minutes: --synthesize 3min.")
        split_along_time(frames, [(0, frames)], form.sample_rate_hz, request.settings)
        through = f" through {self._setup.side.text}" if request.effects else ""
        self.text = (
            f"Plays {self.seconds:.0f} s{through} out of '{self._setup.sink.name}', at {request.level_db:g} dB at most, and "
            f"records '{self._setup.source.name}' at {form.sample_rate_hz} Hz. Turn speakers and headphones down."
        )

    def record(self, progress: Progress = silent, open_player: Callable[..., Player] = Player) -> Recording:
        """Plays and records; leaves nothing behind unless it ends well.

        Raises:
            MissingError: Nothing comes back, or a device is lost.
            CheckError: It clips, something was lost, or the chain failed.
            OutputError: The folder can't be written.
        """
        output = Path(self.request.output)
        new = not output.exists()
        try:
            output.mkdir(parents=True, exist_ok=True)
            for left in output.glob(f"{_PLACE}*"):  # of a run that was killed
                shutil.rmtree(left, ignore_errors=True)
            with tempfile.TemporaryDirectory(prefix=_PLACE, dir=output) as place:
                tape, text = self._record(Path(place), progress, open_player)
                (output / WET).unlink(missing_ok=True)  # or it might be left beside another recording's dry sound
                os.replace(Path(place) / DRY, output / DRY)
                os.replace(Path(place) / WET, output / WET)
        except OSError as error:
            raise output_error(output, error) from error
        finally:
            if new and output.is_dir() and not any(output.iterdir()):
                output.rmdir()
        return Recording(output / DRY, output / WET, text, tape.grown)

    def _record(self, place: Path, progress: Progress, open_player: Callable[..., Player]) -> tuple[Tape, str]:
        form = self._setup.format
        rate, channels = form.sample_rate_hz, form.channels
        needed, free = 4 * round(self.seconds * rate) * (2 + channels), shutil.disk_usage(place).free
        if free < needed:
            raise OutputError(f"The recording needs {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free.", "Make room there.")
        signal = capture_signal.write(self._takes, rate, self.request.level_db, place / DRY, progress)
        lead, around, total = round(LEAD_S * rate), round(BURST_S * rate), signal.frames + round(LATEST_S * rate)
        burst = np.zeros((1, around), np.float32)
        sound = round_trip.burst(rate)
        burst[0, : len(sound)] = sound * 10 ** ((self.request.level_db - round_trip.LEVEL_DB) / 20)

        def played() -> Generator[np.ndarray, None, None]:
            yield np.zeros((1, lead - around), np.float32)
            yield burst
            yield from signal.blocks()
            yield np.zeros((1, total - signal.frames), np.float32)
            yield burst

        paths = [place / f"{channel}.wav" for channel in range(channels)]
        tape = Tape(paths, rate, total, signal.heard_by, lambda: [at_s - LEAD_S for at_s in loop.gaps(LEAD_S)])

        def take(block: np.ndarray) -> None:
            tape.take(block)
            progress("Recording", tape.frames / rate, total / rate)

        try:
            loop = Loop(self._setup, played(), open_player)
            loop.run(lead + total + around, take)
            tape.finish()
        finally:
            tape.close()
        os.replace(paths[tape.loudest], place / WET)
        return tape, self._told(tape, loop)

    def _told(self, tape: Tape, loop: Loop) -> str:
        channel = tape.loudest
        noise = tape.noise[channel]
        noise_text = f"{20 * np.log10(noise):.0f} dB" if noise > 0 else "none"
        return (
            f"Recorded {tape.frames / self._setup.format.sample_rate_hz:.0f} s from input {channel + 1} ({loop.path}): "
            f"peak {20 * np.log10(tape.peak[channel]):.1f} dB, noise {noise_text}, no gaps. "
            f"{DRY} and {WET} stay in {self.request.output}."
        )


def make(capture: Capture, recording: Recording, progress: Progress = silent) -> Result:
    """The dataset of a recording; raises as `dataset_recorded.run`."""
    request = capture.request
    # Without what only the signal was made from: the same files give the same dataset with --dry and --wet.
    settings = dataclasses.replace(request.settings, synthesize="", seed=DatasetSettings().seed, align=True, clip_s=0.0)
    pairs = [{"dry": recording.dry, "wet": recording.wet}]
    wanted = dataset_recorded.Request(pairs, request.output, settings, force=request.force, whole=True, grown=recording.grown)
    made = dataset_recorded.run(wanted, progress)
    return dataclasses.replace(made, notes=[recording.text, *made.notes])


def _require_free(output: Path, force: bool) -> None:
    dataset_state.require_ours(output)
    there = next((name for name in (dataset_state.NAME, dataset_state.JOURNAL, DRY, WET) if (output / name).exists()), None)
    if there and not force:
        raise OutputError(f"{output} has a dataset or a recording already ({there}).", "Name another folder, or add --force.")
