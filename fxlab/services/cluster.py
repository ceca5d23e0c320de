"""Shares work among the workers of a Dask cluster, through joblib's Dask backend.

The workers read and write the files themselves, so they need the same file system, the same fxlab and the same Python. Dask
gives a dead worker's work to another one; a piece of work may therefore run twice, even at the same time, and must leave the
same bytes then.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fxlab import getting
from fxlab.audio.atomic import output_error
from fxlab.audio.leftovers import claimed, temporary_path
from fxlab.errors import FxlabError, MissingError, UsageError
from fxlab.services.cluster_worker import World, attempt, end_on_worker
from fxlab.services.ending import PATIENCE_S, Ending

_CONNECT_S = 10.0
_ALONE_S = 60.0  # without any worker; a lost one is back much sooner
_ADDRESS = re.compile(r"(?:tcp|tls)://(?:\[(?P<v6>[0-9a-fA-F:.]+)\]|(?P<host>[^\s/:\[\]]+)):(?P<port>\d{1,5})")
_START = "Start one with `dask scheduler`, and workers with `dask worker tcp://HOST:8786`, or work without --cluster."


@dataclass(frozen=True)
class Cluster:
    """Where the scheduler is.

    Args:
        address: As tcp://HOST:PORT.
        debug: Let Dask's own messages through.

    Raises:
        UsageError: The address is none.
    """

    address: str
    debug: bool = False

    def __post_init__(self) -> None:
        found = _ADDRESS.fullmatch(self.address)
        if not found or not 0 < int(found["port"]) < 65536:
            raise UsageError(
                f"'{self.address}' is no address of a cluster.", "Write it like tcp://HOST:8786, as `dask scheduler` shows it."
            )


def results(
    cluster: Cluster, function: Callable[..., Any], calls: Sequence[tuple], folder: Path, at_once: int | None
) -> Iterator[Any]:
    """What `function(*call, ending)` returns for each call, as they get ready; close it to stop early.

    Args:
        cluster: Whose workers do the work.
        function: A function of a module. It asks the `ending` often, and raises `Stopped` when it is told to stop.
        calls: Its arguments but for the last; all paths in them absolute.
        folder: Where output goes; made if absent.
        at_once: Calls in work at the same time, None for as many as the cluster likes.

    Raises:
        MissingError: Dask isn't installed, the scheduler can't be reached or is lost, there is no worker, or a worker is of
            another version or file system.
        OutputError: `folder` can't be written.
        FxlabError: What `function` raised.
    """
    import joblib

    ending = Ending()
    with _silence(cluster.debug), _connected(cluster) as client, _seen(folder, ending.token) as seen:
        whole = False
        backend = _backend(client)
        try:
            with joblib.parallel_config(backend=backend):
                pool = joblib.Parallel(return_as="generator_unordered", batch_size=1, pre_dispatch=at_once or "all")
                work = pool(joblib.delayed(attempt)(World(seen), ending, function, call) for call in calls)
            with _watched(client, backend, cluster), warnings.catch_warnings(), contextlib.closing(work):
                warnings.simplefilter("ignore", UserWarning)  # joblib's, about results that nobody waits for any more
                yield from work
            whole = True
        except FxlabError:
            raise
        except Exception as error:
            raise _explained(cluster, error) from error
        finally:
            if not whole:
                _end_everywhere(client, ending)


@contextlib.contextmanager
def _connected(cluster: Cluster) -> Iterator[Any]:
    try:
        import distributed
    except ImportError:
        raise MissingError("--cluster needs Dask, which isn't installed.", getting.CLUSTER) from None
    _require_scheduler(cluster)
    client = distributed.Client(cluster.address, timeout=_CONNECT_S, set_as_default=False)
    try:
        try:
            client.wait_for_workers(1, timeout=_CONNECT_S)
        except (OSError, asyncio.TimeoutError):
            hint = f"Start some: `dask worker {cluster.address}`."
            raise MissingError(f"The cluster at {cluster.address} has no workers.", hint) from None
        if client.run_on_scheduler(find_spec, "fxlab") is None:
            raise MissingError(f"fxlab isn't installed where the scheduler at {cluster.address} runs.", "Install the same there.")
        yield client
    finally:
        client.close(timeout=2)


def _require_scheduler(cluster: Cluster) -> None:
    """Raises `MissingError` unless a Dask scheduler answers; finds out sooner than Dask, and without its traces."""
    import distributed

    async def identity() -> str:
        async with distributed.rpc(cluster.address) as there:
            return (await there.identity())["type"]

    found = _ADDRESS.fullmatch(cluster.address)
    try:
        socket.create_connection((found["v6"] or found["host"], int(found["port"])), _CONNECT_S).close()
    except OSError as error:
        raise MissingError(f"Nothing answers at {cluster.address}: {error.strerror or error}.", _START) from None
    try:
        if asyncio.run(asyncio.wait_for(identity(), _CONNECT_S)) == "Scheduler":
            return
    except Exception:  # whatever another service's answer leads to
        pass
    raise MissingError(f"What answers at {cluster.address} is no Dask scheduler that this version of Dask understands.", _START)


def _backend(client: Any) -> Any:
    """joblib's Dask backend, mended where it would wait for ever or not use the cluster at all."""
    from joblib._dask import DaskDistributedBackend

    class Backend(DaskDistributedBackend):
        tell: Callable[[Exception], None] = staticmethod(lambda error: None)  # ends the work that is waited for

        def effective_n_jobs(self, n_jobs: int) -> int:
            return max(2, super().effective_n_jobs(n_jobs))  # for one, joblib would do the work itself

        def submit(self, func: Any, callback: Any = None) -> Any:
            # Work that no worker finished (they died of it, or couldn't read it) has no result that joblib would be told of.
            self.tell = callback
            future = super().submit(func, callback)
            future.add_done_callback(lambda done: done.exception() and callback(done.exception()))
            return future

        def retrieve_result_callback(self, out: Any) -> Any:
            if isinstance(out, BaseException):
                raise out
            return super().retrieve_result_callback(out)

    return Backend(client=client)


