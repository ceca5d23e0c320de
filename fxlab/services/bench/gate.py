"""Gates: conditions on the measurements that a script can rely on, such as `p99<0.5*deadline` or `tcn/onnx:esr<0.1%`.

gate      = [filter ":"] metric ("<" | "<=" | ">" | ">=") limit
filter    = EFFECT | ENGINE | EFFECT "/" ENGINE | key "=" value {"," key "=" value}     with the keys effect, engine, buffer
limit     = [number "*"] "deadline"  |  number [unit]      with the units ns, us, ms, s, %, dB

`misses<10` is a number of blocks, `misses<1%` a share of those timed, as tables show it; other counts have no %.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fxlab.engines.registry import engines
from fxlab.errors import UsageError, nearest

TIMES = ("mean", "p50", "p95", "p99", "p99.9", "max", "jitter", "mad", "cold", "load")
_PLAIN = ("mushra", "throughput", "parameters", "macs", "file_bytes", "weight_bytes")  # ratings and counts, which have no %
RATIOS = ("rtf", "misses", "esr", "esr_pre", "mr_stft", *_PLAIN)
LEVELS = ("noise_db", "thd_difference_db", "aliasing_difference_db")
_ENGINES = ("numpy", "numba", "fused", "torch", "torchscript", "onnx")
METRICS = TIMES + RATIOS + LEVELS
QUALITY = ("esr", "esr_pre", "mr_stft", "mushra", "thd_difference_db", "aliasing_difference_db")
"""Only networks have these: a gate on them passes over DSP cells."""

_HELP = "Write it like 'p99<0.5*deadline', 'rtf<0.2', 'esr<0.1%', 'tcn/onnx:p99<2ms' or 'engine=onnx,buffer=64:max<1ms'."
_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_NUMBER = r"[+-]?(?:\d{1,18}(?:\.\d{0,18})?|\.\d{1,18})(?:[eE][+-]?\d{1,3})?"
_LIMIT = rf"(?:(?:({_NUMBER})\s*\*\s*)?(deadline)|({_NUMBER})\s*(ns|us|µs|ms|s|%|dB)?)"
_RULE = re.compile(rf"\s*([A-Za-z_.0-9]+)\s*(<=|>=|<|>)\s*{_LIMIT}\s*", re.ASCII)
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0}


def all_engines() -> tuple[str, ...]:
    """All engines, in the order tables show them: those of other packages come last."""
    return (*_ENGINES, *(name for name in engines() if name not in _ENGINES))


@dataclass(frozen=True)
class Gate:
    """One parsed gate.

    Args:
        text: As written.
        metric: One of `METRICS`.
        comparison: "<", "<=", ">" or ">=".
        limit: Seconds, a share, decibels or a count; with `of_deadline` a multiple of the block's length.
        of_blocks: The limit is a share of the blocks timed (`misses` with %).
        where: effect, engine, buffer that it is confined to.
    """

    text: str
    metric: str
    comparison: str
    limit: float
    of_deadline: bool = False
    of_blocks: bool = False
    where: Mapping[str, str] = field(default_factory=dict)

    def covers(self, cell: Mapping[str, Any]) -> bool:
        """Whether a cell (with its effect, engine and buffer) is in the gate's scope."""
        return all(str(cell[key]) == value for key, value in self.where.items())

    def limit_for(self, cell: Mapping[str, Any]) -> float:
        return self.limit * cell["deadline"] if self.of_deadline else self.limit

    def value_in(self, cell: Mapping[str, Any]) -> float | None:
        """What the limit is compared with; None where it wasn't measured."""
        value = cell.get(self.metric)
        return value / cell["blocks"] if self.of_blocks and value is not None else value


@dataclass(frozen=True)
class Outcome:
    """What became of one gate.

    Args:
        gate: As written.
        passed: Every cell in its scope held it, and there was at least one.
        checked: Cells it was tried on.
        failures: A line for each cell that failed.
    """

    gate: str
    passed: bool
    checked: int
    failures: tuple[str, ...]


