"""An imaginary interface whose output is connected to its input, in place of a player with real devices."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import numpy as np

from fxlab.engines.loader import open_processor
from fxlab.services.live.setup import Setup
from fxlab.services.live.side import Format, Side
from fxlab.settings import EffectSettings

RATE, BLOCK, CHANNELS = 48_000, 256, 2
_SLOW = 1000


class Cable:
    """Plays a rack as fast as its feed allows, each sample coming back `delay` later.

    Args:
        rack: What is played.
        setup: Where.
        delay: In samples, a block at least.
        gain: Of the way.
        noise: RMS of what the inputs hear by themselves.
        gaps: Blocks, by their numbers, before which the device says that it lost something.
        lost_after: Block with which the device disappears, None for never.
        returns: Whether it comes back when it has been looked for three times.
        jumps: Block from which on everything comes as much later again, None for none.
        slow: Takes the time that the first blocks last, for what is told by the clock.
    """

    path, input_latency_s, output_latency_s = "cable", 0.01, 0.01

    def __init__(
        self, rack, setup, delay=700, gain=1.0, noise=0.0, gaps=(), lost_after=None, slow=False, jumps=None, returns=False
    ) -> None:
        assert delay >= BLOCK
        self._rack, self._line = rack, np.zeros((delay, CHANNELS), np.float32)
        self._gain, self._noise, self._gaps, self._lost_after = gain, noise, gaps, lost_after
        self._slow, self._jumps = slow, jumps
        self._stopped, self.state, self._looks = False, "", 3 if returns else None
        self._number = 0
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def tick(self) -> bool:
        if not self.state or self._looks is None:
            return False
        self._looks -= 1
        if self._looks:
            return False
        self.state, self._lost_after = "", None
        self._rack.begin_again()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return True

    def close(self) -> None:
        self._stopped = True
        self._thread.join()

    def _run(self) -> None:
        feed, _, returned = self._rack._rings
        target, rng = np.zeros(BLOCK * CHANNELS, np.float32), np.random.default_rng(0)
        while not self._stopped:
            if (feed.waiting < BLOCK and not feed.ended) or returned.room < BLOCK:
                time.sleep(0.001)
                continue
            if self._slow and self._number == _SLOW:
                time.sleep(_SLOW * BLOCK / RATE)
            if self._number == self._jumps:
                self._line = np.concatenate((np.zeros_like(self._line), self._line))
            if self._number == self._lost_after:
                self.state = "device lost"
                return
            heard = np.float32(self._gain) * self._line[:BLOCK]
            heard = heard + rng.normal(0, self._noise, heard.shape).astype(np.float32) if self._noise else heard
            self._rack.process(np.ascontiguousarray(heard).ravel(), target, BLOCK, 4 if self._number in self._gaps else 0)
            self._line = np.concatenate((self._line[BLOCK:], target.reshape(BLOCK, CHANNELS)))
            self._number += 1


def cable(effects=(), **options):
    """A set-up with such an interface and what opens its player, as `Loop` takes it."""
    chain = [EffectSettings(name) for name in effects]
    form = Format(RATE, CHANNELS, BLOCK, compiled=False)
    side = Side(chain, form, [open_processor(stage.name, stage.set, stage.engine) for stage in chain])
    ends = (SimpleNamespace(name="cable in"), SimpleNamespace(name="cable out"))
    setup = Setup(side, form, *ends, CHANNELS, None, None, *(end.name for end in ends))
    return setup, lambda rack, setup: Cable(rack, setup, **options)