@contextlib.contextmanager
def _watched(client: Any, backend: Any, cluster: Cluster) -> Iterator[None]:
    """Ends the work when no worker has been there for long, which Dask would wait for."""
    over = threading.Event()

    def watch() -> None:
        left = time.monotonic()
        while not over.wait(_ALONE_S / 20):
            with contextlib.suppress(Exception):  # a scheduler that is lost is noticed elsewhere
                if client.ncores():
                    left = time.monotonic()
                elif time.monotonic() - left > _ALONE_S:
                    hint = "What is finished is kept; start new ones and try again."
                    backend.tell(MissingError(f"All workers of the cluster at {cluster.address} are gone.", hint))
                    return

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()


@contextlib.contextmanager
def _seen(folder: Path, token: str) -> Iterator[Path]:
    """A file in the output's folder, which is made for it and goes again if nothing else comes into it."""
    path = temporary_path(folder.absolute() / "cluster", token)
    made = [place for place in (path.parent, *path.parent.parents) if not place.exists()]
    stack = contextlib.ExitStack()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        stack.enter_context(claimed(path))  # or a worker would take it for what a killed process left
    except OSError as error:
        raise output_error(path.parent, error) from error
    try:
        yield path
    finally:
        stack.close()
        with contextlib.suppress(OSError):
            path.unlink()
            for place in made:
                place.rmdir()


def _explained(cluster: Cluster, error: Exception) -> FxlabError | Exception:
    """What goes wrong between the machines, as the user must know it; anything else as it is."""
    from concurrent.futures import CancelledError

    from distributed.scheduler import KilledWorker

    if isinstance(error, KilledWorker):
        return MissingError(
            f"The same piece of work ended several workers, the last one {error.last_worker.address}.",
            "Their logs tell why: too little memory, or another fxlab. What is finished is kept.",
        )
    if isinstance(error, RuntimeError) and "deserialization" in str(error):
        return MissingError(
            f"The scheduler at {cluster.address} can't read what it is sent.",
            "It needs the same fxlab and the same packages as the workers; restart it after an update.",
        )
    if isinstance(error, (CancelledError, asyncio.CancelledError, OSError)):
        return MissingError(
            f"The connection to the cluster at {cluster.address} was lost.", "What is finished is kept; try again later."
        )
    return error


def _end_everywhere(client: Any, ending: Ending) -> None:
    """Ends the work on all workers and waits for it, but not for workers that don't answer."""

    def end() -> None:
        with contextlib.suppress(Exception):  # the cluster may be what is lost
            client.run(end_on_worker, ending.token, on_error="ignore")

    thread = threading.Thread(target=end, daemon=True)
    thread.start()
    thread.join(PATIENCE_S + 2)


@contextlib.contextmanager
def _silence(debug: bool) -> Iterator[None]:
    """Keeps Dask's messages off the terminal: what matters arrives as an error of ours."""
    if debug:
        yield
        return
    with contextlib.suppress(ImportError):
        import distributed  # noqa: F401 - sets its loggers up
    names = [name for name in logging.root.manager.loggerDict if name.split(".")[0] in ("distributed", "tornado", "asyncio")]
    before = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