def parse_gate(text: str) -> Gate:
    """A gate from its text.

    Raises:
        UsageError: Anything that isn't in the grammar above; nothing is ever evaluated.
    """
    scope, colon, rule = text.rpartition(":")
    match = _RULE.fullmatch(rule) if len(text) <= 1000 else None
    if match is None:
        raise UsageError(f"The gate '{text[:200]}' can't be understood.", _HELP)
    metric, comparison, factor, deadline, number, unit = match.groups()
    metric = {"p999": "p99.9", "std": "jitter"}.get(metric, metric)
    if metric not in METRICS:
        raise UsageError(f"The gate '{text}' names no metric called '{metric}'.", nearest(metric, METRICS))
    is_time = metric in TIMES
    if is_time and not deadline and unit not in _UNITS:
        raise UsageError(f"The gate '{text}' gives a time no unit.", f"Write {metric}<2ms or {metric}<0.5*deadline.")
    if not is_time and (deadline or unit in _UNITS or (unit == "dB") != (metric in LEVELS) and unit is not None):
        raise UsageError(f"The gate '{text}': {metric} isn't measured in {unit or 'deadlines'}.", _HELP)
    if unit == "%" and metric in _PLAIN:
        raise UsageError(f"The gate '{text}': {metric} is no share of anything.", f"Write {metric}{comparison}{number}.")
    # Divided, not multiplied by 0.01: 7 misses in 100 blocks must be exactly 7 %.
    limit = float(factor or number or 1) / 100 if unit == "%" else float(factor or number or 1) * _UNITS.get(unit or "", 1.0)
    if not math.isfinite(limit):
        raise UsageError(f"The limit in the gate '{text}' is beyond all measure.", _HELP)
    of_blocks = metric == "misses" and unit == "%"
    return Gate(text, metric, comparison, limit, bool(deadline), of_blocks, _scope(scope, text) if colon else {})


def check_gates(gates: Iterable[Gate], cells: Iterable[Mapping[str, Any]]) -> list[Outcome]:
    """Tries every gate on every cell in its scope.

    Args:
        cells: Plain mappings with effect, engine, buffer, deadline (seconds), blocks, neural (bool) and the metrics by name; a
            missing value (None or NaN) fails the gate, except a figure of quality where there is no network to judge.
    """
    cells = list(cells)
    outcomes = []
    for gate in gates:
        scope = [cell for cell in cells if gate.covers(cell) and (cell["neural"] or gate.metric not in QUALITY)]
        failures = [_failure(gate, cell) for cell in scope if not _holds(gate, cell)]
        if not scope:
            failures = ["no cell of this run is in its scope"]
        outcomes.append(Outcome(gate.text, not failures, len(scope), tuple(failures)))
    return outcomes


def _holds(gate: Gate, cell: Mapping[str, Any]) -> bool:
    value = gate.value_in(cell)
    return value is not None and _OPERATORS[gate.comparison](value, gate.limit_for(cell))


def _failure(gate: Gate, cell: Mapping[str, Any]) -> str:
    where = f"{cell['effect']}/{cell['engine']} at {cell['buffer']}"
    value = gate.value_in(cell)
    if value is None:
        return f"{where}: {gate.metric} wasn't measured" + (" (it needs over 10000 blocks)" if gate.metric == "p99.9" else "")
    return f"{where}: {gate.metric} = {_shown(gate, value)}, limit {_shown(gate, gate.limit_for(cell))}"


def _shown(gate: Gate, value: float) -> str:
    if gate.metric in TIMES:
        return f"{value * 1e6:.4g} us"
    if gate.of_blocks:
        return f"{100 * value:.4g} % of the blocks"
    return f"{value:.4g}" + (" dB" if gate.metric in LEVELS else "")


def _scope(text: str, gate: str) -> dict[str, str]:
    text = text.strip()
    if "=" in text:
        where = {}
        for part in text.split(","):
            key, equals, value = (item.strip() for item in part.partition("="))
            if key not in ("effect", "engine", "buffer") or not equals or not value:
                hint = "The filters are effect=, engine= and buffer=."
                raise UsageError(f"The gate '{gate}' is confined by '{part.strip()}'.", hint)
            where[key] = value
        return where
    effect, slash, engine = text.rpartition("/")
    if slash and engine in (*all_engines(), "*"):
        where = {"effect": effect, "engine": engine}
    elif text in all_engines():
        where = {"engine": text}
    else:
        where = {"effect": text}
    if not all(where.values()):
        raise UsageError(f"The gate '{gate}' has an empty filter.", _HELP)
    return {key: value for key, value in where.items() if value != "*"}
