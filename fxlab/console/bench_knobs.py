"""How `fxlab bench --suite knobs` looks: for every network a table over the settings, and its worst one."""

from __future__ import annotations

from fxlab.console import output
from fxlab.console.tables import counted, duration, figure, percent, table
from fxlab.services.bench_knobs import Network, Result, Setting


def show(result: Result) -> None:
    """A table and a sentence per network."""
    out = output.out()
    sources = ", ".join(result.sources[:5]) + (f" and {len(result.sources) - 5} more" if len(result.sources) > 5 else "")
    for network in result.networks:
        out.print(settings_table(f"{network.name}: {network.parameters_count:,} parameters", network.settings))
        out.print(_verdict(network), markup=False, soft_wrap=True)
        out.print()
    which = "All takes" if result.split == "all" else f"Takes of the {result.split} split"
    output.note(f"{which} of {result.dataset}: {sources}.")


def settings_table(title: str, settings: list[Setting]):
    """A row per setting of the knobs."""
    knobs = list(settings[0].parameters)
    columns = (*knobs, "takes", "length", "ESR", "pre-emphasised ESR", "MR-STFT", "verdict")
    rows = [
        (
            *(figure(setting.parameters[knob]) for knob in knobs),
            setting.takes,
            duration(setting.seconds),
            percent(setting.esr),
            percent(setting.pre_emphasised_esr),
            setting.mr_stft,
            setting.verdict,
        )
        for setting in settings
    ]
    return table(title, columns, rows, numbers=columns[:-1])


def _verdict(network: Network) -> str:
    worst = network.worst
    if len(network.settings) == 1:
        return f"ESR {percent(worst.esr)}: {worst.verdict}."
    at = ", ".join(f"{name} {figure(value)}" for name, value in worst.parameters.items())
    return (
        f"Over {counted(len(network.settings), 'setting')}: ESR {percent(network.median_esr)} in the middle (median), "
        f"{percent(worst.esr)} at worst ({at})."
    )
