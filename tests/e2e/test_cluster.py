"""Rendering and datasets on a real Dask cluster of two worker processes, which are killed, interrupted and told nonsense."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import soundfile

from fxlab.cli import run
from fxlab.errors import InputError, MissingError, OutputError, UsageError
from fxlab.progress import silent
from fxlab.services import batch, cluster
from fxlab.services.cluster import Cluster
from fxlab.services.cluster_worker import World
from fxlab.services.render.file import Settings
from fxlab.services.render.plan import Job
from fxlab.services.render.service import _on_worker
from fxlab.settings import EffectSettings

distributed = pytest.importorskip("distributed")
psutil = pytest.importorskip("psutil")
pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")


@pytest.fixture(scope="module", autouse=True)
def clean():
    """`clean()` puts the environment right: Dask leaves settings for Python in it, with which no later test could use `forks`."""
    before = dict(os.environ)

    def put_right():
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)

    yield put_right
    put_right()


class Workers(NamedTuple):
    address: str
    pids: list[int]


@contextlib.contextmanager
def two_workers(clean):
    """A cluster of two workers of one thread each; work that killed two is given up."""
    import dask

    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", silence_logs=60
        ) as started,
    ):
        with distributed.Client(started, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=120)
            pids = list(client.run(os.getpid).values())
        clean()
        yield Workers(started.scheduler_address, pids)


@pytest.fixture(scope="module")
def workers(clean):
    """For the tests after which they are still there."""
    with two_workers(clean) as started:
        yield started


@pytest.fixture
def doomed(clean):
    """For a test that ends workers: Dask replaces them only if that takes less time than it may on a busy machine."""
    with two_workers(clean) as started:
        yield started


def takes(folder: Path, count: int, seconds: float, rate: int = 48_000) -> None:
    folder.mkdir()
    for number in range(count):
        noise = np.random.default_rng(number).normal(0, 0.1, int(min(seconds, 10) * rate))
        noise = np.resize(noise, int(seconds * rate))
        soundfile.write(folder / f"take{number}.wav", noise, rate, subtype="PCM_16")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def half_written_by(pid: int) -> list[str]:
    """Names of the unfinished files that a process has open."""
    names = [Path(file.path).name for file in psutil.Process(pid).open_files()]
    return [name for name in names if name.startswith(".fxlab-")]


def kill_amid_work(process, workers: list[int], finished: Path, pattern: str) -> None:
    """Kills a worker that is in the middle of a file, as soon as one file is finished."""
    deadline = time.monotonic() + 120
    while not list(finished.glob(pattern)):
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()
        time.sleep(0.02)
    while True:
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
            if half_written_by(pid):
                os.kill(pid, signal.SIGKILL)
                return
            os.kill(pid, signal.SIGCONT)
        assert process.poll() is None, process.communicate()


def test_a_batch_of_which_a_worker_is_killed(fxlab, fxlab_start, tmp_path, doomed):
    takes(tmp_path / "takes", 6, 6)
    chain = ["takes", "-e", "saturator", "--engine", "numpy", "--bit-depth", "16"]
    here = fxlab("render", *chain, "-o", "here/", "--workers", 1)
    assert here.returncode == 0, here.stderr
    process = fxlab_start("render", *chain, "-o", "out/", "--cluster", doomed.address)
    kill_amid_work(process, doomed.pids, tmp_path / "out", "take*.wav")
    out, err = process.communicate(timeout=200)
    assert process.returncode == 0 and all(line.startswith("Rendering: ") for line in err.splitlines()), err
    assert out.index("out/take0.wav") < out.index("out/take5.wav"), "in the order of the inputs, under the names as given"
    assert contents(tmp_path / "out") == contents(tmp_path / "here") and len(contents(tmp_path / "out")) == 6


def test_masters_are_the_same_as_here(fxlab, tmp_path, workers):
    takes(tmp_path / "takes", 2, 2)
    songs = ["takes", "--album", "--no-codecs", "--format", "flac"]
    done = fxlab("master", *songs, "-o", "out/", "--cluster", workers.address)
    assert done.returncode == 0 and "out/take1.flac" in done.stdout, done.stderr
    assert fxlab("master", *songs, "-o", "here/", "--workers", 1).returncode == 0
    assert contents(tmp_path / "out") == contents(tmp_path / "here") and len(contents(tmp_path / "out")) == 2


def test_a_dataset_of_which_a_worker_is_killed(fxlab, fxlab_start, tmp_path, doomed):
    takes(tmp_path / "takes", 4, 6)
    impulse = np.random.default_rng(9).normal(0, 1, 4000) * 0.99 ** np.arange(4000)
    soundfile.write(tmp_path / "cab.wav", impulse / 10, 48_000, subtype="FLOAT")
    chain = ["takes", "-e", "saturator", "-e", "convolver", "--set", "convolver.ir=cab.wav", "--engine", "numpy"]
    settings = ["--levels", "0,-6", "--chunk", 2, "--synthesize", "6s"]
    command = ["dataset", *chain, *settings]
    here = fxlab(*command, "-o", "here")
    assert here.returncode == 0, here.stderr
    process = fxlab_start(*command, "-o", "out", "--workers", 3, "--cluster", doomed.address)
    kill_amid_work(process, doomed.pids, tmp_path / "out" / "pairs", "*.target.wav")
    _, err = process.communicate(timeout=200)
    assert process.returncode == 0 and "Train on it" in err and "istributed" not in err, err
    assert contents(tmp_path / "out") == contents(tmp_path / "here")


@pytest.mark.parametrize("verb", ["render", "dataset"])
def test_ctrl_c_ends_the_work_on_the_workers_too(fxlab_start, tmp_path, workers, verb):
    takes(tmp_path / "takes", 3, 1800, 8000)
    process = fxlab_start(verb, "takes", "-e", "saturator", "--engine", "numpy", "-o", "out/", "--cluster", workers.address)
    deadline = time.monotonic() + 120
    while not all(half_written_by(pid) for pid in workers.pids):
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=200)
    assert process.returncode == 130 and "Interrupted" in err and "Traceback" not in err, err
    left = [path.name for path in (tmp_path / "out").rglob("*.wav")] if (tmp_path / "out").exists() else []
    assert not left and not any(half_written_by(pid) for pid in workers.pids)
    if verb == "render":
        assert not (tmp_path / "out").exists()


def test_addresses_that_lead_nowhere(tmp_path, monkeypatch, capsys):
    takes(tmp_path / "takes", 1, 0.1)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cluster, "_CONNECT_S", 0.5)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nothing listens there
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        for verb in ("render", "dataset"):
            code, said = run([verb, "takes", "-e", "saturator", "-o", "out", "--cluster", address]), capsys.readouterr().err
            assert code == 4 and "Nothing answers at tcp" in said and "Traceback" not in said
            assert not list((tmp_path / "out").rglob("*.wav"))
    assert run(["render", "takes", "-e", "saturator", "--cluster", "localhost:8786"]) == 2
    assert "no address" in capsys.readouterr().err


@pytest.mark.parametrize(
    "address", ["", "host", "host:1", "tcp://host", "tcp://host:0", "tcp://host:65536", "tcp://:1", "http://host:1"]
)
def test_what_is_no_address(address):
    with pytest.raises(UsageError, match="no address"):
        Cluster(address)


def test_addresses():
    for address in ("tcp://host:8786", "tls://10.0.0.1:1", "tcp://[::1]:8786"):
        assert Cluster(address).address == address


def test_what_answers_may_be_no_scheduler():
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        with pytest.MonkeyPatch.context() as patch, pytest.raises(MissingError, match="no Dask scheduler"):
            patch.setattr(cluster, "_CONNECT_S", 0.5)
            next(cluster.results(Cluster(address), print, [()], Path("nowhere"), None))


def test_a_cluster_without_workers(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "_CONNECT_S", 1.0)
    nobody = distributed.LocalCluster(n_workers=0, dashboard_address=":0", silence_logs=60, processes=True)
    with nobody, pytest.raises(MissingError, match="no workers"):
        next(cluster.results(Cluster(nobody.scheduler_address), print, [()], tmp_path / "out", None))
    assert not (tmp_path / "out").exists()


def test_a_worker_names_what_it_cannot_find(tmp_path, workers):
    where, job = Cluster(workers.address), Job(tmp_path / "gone.wav", tmp_path / "out" / "gone.wav")
    calls = [(job, Settings([EffectSettings("saturator")]))]
    [report] = batch.on_cluster(_on_worker, calls, ["gone.wav"], where, tmp_path / "out", None, silent, "Rendering")
    assert isinstance(report.error, InputError)
    assert "The worker tcp://" in report.error.message and str(job.source) in report.error.message
    assert not (tmp_path / "out").exists()


def test_workers_of_another_world_are_refused(tmp_path, workers, monkeypatch):
    where = Cluster(workers.address)

    def refused(**difference):
        monkeypatch.setattr(cluster, "World", lambda seen: World(**({"seen": seen} | difference)))
        with pytest.raises(MissingError) as raised:
            list(cluster.results(where, print, [(number,) for number in range(4)], tmp_path, None))
        return raised.value.message

    assert "has fxlab" in refused(fxlab="0.0.0") and "not 0.0.0" in refused(fxlab="0.0.0")
    assert "not " in refused(python="2.7")
    assert "doesn't see the folder" in refused(seen=tmp_path / "elsewhere" / "file")


def test_one_call_at_a_time_and_errors_as_they_are(tmp_path, workers):
    where, log = Cluster(workers.address), tmp_path / "log"

    def note(number, ending):
        with log.open("a") as file:
            file.write("+")
            file.flush()
            time.sleep(0.05)
            file.write("-")
        return number

    assert sorted(cluster.results(where, note, [(number,) for number in range(5)], tmp_path, 1)) == list(range(5))
    assert log.read_text() == "+-" * 5

    def full(ending):
        from fxlab.errors import OutputError

        raise OutputError("The disk is full.", "Make room.")

    with pytest.raises(OutputError) as raised:
        list(cluster.results(where, full, [()] * 3, tmp_path, None))
    assert raised.value.hint == "Make room."


def test_work_that_kills_its_workers_is_given_up(tmp_path, doomed):
    """joblib alone would wait for ever."""

    def deadly(ending):
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(MissingError, match="ended several workers"):
        list(cluster.results(Cluster(doomed.address), deadly, [()], tmp_path, None))


def test_work_that_a_worker_cannot_read_is_given_up(tmp_path, doomed, monkeypatch):
    """joblib alone would wait for ever. Dask closes such a worker, or its nanny replaces it, whichever happens to be first."""
    monkeypatch.setattr(cluster, "_ALONE_S", 10.0)
    (tmp_path / "only_here.py").write_text("def work(ending): pass")
    monkeypatch.syspath_prepend(tmp_path)
    from only_here import work

    with pytest.raises(MissingError, match="ended several workers|All workers .* are gone"):
        list(cluster.results(Cluster(doomed.address), work, [()], tmp_path, None))


def test_work_whose_workers_are_all_gone_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "_ALONE_S", 1.0)

    def slow(ending):
        time.sleep(60)

    with distributed.LocalCluster(n_workers=1, dashboard_address=":0", silence_logs=60, processes=True) as leaving:
        results = cluster.results(Cluster(leaving.scheduler_address), slow, [()], tmp_path, None)
        timer = threading.Timer(2.0, leaving.scale, [0])
        timer.start()
        with pytest.raises(MissingError, match="All workers .* are gone"):
            list(results)
        timer.join()
