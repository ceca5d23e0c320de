"""Work on a worker of a cluster: what it must have in common with us, and how it is ended."""

from __future__ import annotations

import asyncio
import platform
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fxlab
from fxlab.effects.params import FileParam
from fxlab.effects.registry import effects
from fxlab.errors import FxlabError, MissingError
from fxlab.services.ending import Ending, Stopped, end_here
from fxlab.settings import EffectSettings
from fxlab.shipped import SHIPPED

_SAME_PLACE = "The workers read and write the files: put them where every worker finds them under the same path."


@dataclass(frozen=True)
class World:
    """What a worker must have in common with us, sent along with every piece of work.

    `seen` is a file that lies in the output's folder as long as the work goes on.
    """

    seen: Path
    fxlab: str = fxlab.__version__
    python: str = field(default_factory=lambda: ".".join(platform.python_version_tuple()[:2]))

    def require(self) -> None:
        """Raises `MissingError` on a worker of another world."""
        here = World(self.seen)
        if here != self:
            raise MissingError(
                f"{_here()} has fxlab {here.fxlab} on Python {here.python}, not {self.fxlab} on Python {self.python}.",
                "Install the same on every worker.",
            )
        if not self.seen.exists():
            raise MissingError(f"{_here()} doesn't see the folder {self.seen.parent} as it is here.", _SAME_PLACE)


def require_seen(path: Path | None, kind: type[FxlabError]) -> None:
    """Raises `kind` if this worker can't find an input."""
    if path is not None and not path.exists():
        raise kind(f"{_here()} can't find {path}.", _SAME_PLACE)


def attempt(world: World, ending: Ending, function: Callable[..., Any], call: tuple) -> Any:
    """`function(*call, ending)` on a worker like us; None when it is told to stop."""
    world.require()
    try:
        with ending.working():
            return function(*call, ending)
    except Stopped:
        return None  # nobody asks for it any more


async def end_on_worker(token: str) -> None:
    """Ends the work that came with this ending; in a thread, so that the worker goes on talking to its scheduler."""
    await asyncio.to_thread(end_here, token)


def absolute(stages: Sequence[EffectSettings]) -> list[EffectSettings]:
    """The chain with every path in it as a worker finds it, whose current folder may be another."""
    found = []
    for stage in stages:
        declared = effects().get(stage.name)
        if declared is None:
            name = stage.name if stage.name in SHIPPED else str(Path(stage.name).absolute())
            found.append(EffectSettings(name, stage.engine, dict(stage.set)))
            continue
        files = {one.name: one for one in declared.parameters if isinstance(one, FileParam)}
        values = {
            key: str(Path(value).expanduser().absolute()) if key in files and value not in files[key].built_in else value
            for key, value in stage.set.items()
        }
        found.append(EffectSettings(stage.name, stage.engine, values))
    return found


def _here() -> str:
    from distributed import get_worker

    return f"The worker {get_worker().address} on {socket.gethostname()}"
