"""The verbs of the command line as functions: files in, files out, and a result to look into.

Options have the names that a profile gives them (`fxlab profiles show NAME` lists all), or those of the verb's request in
`fxlab.services`; with `html` a page is made as well, and what kept it from being written is the result's `html_error`. None of
these functions prints; `progress`, if given, is told (task, done, total, **figures) now and then.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fxlab.errors import UsageError, nearest
from fxlab.profiles import load, override
from fxlab.progress import Progress, silent
from fxlab.settings import EffectSettings, Profile

if TYPE_CHECKING:
    from fxlab.services.dataset import service as dataset_service
    from fxlab.services.export import Result as Exported
    from fxlab.services.grow.report import Result as Grown
    from fxlab.services.master.report import Result as Mastered
    from fxlab.services.train.service import Result as Trained

Paths = str | Path | Sequence[str | Path]


def dataset(
    inputs: Paths,
    output: str | Path,
    effect: str = "saturator",
    parameters: Mapping[str, object] | None = None,
    progress: Progress = silent,
    **options: Any,
) -> dataset_service.Result:
    """Aligned dry and wet pairs to train on.

    Args:
        inputs: Files, folders and patterns of dry recordings; may be empty with `synthesize="3min"`.
        output: The dataset's folder.
        effect: An effect's name, a shipped model or a model file.
        parameters: What it is set to.
        **options: Settings of `[dataset]`, such as `random={"drive_db": [0, 36]}`, and `sample_rate_hz`, `workers`, `force`.

    Raises:
        UsageError: An option or parameter that there isn't, or a value out of range.
        InputError: Nothing that can be used.
        OutputError: The folder can't be written.
    """
    from fxlab.services.dataset.service import Request, run

    chain = [EffectSettings(effect, set=dict(parameters or {}))]
    given = _sorted(options, Request, ("effects",), settings=Profile().dataset)
    return run(Request(inputs=_paths(inputs), output=Path(output), effects=chain, **given), progress)


def train(
    dataset: str | Path, output: str | Path, model: str = "tcn", size: str = "auto", progress: Progress = silent, **options: Any
) -> Trained:
    """A network that sounds like an effect, from the pairs of a dataset.

    Args:
        dataset: Folder that `fxlab.dataset` or `fxlab dataset` made.
        output: Run folder; the network ends up in its `best.safetensors`.
        model: Architecture, `size` one of its sizes.
        **options: Settings of `[train]`, such as `epochs=20` and `loss="a_weighted"`, and `resume`, `force`.

    Returns:
        How it ended; `metrics` are of recordings that training never heard.

    Raises:
        UsageError: An option, model, size or loss that there isn't; a run that is there already.
        InputError: The dataset is missing, changed or too short.
        CheckError: Training diverged.
        OutputError: The folder can't be written.
    """
    from fxlab.services.train.service import Request, run

    given = _sorted(options, Request, settings=Profile().train)
    chosen = override(Profile().model, type=model, size=size)
    return run(Request(dataset=Path(dataset), output=Path(output), model=chosen, **given), progress)


def export(source: str | Path, output: str | Path | None = None, progress: Progress = silent, **options: Any) -> Exported:
    """A model file in another format, proven to play the same.

    Args:
        source: A model file, or the name of a model that ships.
        output: None puts it beside the source.
        **options: `format` ("onnx", "torchscript", "nam", "rtneural", "profile"), `precision` ("fp32", "fp16", "int8"), `set`,
            `force`.

    Raises:
        UsageError: A format that can't hold the network, an output that exists.
        InputError: Not a model.
        CheckError: The export doesn't play what the source plays.
        OutputError: The file can't be written.
    """
    from fxlab.services.export import Request, run

    return run(Request(source=Path(source), output=Path(output) if output else None, **_sorted(options, Request)), progress)


def master(songs: Paths, output: str | Path | None = None, progress: Progress = silent, **options: Any) -> Mastered:
    """Songs as they can be released, measured after they were written.

    Args:
        songs: Files, folders and patterns.
        output: A file, or a folder for several; None puts NAME.master.wav beside each song.
        **options: Settings of `[master]`, such as `target="spotify"`, `lufs=-12`, `amount=50`, `preset="warm"`, `bit_depth="16"`,
            and `references`, `album`, `trim`, `fade`, `save_chain`, `plot`, `workers`, `force`.

    Returns:
        A report for each song: `.files[0].masters[0].after.integrated_lufs`. With several songs, look at `.failed`.

    Raises:
        UsageError: An option that there isn't, a value out of range, an output that exists.
        InputError: The one song can't be read.
        MissingError: What an option needs isn't installed.
        OutputError: The one master can't be written.
    """
    from fxlab.services.master.service import Request, run

    given = _sorted(options, Request, ("inputs",), settings=Profile().master)
    return run(Request(inputs=_paths(songs), output=output, **given), progress)


def grow(
    inputs: Paths = (), output: str | Path | None = None, profile: str = "grow-fast", progress: Progress = silent, **options: Any
) -> Grown:
    """An instrument from recordings, whose timbre grows while it plays.

    Args:
        inputs: Recordings of one note at a time, or an instrument's file, or nothing for the instrument that ships.
        output: Audio file; None puts NAME.grown.wav beside the first input.
        profile: What the settings of an instrument that is learnt come from.
        **options: What `fxlab.services.grow.request.Request` takes, such as `minutes=5` (to learn in), `along=Path("song.mid")`,
            `age="0:0,8:1"`, `seconds=4`, `seed`, `plot`, `force`; and settings of `[grow]`.

    Raises:
        UsageError: What doesn't go together, an output that exists.
        InputError: A file that can't be read, learnt or followed.
        MissingError: Something that isn't installed.
        CheckError: Training diverged.
        OutputError: Something can't be written.
    """
    from fxlab.services.grow.request import Request
    from fxlab.services.grow.service import run

    base = load(profile)
    given: dict[str, Any] = {"model": base.model, "training": base.train, "profile": profile}
    given |= _sorted(options, Request, grow=base.grow)
    return run(Request(inputs=_paths(inputs), output=Path(output) if output else None, **given), progress)


def _paths(given: Paths) -> list[str | Path]:
    return [given] if isinstance(given, (str, Path)) else list(given)


def _sorted(options: Mapping[str, Any], request: type, told: Sequence[str] = (), **sections: Any) -> dict[str, Any]:
    """Options as a request takes them: its own fields but those `told` otherwise, and its sections with what belongs to those
    laid over them."""
    kinds = {field.name: field.type for field in dataclasses.fields(request)}
    own = kinds.keys() - {*told, *sections}
    given = {name: _of_kind(kinds[name], value) for name, value in options.items() if name in own}
    rest = {name: value for name, value in options.items() if name not in own}
    for name, section in sections.items():
        known = {field.name for field in dataclasses.fields(section)}
        given[name] = override(section, **{option: rest.pop(option) for option in known & rest.keys()})
        own |= known
    _refuse(rest, own)
    return given


def _of_kind(kind: object, value: Any) -> Any:
    """Texts as paths for a field, as its source states it, that takes nothing else."""
    if kind == "Sequence[Path]":
        return [Path(one) for one in _paths(value)]
    return Path(value) if kind in ("Path", "Path | None") and isinstance(value, str) else value


def _refuse(rest: Iterable[str], known: Iterable[str]) -> None:
    for name in rest:
        raise UsageError(f"There is no option '{name}'.", nearest(name, known))
