"""How `fxlab dataset` shows what it made."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from fxlab.console import output
from fxlab.console.dataset_pairs import show_pair
from fxlab.console.tables import counted, duration, table
from fxlab.services.dataset.recorded import RecordedResult
from fxlab.services.dataset.service import Result


def show_dataset(result: Result, effects: Sequence[str] = ()) -> None:
    """What was found about recorded pairs, one line per split, then what was left out and why."""
    for one in result.reports if isinstance(result, RecordedResult) else ():
        show_pair(one)
    columns = ("split", "sources", "pairs", "length")
    rows = [(name, share.sources, share.pairs, duration(share.seconds)) for name, share in result.splits.items()]
    output.out().print(table(f"{result.output} at {result.sample_rate_hz} Hz", columns, rows, numbers=columns[1:]))
    for name, reason in result.failed:
        output.warn(f"{name} is left out: {reason}")
    for name, reason in result.copies:
        output.note(f"{name} is left out: {reason}")
    for text in result.notes:
        output.note(text)
    if result.snr_db:
        ratios = ", ".join(f"{ratio:g}" for ratio in result.snr_db)
        output.note(f"Inputs are mixed with {result.noise} noise at {ratios} dB of SNR; targets are clean.")
    if result.kept:
        output.note(f"{counted(result.rendered, 'pair')} rendered, {result.kept:,} kept from an earlier run.")
    if result.trainable:
        command = shlex.join(["fxlab", "train", str(result.output)])
        network = "ace" if list(effects) == ["ace"] else f"tcn --size {'single' if result.varied else 'nano'}"
        output.note(f"Train on it with: {command} --model {network}{' --loss estoi' if result.snr_db else ''}")
