"""What the compiled and the plain ACE share: parameters, design, latency, states."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from fxlab.effects.ace import EFFECT, LEARNABLE
from fxlab.effects.ace.bank import bank_of
from fxlab.effects.ace.design import design
from fxlab.effects.ace.layout import shapes
from fxlab.effects.processor import Processor, State


class AceStream(Processor):
    """Base of the streaming ACEs.

    Args:
        bands_db: Gains of the single bands, (bands,), in place of those of the eight groups.
        parameters: As declared in `fxlab.effects.ace`.
    """

    def __init__(self, *, bands_db: np.ndarray | None = None, **parameters: object) -> None:
        super().__init__()
        self.parameters, self.bands_db = EFFECT.resolve(parameters), bands_db

    def _allocate(self) -> None:
        values = {name: np.float64(value) if name in LEARNABLE else value for name, value in self.parameters.items()}
        self.bank = bank_of(self.sample_rate_hz, values["bands"], values["latency_ms"])
        self.design = design(np, values, self.bank, self.sample_rate_hz, self.bands_db)
        self.latency = self.bank.latency
        self.tail = tail(self.sample_rate_hz, self.parameters)
        self._state = self._states()

    def _states(self) -> State:
        """Everything that survives between blocks, at rest.

        `position` is the number of samples that wait in `waiting` for their interval to be whole, while those of the last one
        leave `ready`.
        """
        kept = {name: np.zeros(shape) for name, shape in shapes(self.bank, self.channels).items()}
        waiting, ready = np.zeros((2, self.channels, self.bank.interval))
        return {"position": np.zeros(1, np.int64), "waiting": waiting, "ready": ready, **kept, "report": np.zeros(5)}

    def remarks(self) -> list[str]:
        intervals, contrast, least, most, transients = self._state["report"].tolist()
        if not (self.parameters["adapt"] and intervals):
            return []
        strengths = f"{contrast / intervals:.2f} ({least:.2f} to {most:.2f})"
        return [f"ace adapted: contrast strengths × {strengths}, transients × {transients / intervals:.2f}"]

    def heritage(self) -> State:
        bands, latency_ms = self.parameters["bands"], self.parameters["latency_ms"]
        of_bands, of_delay = {"bank", "followers", "sum"}, {"sum", "dry_line", "tce"}
        suffix = {name: f"@{bands}" * (name in of_bands) + f"@{latency_ms}" * (name in of_delay) for name in self._state}
        return {name + suffix[name]: array for name, array in self._state.items() if name != "report"}


def tail(sample_rate_hz: int, parameters: Mapping[str, float]) -> int:
    """Samples that an ACE of such parameters rings on."""
    prolonged_s = 2.0 * parameters["dp_decay_s"]  # T60 is 60 dB, a tail ends at -120 dB
    slow = ("gain_smoothing_ms", "ex_smoothing_ms", "tce_decay_ms", "dp_attack_ms")
    slow_s = 14e-3 * max(parameters[name] for name in slow)
    bank = bank_of(sample_rate_hz, parameters["bands"], parameters["latency_ms"])
    return bank.tail + math.ceil((prolonged_s + slow_s) * sample_rate_hz)
