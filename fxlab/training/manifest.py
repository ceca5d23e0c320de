"""The manifest of a dataset: what each pair of recordings is, and the proof that it is still the same.

`DIR/manifest.jsonl` holds a header, then one row per pair. Audio is mono 32-bit float WAV at the dataset's rate; the target is
the effect's causal output, its latency recorded and not removed. A manifest names no file outside its folder; where its owner put
links there, to recordings on another disk perhaps, they are followed to files, which are read as audio and nothing else.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fxlab.audio import MAX_LATENCY
from fxlab.audio.atomic import replacing
from fxlab.errors import InputError, UsageError
from fxlab.hashing import file_sha256
from fxlab.models.controls import controls_of, settings_of, stages_of
from fxlab.progress import Progress, silent
from fxlab.training.pair import Pair

NAME = "manifest.jsonl"
FORMAT = 1
SPLITS = ("train", "validation", "test")

_HEADER = {"fxlab_dataset": int, "settings": dict, "sample_rate_hz": int, "versions": dict}
_ROW: dict[str, type | tuple[type, ...]] = {
    "id": str,
    "split": str,
    "source": str,
    "source_sha256": str,
    "start_frame": int,
    "frames": int,
    "level_db": (int, float),
    "effect": list,
    "parameters": dict,
    "latency": int,
    "input": str,
    "target": str,
    "input_sha256": str,
    "target_sha256": str,
}
_REBUILD = "Make the dataset again with `fxlab dataset`; finished pairs that are unharmed are kept."


@dataclass(frozen=True)
class Manifest:
    """A dataset on disk.

    Args:
        directory: The dataset's folder.
        header: Settings, sample rate, effects, sources and versions it was made with.
        rows: One dict per pair; see `fxlab.training.manifest._ROW` for the keys. `start_frame` 0 says that the effect started
            from rest there, more that the pair is cut from the middle of a continuous rendering. `lead`, if there is one, counts
            the frames at the beginning that are heard and not judged; `snr_db`, the noise that was mixed into the input.
    """

    directory: Path
    header: dict[str, Any]
    rows: list[dict[str, Any]]

    @classmethod
    def load(cls, directory: Path) -> Manifest:
        """Reads and checks `directory/manifest.jsonl`; the audio isn't touched.

        Raises:
            InputError: No manifest, a damaged one, or one of another version.
        """
        path = Path(directory) / NAME
        try:
            lines = path.read_text("utf-8").splitlines()
        except (FileNotFoundError, NotADirectoryError):
            raise InputError(f"{directory} is not a dataset: it has no {NAME}.", "Make one with `fxlab dataset`.") from None
        except OSError as error:
            raise InputError(f"Can't read {path}: {error.strerror or error}.", _REBUILD) from error
        except UnicodeDecodeError:
            raise InputError(f"{path} is not text.", _REBUILD) from None
        values = [parse_line(path, number, line) for number, line in enumerate(lines, 1) if line.strip()]
        if not values or values[0].get("fxlab_dataset") is None:
            raise InputError(f"{path} does not begin with a dataset's header.", _REBUILD)
        if values[0]["fxlab_dataset"] != FORMAT:
            raise InputError(f"{path} has the format {values[0]['fxlab_dataset']}, this fxlab reads {FORMAT}.", _REBUILD)
        check_header(path, values[0])
        for number, row in enumerate(values[1:], 2):
            check_row(path, number, row)
        if not values[1:]:
            raise InputError(f"{path} names no pairs.", _REBUILD)
        return cls(Path(directory), values[0], values[1:])

    @property
    def sample_rate_hz(self) -> int:
        return self.header["sample_rate_hz"]

    def split(self, name: str) -> list[dict[str, Any]]:
        """The rows of "train", "validation" or "test"."""
        return [row for row in self.rows if row["split"] == name]

    def read(self, row: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        """A pair's dry input and its target, float32 (frames,) each.

        Raises:
            InputError: A file is missing, unreadable or of another length or rate than its row says.
        """
        import soundfile

        pair = []
        for key in ("input", "target"):
            path = self.directory / row[key]
            if not os.path.isfile(path):  # a link may lead to what never ends, and a name be longer than any file's
                raise InputError(f"{path} of the dataset is missing.", _REBUILD)
            try:
                audio, rate = soundfile.read(path, dtype="float32")
            except (OSError, soundfile.SoundFileError) as error:
                raise InputError(f"Can't read {path} of the dataset: {error}", _REBUILD) from error
            if audio.shape != (row["frames"],) or rate != self.sample_rate_hz:
                raise InputError(f"{path} isn't what the manifest says: {audio.shape} at {rate} Hz.", _REBUILD)
            pair.append(audio)
        return pair[0], pair[1]

    def pairs(self, split: str) -> list[tuple[dict[str, Any], Pair]]:
        """The rows of a split with their audio and the positions of the dataset's knobs; raises `InputError` as `read` does."""
        controls, found = controls_of(self.header), []
        for row in self.split(split):
            try:
                settings = settings_of(controls, row["parameters"])
            except UsageError as error:
                raise InputError(f"The dataset {self.directory} contradicts itself: {error.message}", _REBUILD) from None
            found.append((row, Pair(*self.read(row), row["start_frame"] == 0, row.get("lead", 0), settings)))
        return found

    def verify(self, progress: Progress = silent) -> None:
        """Hashes every recording again.

        Raises:
            InputError: Files are missing or changed; the message names the first few.
        """
        missing, changed = [], []
        for done, row in enumerate(self.rows):
            progress("Checking the dataset", done, len(self.rows))
            for key in ("input", "target"):
                if not os.path.isfile(self.directory / row[key]):
                    missing.append(row[key])
                elif not intact(self.directory, row, key):
                    changed.append(row[key])
        progress("Checking the dataset", len(self.rows), len(self.rows))
        if missing or changed:
            found = [f"{_few(files)} {what}" for files, what in ((missing, "missing"), (changed, "changed")) if files]
            raise InputError(f"The dataset {self.directory} is no longer what it was: {'; '.join(found)}.", _REBUILD)

    def write(self) -> None:
        """Writes `directory/manifest.jsonl`, whole or not at all; raises `OutputError`."""
        with replacing(self.directory / NAME) as path, open(path, "w", encoding="utf-8") as file:
            for value in (self.header, *self.rows):
                file.write(json.dumps(value) + "\n")  # ASCII: names of files may hold line separators or not be UTF-8


