"""A recorded run: `python -m tests.fuzz.campaign [TARGET ...] --inputs 100000` from the checkout, a line for each target.

What was taken wrongly is kept in `--found DIR`, one file for each kind of mistake, to become part of `corpus/` with its mending.
With `--guided` a target's inputs are led by the branches that they reach (atheris, `pip install atheris`); without, every input
is a seed's change, and the same number and seed make the same inputs.
"""

from __future__ import annotations

import argparse
import faulthandler
import hashlib
import os
import random
import re
import sys
import time
from pathlib import Path

_STUCK_S = 120.0
_LED = (
    "fxlab.formats",
    "fxlab.toml",
    "fxlab.profiles",
    "fxlab.durations",
    "fxlab.setting",
    "fxlab.recorded",
    "fxlab.models",
    "fxlab.engines.onnx_",
)
_LED += (
    "fxlab.training.manifest",
    "fxlab.timbre.lanes",
    "fxlab.timbre.table",
    "fxlab.timbre.midi_file",
    "fxlab.mastering.chain",
    "mido",
)


def main() -> int:
    """The exit code: 1 where anything was taken wrongly."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--found", type=Path, default=Path("found"))
    parser.add_argument("--guided", action="store_true")
    options = parser.parse_args()
    if options.guided:
        import atheris

        with atheris.instrument_imports(include=list(_LED)):
            from tests.fuzz import targets
    else:
        from tests.fuzz import targets
    wrong = 0
    for name in options.targets or targets.TARGETS:
        wrong += (_led if options.guided else _tried)(name, options)
    return int(wrong > 0)


class _Record:
    """What came of a target's inputs so far."""

    def __init__(self, name: str, options: argparse.Namespace) -> None:
        from tests.fuzz.targets import TARGETS, watch_of

        self.target, self.inputs, self.kinds = TARGETS[name], 0, set()
        self._found, self._began = options.found / name, time.monotonic()
        self.watch = watch_of(name)

    def take(self, data: bytes) -> None:
        if self.inputs % 1000 == 0:
            faulthandler.dump_traceback_later(_STUCK_S, exit=True, file=sys.__stderr__)  # of code that no alarm reaches
        self.inputs += 1
        if what := self.watch.wrong(data):
            kind = re.sub(r"\d+(?= characters| MiB)", "", what.partition(": ")[0])
            if kind not in self.kinds:
                self.kinds.add(kind)
                self._found.mkdir(parents=True, exist_ok=True)
                name = hashlib.sha256(kind.encode()).hexdigest()[:12]
                (self._found / name).write_bytes(data)
                (self._found / f"{name}.txt").write_text(what + "\n")

    def told(self) -> str:
        times, took = os.times(), time.monotonic() - self._began
        counted = f"{self.inputs:8} inputs, {self.watch.accepted:7} accepted, {len(self.kinds):3} mistakes"
        slowest = f"slowest {1000 * self.watch.slowest_s:5.0f} ms"
        return f"{self.target.name:16} {counted}, {took:7.1f} s, {times.user + times.system:7.1f} s CPU, {slowest}"


def _tried(name: str, options: argparse.Namespace) -> int:
    from tests.fuzz.mutation import mutate
    from tests.fuzz.targets import seeds_of

    given, rng, record = seeds_of(name), random.Random(f"{name} {options.seed}"), _Record(name, options)
    try:
        with record.watch:
            while record.inputs < options.inputs:
                record.take(mutate(rng, given, record.target.forms))
    finally:
        print(record.told(), flush=True)
    faulthandler.cancel_dump_traceback_later()
    return len(record.kinds)


def _led(name: str, options: argparse.Namespace) -> int:
    """As `_tried`; atheris ends the process, so that one target is run at once."""
    import atheris

    from tests.fuzz.mutation import mutate
    from tests.fuzz.targets import seeds_of

    corpus = options.found / f"corpus-{name}"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(seeds_of(name)):
        (corpus / f"seed{number}").write_bytes(data)
    record, out, begun = _Record(name, options), os.fdopen(os.dup(1), "w"), []

    def changed(data: bytes, most: int, seed: int) -> bytes:
        rng = random.Random(seed)
        return mutate(rng, (data, data, data, *seeds_of(name)), record.target.forms)[:most]

    def take(data: bytes) -> None:
        if not begun:
            begun.append(data)  # nothing, before atheris reads the seeds and says so
            return
        if not record.inputs:
            record.watch.__enter__()
        record.take(data)
        if record.inputs == options.inputs:
            print(record.told(), file=out, flush=True)
            record.watch.__exit__(None, None, None)
            os._exit(bool(record.kinds))

    words = [
        sys.argv[0],
        f"-runs={10 * options.inputs}",
        f"-seed={options.seed}",
        "-max_len=65536",
        "-rss_limit_mb=0",
        "-timeout=0",
    ]
    atheris.Setup([*words, "-verbosity=0", str(corpus)], take, custom_mutator=changed)
    atheris.Fuzz()
    return len(record.kinds)


if __name__ == "__main__":
    sys.exit(main())
