from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fxlab.progress import silent
from fxlab.services import batch


def test_results_come_in_the_order_of_the_calls():
    said: list[float] = []
    calls, names = [(2.0, 3.0), (3.0, 2.0)], ["a", "b"]
    found = batch.in_parallel(math.pow, calls, names, 2, lambda task, done, total, **fields: said.append(done), "Raising")
    assert found == [8.0, 9.0] and said == [0, 1, 2]


def test_what_a_call_raises_ends_the_batch():
    with pytest.raises(ValueError):
        batch.in_parallel(math.sqrt, [(4.0,), (-1.0,)], ["a", "b"], 2, silent, "Rooting")


def test_where_joblib_may_start_no_processes_the_work_is_done_all_the_same():
    code = "import math; from fxlab.progress import silent; from fxlab.services import batch; import time; "
    code += "made = batch.in_parallel(math.pow, [(2.0, 3.0), (3.0, 2.0)], ['a', 'b'], 2, silent, 'Raising'); "
    code += "time.sleep(0.2); print(made)"
    environment = os.environ | {"JOBLIB_MULTIPROCESSING": "0"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout == "[8.0, 9.0]\n", done.stderr


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_workers_end_with_a_parent_that_is_killed(tmp_path):
    code = "import subprocess; from fxlab.progress import silent; from fxlab.services import batch; "
    code += "calls = [(['sh', '-c', f'echo $PPID > {name}; exec sleep 20'],) for name in 'ab']; "
    code += "batch.in_parallel(subprocess.call, calls, ['a', 'b'], 2, silent, 'Sleeping')"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path)
    wait(lambda: all((tmp_path / name).is_file() and (tmp_path / name).read_text().endswith("\n") for name in "ab"))
    process.kill()
    process.wait()
    workers = [Path("/proc") / (tmp_path / name).read_text().strip() / "cwd" for name in "ab"]
    wait(lambda: not any(worker.exists() for worker in workers))


def wait(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_call_says_how_far_it_is():
    said: list[tuple[float, str]] = []

    def half(number, progress):
        progress(0.5)
        return number / 2

    found = batch.in_turn(half, [(2,), (4,)], ["a", "b"], lambda task, done, total, file="": said.append((done, file)), "Halving")
    assert found == [1, 2] and said == [(0.5, "a"), (1.5, "b"), (2, "")]


def test_clearing_up_takes_only_what_has_the_token(tmp_path):
    for name in (".fxlab-mine-a.wav", ".fxlab-mine.2-b.wav", ".fxlab-yours-a.wav", "a.wav"):
        (tmp_path / name).touch()
    batch.clear_up({tmp_path}, "mine")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".fxlab-yours-a.wav", "a.wav"]
