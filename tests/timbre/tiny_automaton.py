"""The tiny automaton that the tests measure: 16 harmonics and 8 noise bands, about 1,200 weights.

`python tests/timbre/tiny_automaton.py` teaches it anew and writes golden/automaton.safetensors.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from fxlab.timbre.automaton_lesson import AutomatonSettings
from fxlab.timbre.automaton_training import train_automaton
from fxlab.timbre.config import InstrumentConfig
from fxlab.timbre.rule import levels_of

FILE = Path(__file__).parent / "golden" / "automaton.safetensors"
CONFIG = InstrumentConfig(harmonics=16, bands=8, channels=8, cell_hidden=24, automaton="grown")
SETTINGS = AutomatonSettings(iterations=3000, batch=16, pool=128)
SEED = 8


def conditions(notes: int = 64) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Levels, pitch and loudness of an invented instrument: falling harmonics, a formant at 1 kHz, half a rate of 6 kHz."""
    midi = np.linspace(48, 84, notes)
    loudness = np.sin(np.arange(notes))
    hertz = 440 * 2 ** ((midi[:, None] - 69) / 12) * np.arange(1, CONFIG.harmonics + 1)
    falling = np.arange(1, CONFIG.harmonics + 1) ** -(1.5 - 0.3 * loudness[:, None])
    harmonics = falling * (1 + 4 * np.exp(-(((hertz - 1000) / 300) ** 2))) * (hertz < 6000)
    noise = 0.02 * np.exp(-np.arange(CONFIG.bands) / 3) * np.ones((notes, 1))
    return levels_of(np.concatenate([harmonics, noise], axis=1), CONFIG.harmonics), (midi - 60) / 24, loudness


def golden() -> dict[str, np.ndarray]:
    """The trained weights."""
    return load_file(FILE)


if __name__ == "__main__":
    save_file(train_automaton(CONFIG, *conditions(), SETTINGS, SEED).weights, FILE)
