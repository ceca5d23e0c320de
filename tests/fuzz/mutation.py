"""Hostile versions of valid files: bytes, words and JSON values changed so that what reads them gets far before it notices.

A form is `form(rng, data, other) -> bytes`: one change of `data`, with `other`, another seed, to take parts from. It may give
back `data` where it finds nothing to change.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Sequence
from typing import Any

Form = Callable[[random.Random, bytes, bytes], bytes]

MOST_BYTES = 1 << 18
"""Longer inputs are cut: what they would show, shorter ones show too, and a hundred thousand times sooner."""
NUMBERS = (
    0,
    1,
    -1,
    2,
    3,
    16,
    127,
    128,
    255,
    256,
    65_535,
    65_536,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**32,
    2**53,
    2**63 - 1,
    2**63,
    2**64,
)
_WORDS = "0 -0 1 -1 1e999 -1e999 1e-400 NaN nan inf -inf Infinity 0x10 1_0 9999999999 0.5"
_WORDS += " true false null none [] {} ' \" \\ % : , ; @ = . .. / ~"
WORDS = (
    *_WORDS.split(),
    "",
    " ",
    "\0",
    "\n",
    "\u2028",
    "٣",
    "½",
    "é",
    "\udcff",
    "../../etc/passwd",
    "/etc/passwd",
    "$(id)",
    "`id`",
    "9" * 400,
    "9" * 5000,
)
VALUES: tuple[Any, ...] = (
    *(None, True, False, "", "a", "\0", "../x", "/etc/passwd", "\ud800", "9" * 300, [], {}, [[]], [None], {"": 0}, {"a": {}}),
    *(0, -1, 1, 0.5, -0.0, 1e-310, 1e30, 1e308, float("nan"), float("inf"), float("-inf"), 10**9, 10**18, 2**64, 10**400),
)
_TOKEN = re.compile(rb"[A-Za-z_]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\s+|[^\sA-Za-z_\d]")


def mutate(rng: random.Random, seeds: Sequence[bytes], forms: Sequence[Form]) -> bytes:
    """One of the seeds after one to five changes."""
    data = rng.choice(seeds)
    for _ in range(1 + min(4, int(rng.expovariate(0.7)))):
        data = rng.choice(forms)(rng, data, rng.choice(seeds))[:MOST_BYTES]
    return data


def raw(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """Bytes flipped, lost, doubled, inserted, spliced, cut off, or replaced by an integer that is an edge case."""
    at, kind = rng.randrange(len(data) + 1), rng.randrange(8)
    end = min(len(data), at + int(rng.expovariate(0.1)) + 1)
    if kind == 0:
        return data[:at]
    if kind == 1:
        return data[:at] + data[end:]
    if kind == 2:
        return data[:end] + data[at:end] * rng.choice((1, 1, 2, 50)) + data[end:]
    if kind == 3:
        return data[:at] + rng.randbytes(rng.randrange(1, 9)) + data[at:]
    if kind == 4:
        return data[:at] + other[rng.randrange(len(other) + 1) :]
    if kind == 5:
        return data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
    if kind == 6 and data[at:]:
        return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
    width = rng.choice((1, 2, 4, 8))
    number = (rng.choice(NUMBERS) % (1 << 8 * width)).to_bytes(width, rng.choice(("little", "big")))
    return data[:at] + number + data[at + width :]


def words(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """Words, numbers and signs of a text replaced, lost, doubled, exchanged, put in, or taken from another text."""
    tokens = _TOKEN.findall(data) or [b""]
    at, kind = rng.randrange(len(tokens)), rng.randrange(7)
    if kind == 0:
        tokens[at] = rng.choice(WORDS).encode("utf-8", "surrogatepass")
    elif kind == 1:
        tokens.insert(at, rng.choice(WORDS).encode("utf-8", "surrogatepass"))
    elif kind == 2:
        del tokens[at]
    elif kind == 3:
        tokens.insert(at, rng.choice(tokens) * rng.choice((1, 1, 1, 3, 2000)))
    elif kind == 4:
        to = rng.randrange(len(tokens))
        tokens[at], tokens[to] = tokens[to], tokens[at]
    elif kind == 5:
        tokens[at] = rng.choice(_TOKEN.findall(other) or [b""])
    else:
        tokens[at] = str(rng.choice(NUMBERS)).encode()
    return b"".join(tokens)


def lines(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """Lines lost, doubled, moved or taken from another text."""
    found, others = data.splitlines(True) or [b""], other.splitlines(True) or [b""]
    at, kind = rng.randrange(len(found)), rng.randrange(4)
    if kind == 0:
        del found[at]
    elif kind == 1:
        found.insert(at, rng.choice(found) * rng.choice((1, 1, 1, 100)))
    elif kind == 2:
        found.insert(at, rng.choice(others))
    else:
        rng.shuffle(found)
    return b"".join(found)


def json_lines(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """One line of a file that holds JSON in every line changed as `json_value` does."""
    found, others = data.split(b"\n"), other.split(b"\n")
    at = rng.randrange(len(found))
    found[at] = json_value(rng, found[at], rng.choice(others))
    return b"\n".join(found)


def json_value(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """A value anywhere in a JSON document replaced, lost, renamed, doubled under its key, wrapped deeply, or from another one."""
    try:
        tree = [json.loads(data)]
        others = [json.loads(other)]
    except (ValueError, RecursionError):
        return data
    parent, key = _anywhere(rng, tree)
    kind = rng.randrange(8)
    if kind == 0 and parent is not tree:
        del parent[key]
    elif kind == 1:
        place, name = _anywhere(rng, others)
        parent[key] = place[name]
    elif kind == 2 and isinstance(parent, dict):
        parent[rng.choice(("", "a", "format", "__class__", "\0", f"{key} "))] = parent.pop(key)
    elif kind == 3 and type(parent[key]) in (int, float):
        parent[key] = rng.choice((-parent[key], parent[key] + 1, parent[key] - 1, str(parent[key]), *NUMBERS))
    elif kind == 4 and isinstance(parent[key], list) and parent[key]:
        parent[key] = parent[key] * rng.choice((2, 3, 300)) if len(parent[key]) < 100 else parent[key][:-1]
    elif kind == 5:
        mark, depth = "\x01mark\x01", rng.choice((3, 40, 2000, 100_000))
        parent[key] = mark
        opening, closing = rng.choice((("[", "]"), ('{"a":', "}")))
        return _text(tree[0]).replace(json.dumps(mark), opening * depth + "1" + closing * rng.choice((0, depth)), 1).encode()
    elif kind == 6 and isinstance(parent, dict):
        text = _text(tree[0])
        name = json.dumps(key) + ": "
        return text.replace(name, f"{name}{_text(rng.choice(VALUES))}, {name}", 1).encode("utf-8", "surrogatepass")
    else:
        parent[key] = rng.choice(VALUES)
    return _text(tree[0]).encode("utf-8", "surrogatepass")


def _anywhere(rng: random.Random, tree: list) -> tuple[Any, Any]:
    """A container and a key or index in it; long lists of numbers count as one place."""
    places: list[tuple[Any, Any]] = []
    waiting: list[Any] = [tree]
    while waiting:
        holder = waiting.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder))
        for key in keys if len(holder) < 20 or isinstance(holder, dict) else rng.sample(keys, 5):
            places.append((holder, key))
            if isinstance(holder[key], (dict, list)):
                waiting.append(holder[key])
    return rng.choice(places)


def _text(value: Any) -> str:
    try:
        return json.dumps(value)
    except (ValueError, RecursionError):  # a number of more digits than Python writes down
        return "1" * 5000
