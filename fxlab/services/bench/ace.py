"""`fxlab bench --suite ace`: ACE's torch form, beside the way in which such things are often put together in torch.

Every case runs in a process of its own, which waits while another's turn is, so that its memory can be told from the others'.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from fxlab.errors import FxlabError
from fxlab.metrics.timing import Interval, bootstrap_median
from fxlab.progress import Progress, silent
from fxlab.services.bench.output import require_page, with_page
from fxlab.services.machine import Machine, describe, most_bytes

RATE_HZ, BANDS = 48_000, 60
FORWARD_S, BATCH, CLIP_S = 10, 8, 1
RUNS = 5


@dataclass(frozen=True)
class Request:
    """What to measure.

    Args:
        runs: How often, each case.
        threads: That torch may use.
        clip_s: Length of the clips that gradients are taken over, in seconds.
        html: Page to write, None for none; with `force` over another.
        command: What was typed, for the page.
    """

    runs: int = RUNS
    threads: int = 1
    clip_s: float = CLIP_S
    html: Path | None = None
    command: str = ""
    force: bool = False


@dataclass(frozen=True)
class Case:
    """What was measured of one case.

    Args:
        key: One of `CASES`.
        what: In words.
        seconds: Median time of a run, with its interval.
        audio_s: Audio in it, all clips of the batch together.
        peak_bytes: Memory that it took at most beyond what the process held before the first run.
    """

    key: str
    what: str
    seconds: Interval
    audio_s: float
    peak_bytes: int

    @property
    def times_realtime(self) -> float:
        return self.audio_s / self.seconds.median


@dataclass(frozen=True)
class Result:
    """All cases in their order, and the page that was written, or why there is none though one was asked for."""

    machine: Machine
    request: Request
    cases: list[Case]
    html: Path | None = None
    html_error: FxlabError | None = None

    def case(self, key: str) -> Case:
        return next(case for case in self.cases if case.key == key)

    def to_json(self) -> dict[str, Any]:
        cases = [asdict(case) | {"times_realtime": case.times_realtime} for case in self.cases]
        asked = {name: getattr(self.request, name) for name in ("runs", "threads", "clip_s")}
        page = {"html": self.html and str(self.html)}
        return {"suite": "ace", "machine": self.machine.to_json(), **asked, "cases": cases} | page


CASES = {
    "forward": "ACE, forward",
    "both": "ACE, forward and backward",
    "bank": "the power in its bands",
    "seed_bank": "grouped convolution of 20 ms kernels",
    "follower": "a follower of ACE, once per interval",
    "seed_follower": "a follower as a loop over samples in Python",
}


def run(request: Request, progress: Progress = silent) -> Result:
    """Measures all cases, taking turns; raises `FxlabError` where one of their processes fails, or the page has no place."""
    require_page(request.html, (), request.force)
    machine, context = describe(), multiprocessing.get_context("spawn")
    ends, processes = {}, []
    try:
        for key in CASES:
            ends[key], theirs = context.Pipe()
            processes.append(context.Process(target=_serve, args=(theirs, key, request), daemon=True))
            processes[-1].start()
            theirs.close()
        times: dict[str, list[float]] = {key: [] for key in CASES}
        total, done = (request.runs + 1) * len(CASES), 0
        for turn in range(request.runs + 1):  # the first one warms up
            for key, end in ends.items():
                progress("Measuring", done, total)
                seconds = _answer(end, key, True)
                done += 1
                if turn:
                    times[key].append(seconds)
        progress("Measuring", total, total)
        peaks = {key: int(_answer(end, key, False)) for key, end in ends.items()}
    finally:
        for process in processes:
            process.terminate()
            process.join()
    spans = {key: FORWARD_S if key == "forward" else BATCH * request.clip_s for key in CASES}
    medians = {key: bootstrap_median(np.array(seconds)) for key, seconds in times.items()}
    result = Result(machine, request, [Case(key, CASES[key], medians[key], spans[key], peaks[key]) for key in CASES])
    if request.html is None:
        return result
    from fxlab.services.bench.ace_page import page_of

    return with_page(result, request.html, lambda: page_of(result), request.force)


def _answer(end: Connection, key: str, question: bool) -> float:
    try:
        end.send(question)
        return end.recv()
    except (EOFError, OSError):
        raise FxlabError(f"The measurement of '{CASES[key]}' ended unexpectedly.", "Is there enough memory?") from None


def _serve(end: Connection, key: str, request: Request) -> None:
    """One case's process: a run for every True that comes, its time for an answer; its memory at the end."""
    import torch

    torch.set_num_threads(request.threads)
    measured = _case(key, request)
    before = _resident_bytes()
    while end.recv():
        start = time.perf_counter()
        measured()
        end.send(time.perf_counter() - start)
    end.send(max(0, most_bytes() - before))


def _case(key: str, request: Request) -> Callable[[], object]:
    import torch

    from fxlab.effects.ace.bank import bank_of
    from fxlab.effects.ace.torch_bank import analyse
    from fxlab.effects.ace.torch_follow import follow
    from fxlab.effects.ace.torch_play import rest
    from fxlab.effects.registry import effect
    from fxlab.services.bench import ace_seed as bench_ace_seed

    noise = torch.Generator().manual_seed(0)
    frames = round(request.clip_s * RATE_HZ)
    if key in ("forward", "both"):
        module = effect("ace").torch_module(RATE_HZ, bands=BANDS)
        if key == "forward":
            clip = 0.1 * torch.randn(FORWARD_S * RATE_HZ, generator=noise)
            return torch.no_grad()(lambda: module(clip))
        clips = (0.1 * torch.randn(BATCH, frames, generator=noise)).requires_grad_()
        return lambda: module(clips).square().mean().backward()
    clips = (0.1 * torch.randn(BATCH, frames, generator=noise)).requires_grad_()
    bank = bank_of(RATE_HZ, BANDS, 8)
    if key == "bank":
        whole = (clips[:, None, : frames // bank.interval * bank.interval].double()).detach().requires_grad_()
        start = rest(bank, BATCH, 1)["bank"]
        return lambda: analyse(whole, bank, start)[0].mean().backward()
    if key == "seed_bank":
        kernels = bench_ace_seed.gammatone_kernels(RATE_HZ, BANDS)
        return lambda: bench_ace_seed.fir_bank(clips, kernels).square().mean().backward()
    rise, fall = (torch.tensor(share, dtype=torch.float64, requires_grad=True) for share in (0.9, 0.99))
    if key == "follower":
        levels = torch.rand(BATCH, frames // bank.interval, BANDS, generator=noise, dtype=torch.float64)
        return lambda: follow(levels, rise, fall, levels[:, 0]).mean().backward()
    levels = torch.rand(BATCH, BANDS, frames, generator=noise)
    return lambda: bench_ace_seed.loop_follower(levels, rise.float(), fall.float()).mean().backward()


def _resident_bytes() -> int:
    """Memory that the process holds now; where the system doesn't tell, the most so far."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return most_bytes()
