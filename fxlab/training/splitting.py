"""Which sources train, which validate, which test: decided by their content, not by their names or order."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from fxlab.errors import UsageError


def assign(hashes: Iterable[str], validation: float, test: float, seed: int) -> dict[str, str]:
    """Splits sources so that the shares are met as closely as whole sources allow.

    Every source gets a place in [0, 1) from its hash and the seed; the order of the places decides. A split with a share
    above 0 gets at least one source where there are three; of two, the second validates (a network can't be chosen without),
    and a single one trains.

    Args:
        hashes: One per source (hexadecimal SHA-256 of its content); equal ones are one source.
        validation: Share for validation, 0 to 1.
        test: Share for testing, 0 to 1.
        seed: Another seed, another split.

    Returns:
        Hash to "train", "validation" or "test".

    Raises:
        UsageError: Nothing would be left for training.
    """
    shares = {"train": 1 - validation - test, "validation": validation, "test": test}
    if shares["train"] < 1e-9:
        raise UsageError(
            f"Shares of {validation:g} for validation and {test:g} for testing leave nothing to train on.",
            "Make them smaller; their sum has to stay below 1.",
        )
    places = sorted(set(hashes), key=lambda content: (_place(content, seed), content))
    wanted = [name for name, share in shares.items() if share > 0]
    counts = {name: 1 if position < len(places) else 0 for position, name in enumerate(wanted)}
    while sum(counts.values()) < len(places):
        counts[max(wanted, key=lambda name: shares[name] * len(places) - counts[name])] += 1
    names = [name for name in ("test", "validation", "train") for _ in range(counts.get(name, 0))]
    return dict(zip(places, names, strict=True))


def _place(content: str, seed: int) -> float:
    """A number in [0, 1), uniform over contents."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{content}".encode()).digest()[:8], "big") / 2**64
