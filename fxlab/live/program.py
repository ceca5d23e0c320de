"""A chain of processors as the rack plays it: prepared, with a gain, and with what it can hand over to its successor."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from fxlab.effects.chain import Chain
from fxlab.effects.processor import Processor
from fxlab.errors import UsageError
from fxlab.kernels.stages import Stage, warm_up
from fxlab.live.records import PROGRAM, STAGE, STATE

LATEST = 1 << 17
"""Frames by which a program may be late; the rack remembers the dry signal for so long."""
_WARM_S = 0.25


class Program:
    """A chain for the rack.

    Args:
        processors: In order, fresh: they belong to the program from here on. None: it plays the dry signal.
        kinds: For each what it is, apart from its parameters: processors of the same kind hand their states over.
        sample_rate_hz: Of the stream.
        channels: Rows of its blocks.
        block: Most frames in a block.
        gain_db: Applied to its output.
        latency: Frames by which the dry signal is late, where there is no processor.

    Attributes:
        address: Of its `PROGRAM` record.
        compiled: Whether it plays without the interpreter.
        latency: Frames by which its output is late.
        wet: float32 (channels * block,), its output, packed for each block.

    Raises:
        UsageError: A processor can't be prepared so, or is too late to be played live.
    """

    def __init__(
        self,
        processors: Sequence[Processor],
        kinds: Sequence[str],
        sample_rate_hz: int,
        channels: int,
        block: int,
        gain_db: float = 0.0,
        latency: int = 0,
    ) -> None:
        self.chain = Chain(list(processors))
        self.chain.prepare(sample_rate_hz, channels, block)
        found = [processor.compiled() for processor in processors]
        self.stages: list[Stage] = [stage for stage in found if stage is not None]
        self.compiled = len(self.stages) == len(found)
        self.latency = self.chain.latency if processors else latency
        if self.latency > LATEST:
            late_s = self.latency / sample_rate_hz
            raise UsageError(f"This would be heard {late_s:.1f} s late: too late to play live.", "`fxlab render` can do it.")
        if self.compiled and self.stages:
            self.wet = self.stages[-1].wet
            fresh = self.chain.state()
            for stage in self.stages:
                warm_up(stage.function, stage.at)
            self.chain.restore(fresh)  # not `reset`, after which a network takes knobs for set before it plays
        else:
            self.wet = np.zeros(channels * block, np.float32)
        self._stages = np.array([(s.function, s.at, s.dry.ctypes.data, s.wet.ctypes.data) for s in self.stages], STAGE)
        self._states, self._kept = self._heritage(processors, kinds)
        self._gain = 10.0 ** (gain_db / 20.0)
        self._record = np.zeros(1, PROGRAM)
        for name, value in {
            "stages": self._stages.ctypes.data,
            "count": len(self._stages) if self.compiled else 0,
            "wet": self.wet.ctypes.data if processors else 0,
            "latency": self.latency,
            "gain": self._gain,
            "warm": min(self.chain.tail, round(_WARM_S * sample_rate_hz)),
            "states": self._states.ctypes.data,
            "state_count": len(self._states),
        }.items():
            self._record[name] = value
        self.address = self._record.ctypes.data
        self._views: dict[int, np.ndarray] = {}

    def play(self, dry: np.ndarray) -> None:
        """Plays a packed block in Python, into `wet`."""
        out = self._views.get(dry.shape[1])
        if out is None:
            out = self._views[dry.shape[1]] = self.wet[: dry.size].reshape(dry.shape)
        self.chain.process(dry, out)

    def spoil(self, spoilt: bool) -> None:
        """Makes its output no numbers, as a processor that fails would, or what it was: to try what the rack does then."""
        self._record["gain"] = np.nan if spoilt else self._gain

    @staticmethod
    def _heritage(processors: Sequence[Processor], kinds: Sequence[str]) -> tuple[np.ndarray, list[np.ndarray]]:
        """Records of the arrays that a successor may take over, and their copies from before they played."""
        records, copies = [], []
        for place, (processor, kind) in enumerate(zip(processors, kinds, strict=True)):
            for name, array in processor.heritage().items():
                meaning = repr((place, kind, name, array.shape, array.dtype.str)).encode()
                tag = int.from_bytes(hashlib.blake2b(meaning, digest_size=7).digest(), "little")
                if array.size:
                    copies.append(array.copy())
                    records.append((tag, array.ctypes.data, array.nbytes, copies[-1].ctypes.data))
        return np.array(records, STATE), copies
