"""The rack against a model of its documented behaviour, written sample by sample, over random changes, faults and block sizes."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from fxlab.effects.processor import Processor
from fxlab.live.program import Program

_spec = importlib.util.spec_from_file_location("fxlab_tests_racks", Path(__file__).with_name("racks.py"))
racks = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(racks)

RATE, BLOCK = 8000, 64
FADE, HOLD, LONGEST, CALM, WARM = RATE // 50, RATE // 10, 2 * RATE, 5 * RATE, RATE // 4


def ease(t):
    t = min(max(t, 0.0), 1.0)
    return 3 * t**2 - 2 * t**3


class Line(Processor):
    """The sound, late and at another level; raises or makes no numbers as soon as it is told to."""

    def __init__(self, late, gain):
        super().__init__()
        self._late, self.gain, self.bad = late, gain, ""

    def _allocate(self):
        self.latency, self.tail = self._late, 10 * RATE
        self._state["line"] = np.zeros((self.channels, self._late), np.float32)

    def _run(self, block, out):
        if self.bad == "raises":
            raise ZeroDivisionError
        both = np.concatenate([self._state["line"], block], axis=1)
        out[:] = np.nan if self.bad else np.float32(self.gain) * both[:, : block.shape[1]]
        self._state["line"][:] = both[:, block.shape[1] :]


@dataclass
class Voice:
    """A program of the model: a kind (0: the dry signal), its delay and gain, and what it has heard."""

    kind: int
    late: int
    gain: float
    memory: list[float] = field(default_factory=list)
    bad: bool = False

    def begin(self):
        self.memory = [0.0] * self.late

    def hear(self, block):
        both = self.memory + list(block)
        self.memory = both[len(block) :]
        return [self.gain * x for x in both[: len(block)]]


class Model:
    """What is heard: one voice; another fading in after it has listened; or the dry signal, where a fault left a step."""

    def __init__(self, voice):
        self.past, self.voice, self.coming, self.next = [], voice, None, None
        self.heard = self.rest = self.left = self.back = self.fading = 0
        self.calm, self.step, self.last, self.faults = CALM, 0.0, 0.0, 0

    def dry(self, voice, at):
        return self.past[at - voice.late] if at >= voice.late else 0.0

    def fault(self):
        self.voice.begin()
        self.faults += 1
        if self.coming:
            self.coming.begin()
            self.voice, self.coming = self.coming, None
        self.rest = min(2 * self.rest, LONGEST) if self.calm < CALM else HOLD
        self.left, self.calm, self.back, self.fading = self.rest, 0, 0, FADE
        return True

    def play(self, block):
        at, stepped = len(self.past), False
        self.past += list(block)
        if self.next and not self.coming:
            voice, self.next = self.next, None
            if voice is not self.voice:
                shared = voice.kind and voice.kind == self.voice.kind
                voice.memory = list(self.voice.memory) if shared else [0.0] * voice.late
                if self.left:
                    self.voice, self.left, self.back, self.fading, stepped = voice, 0, FADE + voice.late, FADE, True
                else:
                    self.coming, self.heard = voice, 0 if shared else -(WARM if voice.kind else 0)
        wet = self.voice.hear(block) if self.voice.kind and not self.left and not self.voice.bad else None
        fresh = self.coming.hear(block) if self.coming and self.coming.kind and not self.coming.bad else None
        if not self.left and self.voice.bad:
            fresh, stepped = None, self.fault()
        elif self.coming and self.coming.bad:
            self.voice, self.coming = self.coming, None
            stepped = self.fault()
        if stepped:
            self.step = self.last - (self.dry(self.voice, at - 1) if at else 0.0)
        out = []
        for i in range(len(block)):
            dry = self.dry(self.voice, at + i)
            own = self.voice.gain * dry if wet is None else wet[i]
            share = 0.0 if self.left else 1.0 - ease((self.back - 1 - i) / FADE)
            heard = share * own + (1 - share) * dry + self.step * ease((self.fading - 1 - i) / FADE)
            if self.coming:
                other = self.coming.gain * self.dry(self.coming, at + i) if fresh is None else fresh[i]
                share = ease((self.heard + i + 1) / FADE)
                heard = (1 - share) * heard + share * other
            out.append(heard)
        n = len(block)
        self.last, self.calm = out[-1], self.calm + n
        self.back, self.fading = max(self.back - n, 0), max(self.fading - n, 0)
        if self.coming:
            self.heard += n
            if self.heard >= FADE:
                self.voice, self.coming = self.coming, None
        if self.left:
            self.left = max(self.left - n, 0)
            self.back = 0 if self.left else FADE + self.voice.late
        return out


VOICES = [(0, 0, 1.0), (0, 30, 1.0), (1, 30, 0.7), (1, 30, 0.9), (2, 7, 0.8)]
"""Of all programs: kind, latency, gain; two that share their state, and the dry signal at two latencies."""


def program_of(kind, late, gain):
    stages = [Line(late, gain)] if kind else []
    return Program(stages, [str(kind)] * len(stages), RATE, 1, BLOCK, latency=late)


@pytest.mark.parametrize("seed", range(12))
def test_it_does_what_its_model_does(seed):
    random = np.random.default_rng(seed)
    programs, voices = [program_of(*voice) for voice in VOICES], [Voice(*voice) for voice in VOICES]
    for voice in voices:
        voice.begin()
    rack, model = racks.ImpatientRack(1, 1, 1, RATE, BLOCK, programs[0], rests=False), Model(voices[0])
    audio = (0.5 * np.sin(2 * np.pi * 60 / RATE * np.arange(3 * RATE))).astype(np.float32)
    at, quiet_from, wanted = 0, 2 * RATE, 0
    change, fault = random.choice([0.01, 0.05, 0.3]), random.choice([0.0, 0.01, 0.05])
    found, expected = [], []
    while at < len(audio):
        n = int(random.integers(1, BLOCK + 1))
        if at < quiet_from and random.random() < change:
            for wanted in random.integers(0, len(programs), random.integers(1, 4)):
                rack.load(programs[wanted])
                model.next = voices[wanted]
        for program, voice in zip(programs, voices, strict=True):
            if voice.kind:
                bad = at < quiet_from and random.random() < fault
                program.chain.processors[0].bad, voice.bad = random.choice(["raises", "nan"]) if bad else "", bad
        block = audio[at : at + n]
        rack.process(block, out := np.full(len(block), np.nan, np.float32), len(block))
        found.append(out)
        expected.append(model.play([float(x) for x in block]))
        at += n
    found, expected = np.concatenate(found), np.concatenate(expected)
    assert rack["faults"] == model.faults
    assert np.abs(found - expected).max() < 1e-5
    # No click: a sine's own steps, and those of every fade that can be on its way at once, between sounds up to 0.5 each.
    assert np.abs(np.diff(found)).max() < 0.5 * 2 * np.pi * 60 / RATE + 3 * 1.5 / FADE
    # Nothing stuck: what was asked for last is what is heard, whole.
    assert rack["current"] == programs[wanted].address and not (rack["next"] or rack["coming"])
    if not rack["dropped"]:
        kind, late, gain = VOICES[wanted]
        assert np.allclose(found[-200:], np.float32(gain) * audio[-200 - late : len(audio) - late], atol=1e-6)
