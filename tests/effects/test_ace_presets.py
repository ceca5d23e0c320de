"""The presets of ACE do what they are named for, about as loud as what comes in."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from fxlab import profiles
from fxlab.audio.loudness import integrated_lufs
from fxlab.effects.processor import apply
from fxlab.effects.registry import effect
from fxlab.metrics.contrast import contrast

RATE = 32_000
PRESETS = ("gentle", "original", "sharp", "speech", "sustain", "transients")


@functools.cache
def sound():
    """Syllables: a sawtooth through three formants, consonants of noise, a soft background."""
    rng = np.random.default_rng(0)
    time_s = np.arange(2 * RATE) / RATE
    pitch = 130 * (1 + 0.1 * np.sin(2 * np.pi * 1.3 * time_s))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    formants = ((600, 1.0), (1500, 0.4), (2700, 0.2))
    gains = [sum(g / (1 + ((130 * n - f) / 80) ** 2) ** 0.5 for f, g in formants) for n in range(1, 40)]
    voice = sum(g * np.sin(n * phase) for n, g in enumerate(gains, 1))
    place = time_s * 4 % 1
    consonants = rng.standard_normal(len(time_s)) * np.exp(-place * 30)
    x = 0.1 * voice * (place > 0.1) * np.exp(-2 * place) + 0.05 * consonants + 0.002 * rng.standard_normal(len(time_s))
    return x.astype(np.float32)


@functools.cache
def played(preset):
    (stage,) = profiles.load(f"ace-{preset}").effects
    assert stage.name == "ace" and stage.engine == "auto" and "bands" not in stage.set
    processor = effect("ace").processor(**stage.set)
    wet = apply(processor, np.pad(sound(), (0, 2000)), RATE)
    return wet[processor.latency :][: len(sound())]


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_about_as_loud_as_its_input(preset):
    assert integrated_lufs(played(preset)[None], RATE) == pytest.approx(integrated_lufs(sound()[None], RATE), abs=2.5)
    assert np.abs(played(preset)).max() < 2 * np.abs(sound()).max()


@pytest.mark.parametrize(
    ("preset", "least_db"), [("gentle", 0.3), ("speech", 0.5), ("sustain", 0.3), ("original", 1), ("sharp", 1.5)]
)
def test_spectral_contrast_grows(preset, least_db):
    assert contrast(played(preset), RATE).spectral > contrast(sound(), RATE).spectral + least_db


def test_transients_come_forward_and_notes_ring_on():
    before = contrast(sound(), RATE).temporal
    assert contrast(played("transients"), RATE).temporal > before + 1
    assert contrast(played("sustain"), RATE).temporal < before - 2


def test_every_preset_is_tried_here():
    playing = [name for name in profiles.names() if profiles.load(name).effects]
    assert [name for name in playing if name.startswith("ace-")] == [f"ace-{preset}" for preset in PRESETS]