def parse_line(path: Path, number: int, line: str) -> dict[str, Any]:
    """One line of a manifest or journal; raises `InputError`."""
    try:
        value = json.loads(line)
    except ValueError as error:
        raise InputError(f"{path}, line {number}: {error}.", _REBUILD) from None
    except RecursionError:
        raise InputError(f"{path}, line {number} is nested too deeply.", _REBUILD) from None
    if not isinstance(value, dict):
        raise InputError(f"{path}, line {number} is not a JSON object.", _REBUILD)
    return value


def check_row(path: Path, number: int, row: Mapping[str, Any]) -> None:
    """Raises `InputError` unless `row` has every key, of the right type, and names files inside the dataset."""
    _check(path, number, row, _ROW)
    if row["split"] not in SPLITS:
        raise InputError(f"{path}, line {number}: there is no split '{row['split']}'.", _REBUILD)
    if row["frames"] < 1 or row["start_frame"] < 0 or not 0 <= row["latency"] <= MAX_LATENCY:
        raise InputError(f"{path}, line {number}: frames, start_frame or latency is out of range.", _REBUILD)
    if type(row.get("snr_db", 0)) not in (int, float):
        raise InputError(f"{path}, line {number}: snr_db is no number.", _REBUILD)
    _check_stages(path, number, row["effect"])
    lead = row.get("lead", 0)
    if type(lead) is not int or not 0 <= lead < row["frames"]:
        raise InputError(f"{path}, line {number}: lead is out of range.", _REBUILD)
    for key in ("input", "target"):
        if not re.fullmatch(r"pairs/[\w-][\w.-]*\.wav", row[key], re.ASCII):
            raise InputError(f"{path}, line {number}: '{row[key]}' is not a file of the dataset.", _REBUILD)


def check_header(path: Path, header: Mapping[str, Any]) -> None:
    """Raises `InputError` unless `header` has every key, of the right type, and says of effects and sources what can be read."""
    _check(path, 1, header, _HEADER)
    _check_stages(path, 1, header.get("effects") or [])
    if not isinstance(header.get("sources") or [], list):
        raise InputError(f"{path}, line 1: what it says of its sources can't be understood.", _REBUILD)


def _check_stages(path: Path, number: int, effect: object) -> None:
    try:
        stages_of(effect)
    except ValueError:
        raise InputError(f"{path}, line {number}: the effect can't be understood.", _REBUILD) from None


def intact(directory: Path, row: Mapping[str, Any], key: str) -> bool:
    """Whether the row's "input" or "target" file is there with its recorded hash."""
    path = directory / row[key]
    try:
        return path.is_file() and file_sha256(path) == row[f"{key}_sha256"]
    except OSError:
        return False


def _check(path: Path, number: int, value: Mapping[str, Any], keys: Mapping[str, type | tuple[type, ...]]) -> None:
    for key, kind in keys.items():
        if not isinstance(value.get(key), kind) or isinstance(value.get(key), bool):
            raise InputError(f"{path}, line {number}: '{key}' is missing or of the wrong type.", _REBUILD)


def _few(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more + (" is" if len(names) == 1 else " are")
