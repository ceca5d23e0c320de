"""Runs `fxlab` in forks of a process that has imported the large libraries: each run is spared the seconds they take.

A line of stdin asks for runs at the same time, [{"arguments", "folder", "environment", "out", "err"}, ...], and a line of
stdout answers with their exit codes. "faults", where there are any, are those of `faults.install`; a run that isn't over after
"killed_after_s" is killed.
fxlab itself is imported by every fork anew. What an interpreter does when it starts and after its exit handlers is left out.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import Optional

import faults

# None of them starts a thread, which a fork would lack (onnxruntime does).
LARGE = ("torch", "torch._dynamo", "numba", "numba.np.arraymath", "matplotlib.backends.backend_agg", "onnx", "joblib", "typer")
LARGE += ("rich.console", "rich.table", "soundfile", "soxr", "cffi.api")


def play(request: dict) -> int:
    """What `python -m fxlab ARGUMENTS </dev/null >OUT 2>ERR` does in its folder: its exit code."""
    os.chdir(request["folder"])
    for number, name, flags in ((0, os.devnull, os.O_RDONLY), (1, request["out"], os.O_WRONLY), (2, request["err"], os.O_WRONLY)):
        file = os.open(name, flags)
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.path[0] = request["folder"]
    sys.argv = ["fxlab", *request["arguments"]]
    if request.get("faults"):
        faults.install(**request["faults"])
    code = 1
    try:
        runpy.run_module("fxlab", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    return code


def use() -> None:
    """Lets Numba and Typer import and prepare what they only do when they are used."""
    import numba
    import typer

    numba.njit(lambda number: number + 1.0)(1.0)
    nothing = typer.Typer(add_completion=False)
    nothing.command()(_nothing)
    nothing(["file", "--number", "1"], standalone_mode=False)


def _nothing(path: Path, number: Optional[float] = None, names: Optional[list[str]] = None) -> None:  # noqa: UP045
    """A command that takes what those of fxlab take."""


def main() -> None:
    for name in LARGE:
        importlib.import_module(name)
    use()
    gc.freeze()  # or each fork would look through, and so copy, all that has been imported
    for line in sys.stdin:
        children = []
        for request in json.loads(line):
            if not (pid := os.fork()):
                os._exit(play(request))
            children.append(pid)
            if seconds := request.get("killed_after_s"):
                kill_after(pid, seconds)
        print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]), flush=True)


def kill_after(pid: int, seconds: float) -> None:
    """Kills a child that isn't over by then."""
    child = os.pidfd_open(pid)
    if not select.select([child], [], [], seconds)[0]:
        os.kill(pid, signal.SIGKILL)
    os.close(child)


if __name__ == "__main__":
    main()
