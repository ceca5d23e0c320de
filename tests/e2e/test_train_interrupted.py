"""A training that is killed goes on to the bit, and one of several processes, interrupted or not, is that of one."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from fxlab.services.dataset import service as dataset
from fxlab.settings import DatasetSettings, EffectSettings

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
FXLAB = [sys.executable, "-m", "fxlab"]
TWO = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "fxlab"]
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "140"}
# Five rows of a batch aren't shared evenly; 20 steps in all, small ones for the LSTM, which magnifies what is rounded otherwise.
STEPS = ["--epochs", "4", "--steps-per-epoch", "5", "--batch-size", "5", "--ema", "0.99"]
NETWORKS = {
    "tcn": ["--size", "nano", "--segment", "1024"],
    "lstm": ["--model", "lstm", "--segment", "1024", "--windows", "4", "--learning-rate", "0.0003"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """With a dataset."""
    made = tmp_path_factory.mktemp("trainings")
    settings = DatasetSettings(synthesize="15s")
    dataset.run(dataset.Request([], made / "ds", [EffectSettings("saturator")], settings, sample_rate_hz=8000))
    return made


@pytest.fixture
def undisturbed(folder, forks):
    """`undisturbed(network)`: the folder of a run of one process, from beginning to end."""

    def run(network: str) -> Path:
        if not (folder / network).exists():
            of_one(forks, folder, network, network)
        return folder / network

    return run


def arguments(network: str, output: str, *more: str) -> list[str]:
    return ["train", "ds", *NETWORKS[network], *STEPS, "-o", output, *more]


def of_one(forks, folder: Path, *run: str) -> None:
    """A run of one process."""
    if forks is None:
        train(folder, FXLAB, *run)
    else:
        [done] = forks.run(arguments(*run), folder, {})
        assert done.returncode == 0, done.stderr


def of_two(forks, folder: Path, *run: str) -> tuple[str, str]:
    """What a run of two processes says, which needs no torchrun to be one."""
    if forks is None:
        return train(folder, TWO, *run)
    with socket.create_server(("127.0.0.1", 0)) as free:
        there = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": "2"}
    ranks = [there | {"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(2)]
    both = forks.run(arguments(*run), folder, *ranks)
    for done in both:
        assert done.returncode == 0, done.stderr
    return "".join(done.stdout for done in both), "".join(done.stderr for done in both)


def start(folder: Path, program: list[str], *run: str) -> subprocess.Popen:
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([*program, *arguments(*run)], cwd=folder, env=ENVIRONMENT, start_new_session=True, **pipes)


def train(folder: Path, program: list[str], *run: str) -> tuple[str, str]:
    process = start(folder, program, *run)
    out, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    return out, err


def wait_for_epochs(process: subprocess.Popen, run: Path, count: int) -> None:
    deadline = time.monotonic() + 120
    curves = run / "curves.csv"
    while not curves.exists() or epochs_done(run) < count:
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()
        time.sleep(0.01)


def epochs_done(run: Path) -> int:
    return len((run / "curves.csv").read_text().splitlines()) - 1


def weights(run: Path) -> dict:
    return load_file(run / "last.safetensors") | {
        f"best {name}": one for name, one in load_file(run / "best.safetensors").items()
    }


def difference(run: Path, other: Path, prefixes: tuple[str, ...] = ("",)) -> float:
    """The largest, over all that is saved or what is called so."""
    found, expected = weights(run), weights(other)
    assert found.keys() == expected.keys()
    return max(float(abs(found[name] - expected[name]).max()) for name in found if name.startswith(prefixes) and found[name].size)


def test_a_killed_run_goes_on_to_the_bit(folder, forks, undisturbed):
    for _ in range(5):  # its epochs take a third of a second: a busy machine may come too late
        shutil.rmtree(folder / "killed", ignore_errors=True)
        process = start(folder, FXLAB, "lstm", "killed")
        wait_for_epochs(process, folder / "killed", 1)
        time.sleep(random.uniform(0, 0.1))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if not (over := epochs_done(folder / "killed") == 4):
            break
    assert not over
    of_one(forks, folder, "lstm", "killed", "--resume")
    assert difference(folder / "killed", undisturbed("lstm")) == 0.0


def test_two_processes_end_with_the_weights_of_one(folder, forks, undisturbed):
    out, err = of_two(forks, folder, "tcn", "two")
    assert out.count("finished all epochs") == 1 and "20 steps" in out and err.count("Report:") == 1
    assert difference(folder / "two", undisturbed("tcn"), ("arrays", "head", "best")) <= 1e-5


def test_two_processes_are_interrupted_and_go_on_as_two_or_one(folder, forks, undisturbed):
    for _ in range(5):
        shutil.rmtree(folder / "stopped", ignore_errors=True)
        process = start(folder, TWO, "lstm", "stopped")
        wait_for_epochs(process, folder / "stopped", 1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=200)
        if epochs_done(folder / "stopped") < 4:
            break
    assert process.returncode != 0 and "interrupted, saved" in out and err.count("Interrupted and saved.") == 1, err
    shutil.copytree(folder / "stopped", folder / "stopped-too")
    of_two(forks, folder, "lstm", "stopped", "--resume")
    of_one(forks, folder, "lstm", "stopped-too", "--resume")
    for run in ("stopped", "stopped-too"):
        assert difference(folder / run, undisturbed("lstm"), ("layers", "best")) <= 1e-5


def test_one_process_speaks_for_all(folder):
    process = start(folder, TWO, "tcn", "nothing", "--size", "hugh")
    out, err = process.communicate(timeout=200)
    assert process.returncode != 0 and out == "", out
    assert err.count("There is no tcn of size") == 1 and "exitcode  : 2" in err and "-15" in err, err
    assert not (folder / "nothing").exists()
