"""The options that mean the same in every verb, and how `--effect` and `--set` become a chain."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fxlab.errors import UsageError
from fxlab.setting import check
from fxlab.settings import EffectSettings, Profile

if TYPE_CHECKING:
    from fxlab.services.cluster import Cluster

_EXAMPLE_WIDTH = 74

Effects = Annotated[
    list[str] | None,
    typer.Option(
        "--effect", "-e", metavar="NAME|FILE", help="An effect, a shipped model or a model file; repeat it for a chain."
    ),
]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="K=V", help="A parameter, drive_db=12; in a chain saturator.drive_db=12 or 2.drive_db=12."),
]


def profile_names() -> list[str]:
    """For the shell's completion."""
    from fxlab.profiles import names

    return names()


ProfileName = Annotated[
    str | None,
    typer.Option(
        "--profile", metavar="NAME|FILE", help="Settings to start from; see `fxlab profiles list`.", autocompletion=profile_names
    ),
]
Engine = Annotated[
    str | None,
    typer.Option(
        "--engine",
        metavar="NAME",
        help="How effects are run: auto, fused, numba, numpy, onnx, torch, torchscript, or as another package does.",
    ),
]
Adapt = Annotated[
    bool, typer.Option("--adapt", help="Let ace set its strengths by what it hears: more where contrast lacks, less where it is.")
]
Output = Annotated[Path | None, typer.Option("--output", "-o", metavar="PATH", help="Where the result goes.")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite what is there.")]
Workers = Annotated[int | None, typer.Option("--workers", min=1, help="Workers that share the work; one per core if not given.")]
ClusterAddress = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="tcp://HOST:PORT",
        help="Send the work to a Dask cluster whose workers see the same files; --workers then limits how many are in work.",
    ),
]
Seed = Annotated[int | None, typer.Option("--seed", min=0, max=2**31 - 1, help="Seed of every random choice.")]
Plot = Annotated[Path | None, typer.Option("--plot", metavar="FILE", help="Draw a picture into this file: PNG, SVG or PDF.")]
Html = Annotated[
    Path | None, typer.Option("--html", metavar="FILE", help="A page to look at and listen to, written into this file.")
]
Device = Annotated[str | None, typer.Option("--device", metavar="auto|cpu|cuda", help="Where networks are computed.")]


def examples(*lines: str) -> str:
    """The epilog of a verb's help: its examples, each to copy, long ones over several lines."""
    from textwrap import wrap

    whole = {"break_long_words": False, "break_on_hyphens": False}
    # textwrap doesn't break at a no-break space: an option stays with its value.
    glued = (re.sub(r"(?<= )(-\S+) (?!-)", "\\1\N{NO-BREAK SPACE}", line) for line in lines)
    wrapped = (" \\\n      ".join(wrap(line, _EXAMPLE_WIDTH, **whole)) for line in glued)
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in wrapped).replace("\N{NO-BREAK SPACE}", " ")


def cluster_from(address: str | None) -> Cluster | None:
    """The cluster that `--cluster` names; raises `UsageError` for a malformed address."""
    if address is None:
        return None
    from fxlab.console.output import mode
    from fxlab.services.cluster import Cluster

    return Cluster(address, mode.debug)


def effects_from(
    profile: Profile,
    names: Sequence[str] | None,
    sets: Sequence[str] | None,
    engine: str | None = None,
    default: Sequence[str] = (),
    adapt: bool = False,
) -> list[EffectSettings]:
    """The chain the user asked for, in order.

    Args:
        profile: Its chain is used unless effects are named.
        names: Values of `--effect`; they replace the profile's chain.
        sets: Values of `--set`, applied over the chain's own parameters.
        engine: Value of `--engine`, for every stage.
        default: Effects when neither the profile nor `names` has any.
        adapt: Value of `--adapt`.

    Raises:
        UsageError: No effect at all, a malformed or ambiguous `--set`, an unknown parameter or a value out of range.
    """
    if names or not profile.effects:
        chain = [EffectSettings(name=name) for name in names or default]
    else:
        chain = [EffectSettings(stage.name, stage.engine, dict(stage.set)) for stage in profile.effects]
    if not chain:
        raise UsageError(
            "No effect was named.", "Add --effect NAME, for example --effect saturator; `fxlab effects list` shows all."
        )
    for stage in chain:
        stage.engine = check(stage, "engine", engine or stage.engine)
    for text in sets or ():
        stage, name, value = _assignment(chain, text)
        stage.set[name] = value
    if adapt:
        _adapt(chain)
    for stage in chain:
        stage.set = _validated(stage)
    return chain


def _assignment(chain: list[EffectSettings], text: str) -> tuple[EffectSettings, str, object]:
    key, equals, value = text.partition("=")
    owner, _, name = key.strip().rpartition(".")
    if not equals or not name or not value.strip():
        raise UsageError(f"--set {text} is not NAME=VALUE.", "Write it like --set drive_db=12.")
    if owner.isascii() and owner.isdigit() and len(owner) < 9 and 1 <= int(owner) <= len(chain):
        stages = [chain[int(owner) - 1]]
    elif owner:
        stages = [stage for stage in chain if owner in (stage.name, Path(stage.name).name, Path(stage.name).stem)]
        if not stages:
            raise UsageError(f"--set {text}: there is no '{owner}' in the chain.", f"It has {_listing(chain)}.")
    else:
        stages = chain if len(chain) == 1 else [stage for stage in chain if _may_have(stage, name)]
        if not stages:
            raise UsageError(f"--set {text}: no effect of the chain has '{name}'.", "See `fxlab effects show NAME`.")
    if len(stages) > 1:
        raise UsageError(
            f"--set {text} fits more than one effect of the chain.",
            f"Say which by its number, like 1.{name}={value}: {_listing(chain)}.",
        )
    return stages[0], name, literal(value.strip())


def _adapt(chain: list[EffectSettings]) -> None:
    """Lets every stage adapt that can."""
    able = [stage for stage in chain if stage.name == "ace"]
    if not able:
        raise UsageError(f"--adapt is for the effect ace: the chain has {_listing(chain)}.", "Add --effect ace, or leave it out.")
    for stage in able:
        stage.set["adapt"] = True


def _listing(chain: list[EffectSettings]) -> str:
    return ", ".join(f"{number} {stage.name}" for number, stage in enumerate(chain, 1))


def literal(text: str) -> object:
    """A number or truth value where the text is one; effects and models check it against their declarations."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _may_have(stage: EffectSettings, name: str) -> bool:
    from fxlab.engines.loader import parameters_of

    return name in {parameter.name for parameter in parameters_of(stage.name)}


def _validated(stage: EffectSettings) -> dict:
    """The stage's given parameters, converted."""
    if not stage.set:
        return {}
    from fxlab.engines.loader import resolved

    values = resolved(stage.name, stage.set)
    return {name: values[name] for name in stage.set}
