"""What the suite "knobs" found as tables and sentences, and its page."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fxlab.pages.parts import Curves, Line, Page, Part, Table
from fxlab.services.bench.heard import players
from fxlab.services.bench.knobs import Network, Result
from fxlab.services.bench.page import in_words
from fxlab.services.by_setting import settings_table
from fxlab.wording import counted, figure, percent


def of_network(network: Network) -> Table:
    """A network at every setting."""
    return settings_table(f"{network.name}: {network.parameters_count:,} parameters", network.settings)


def verdict(network: Network) -> str:
    """How near it comes, and where least."""
    worst = network.worst
    if len(network.settings) == 1:
        return f"ESR {percent(worst.esr)}: {worst.verdict}."
    at = ", ".join(f"{name} {figure(value)}" for name, value in worst.parameters.items())
    return (
        f"Over {counted(len(network.settings), 'setting')}: ESR {percent(network.median_esr)} in the middle (median), "
        f"{percent(worst.esr)} at worst ({at})."
    )


def takes(result: Result) -> str:
    """What was played."""
    sources = ", ".join(result.sources[:5]) + (f" and {len(result.sources) - 5} more" if len(result.sources) > 5 else "")
    which = "All takes" if result.split == "all" else f"Takes of the {result.split} split"
    return f"{which} of {result.dataset}: {sources}."


def page_of(result: Result, command: str = "") -> Page:
    """The page of a result; `command` is what was typed."""
    about = (("dataset", str(result.dataset)), ("rate", f"{result.sample_rate_hz} Hz"))
    return Page("Bench: networks at every setting", takes(result), command, about, tuple(_parts(result)))


def _parts(result: Result) -> Iterator[Part]:
    yield from players(result.heard, "The longest take of the setting at which a network is worst.")
    yield in_words(f"{network.name}: {verdict(network)}" for network in result.networks)
    knobs = list(result.networks[0].settings[0].parameters)
    if len(knobs) == 1 and len(result.networks[0].settings) > 1:
        lines = [_line(network, knobs[0]) for network in result.networks]
        yield Curves("Error over the knob", knobs[0], "ESR, dB", lines, note="-20 dB are 1 %, -30 dB 0.1 %. Less is better.")
    yield from map(of_network, result.networks)


def _line(network: Network, knob: str) -> Line:
    points = sorted((setting.parameters[knob], setting.esr) for setting in network.settings)
    places, errors = np.array(points, np.float64).T
    return Line(network.name, places, 10 * np.log10(np.maximum(errors, 1e-12)))
