"""A trained ACE as a profile: the effect `ace` at its learnt parameters, which plays at any rate, adapts, and can be edited."""

from __future__ import annotations

from fxlab.effects.ace import EFFECT
from fxlab.errors import UsageError
from fxlab.models.ace_config import settings_of
from fxlab.models.model import Model, title


def profile_toml(model: Model) -> str:
    """The profile's text, numbers to six digits.

    Raises:
        UsageError: Not an ACE, or one with a gain for every band, which the effect has no parameters for.
    """
    config = model.config
    if config.kind != "ace":
        raise UsageError(
            f"A profile can't hold a network of type '{config.kind}': only an ACE is an effect's parameters.",
            "Export ONNX, and name the file in a profile's [[effects]].",
        )
    if config.single:
        raise UsageError(
            f"A profile can't hold an ACE with {config.bands} single gains: the effect has eight.",
            "Export ONNX, or train a smaller size.",
        )
    values = settings_of(config, model.weights)
    description = f"Contrast enhancement with learnt parameters: {title(model.card)}, trained at {config.sample_rate_hz} Hz"
    lines = [f'description = "{_plain(description)}"', *_rights(model.card), "", "[[effects]]", 'name = "ace"', "[effects.set]"]
    return "\n".join([*lines, *(f"{one.name} = {_value(values[one.name])}" for one in EFFECT.parameters)]) + "\n"


def _rights(card: dict) -> list[str]:
    """Comments with what the card says of its licence and of whose work it is."""
    said = (("Licence", card.get("licence")), ("Attribution", card.get("attribution")))
    return [f"# {name}: {_plain(text)}" for name, text in said if isinstance(text, str) and text.strip()]


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else f"{value:.6g}"


def _plain(text: str) -> str:
    """Text from a card in one line, without what ends a string or a comment."""
    return " ".join("".join(c if c.isprintable() and c not in '"\\' else " " for c in text).split())
