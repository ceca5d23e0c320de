"""What the maker of a `.nam` file says about it, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fxlab.console.tables import figure, percent


def nam_rows(about: Mapping[str, Any]) -> list[tuple[str, object]]:
    """Names and values to show; what a trainer notes for itself is left to `--json`."""
    said = about.get("metadata")
    said = said if isinstance(said, dict) else {}
    architecture, part = about.get("architecture"), about.get("submodel")
    rows = [("file format", f"Neural Amp Modeler {about.get('version')}, {architecture}" + (f", network {part}" if part else ""))]
    rows += [(word.replace("_", " "), said.get(word)) for word in ("name", "modeled_by")]
    rows.append(("gear", ", ".join(str(said[key]) for key in ("gear_type", "gear_make", "gear_model") if said.get(key))))
    rows.append(("tone", said.get("tone_type")))
    rows.append(("loudness", _number(said.get("loudness"), "{} dB RMS for Neural Amp Modeler's recording")))
    rows.append(("gain", _number(said.get("gain"), "{} from 0 (clean) to 1 (compressed)")))
    for way in ("input", "output"):
        rows.append((f"{way} level", _number(said.get(f"{way}_level_dbu"), "{} dBu is full scale")))
    rows.append(("made on", _date(said.get("date"))))
    training = said.get("training")
    esr = training.get("validation_esr") if isinstance(training, dict) else None
    rows.append(("validation ESR", percent(esr) if isinstance(esr, float) else None))
    return [(name, value) for name, value in rows if value not in (None, "")]


def _number(value: object, words: str) -> str | None:
    return words.format(figure(value)) if type(value) in (int, float) else None


def _date(value: object) -> str | None:
    parts = [value.get(key) for key in ("year", "month", "day")] if isinstance(value, dict) else [None]
    return "-".join(f"{part:02d}" for part in parts) if all(type(part) is int for part in parts) else None
