"""A process that plays what it hears and does what it is told on stdin, one word a line; it answers each with a line of JSON.

python player.py native|portable
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
from numba import carray, cfunc, types

from fxlab.audio import portaudio
from fxlab.audio.devices import again, choose
from fxlab.errors import FxlabError
from fxlab.live.streams import NativeStream, Plan, PortableStream

BUFFER, CHANNELS = 128, 2
_block = types.CPointer(types.float32)
blocks = np.zeros(1, np.int64)


@cfunc(types.int32(_block, _block, types.uint64, types.voidptr, types.uint64, types.CPointer(types.int64)))
def copy(dry, wet, frames, times, flags, count):
    source, target = carray(dry, (frames * CHANNELS,)), carray(wet, (frames * CHANNELS,))
    for i in range(frames * CHANNELS):
        target[i] = source[i]
    carray(count, (1,))[0] += 1
    return 0


def copied(block, frames, flags):
    blocks[0] += 1
    return block


class Player:
    def __init__(self, way: str) -> None:
        self._way, self._stream = way, None
        self._devices = choose("default", "input"), choose("default", "output")

    def open(self):
        source, sink = again(self._devices[0], "input"), again(self._devices[1], "output")
        plan = Plan(source, sink, CHANNELS, CHANNELS, 48_000, BUFFER, latency_s=0.05)
        if self._way == "native":
            self._stream = NativeStream(plan, copy.address, blocks.ctypes.data, blocks)
        else:
            self._stream = PortableStream(plan, copied)
        self._stream.start()
        return [self._stream.path, self._stream.input_latency_s, self._stream.output_latency_s]

    def play(self):
        """Whether blocks come; a stream that ends meanwhile (PortAudio gives up on some underruns) is opened again."""
        start, deadline = blocks[0], time.monotonic() + 60
        while blocks[0] < start + 100 and time.monotonic() < deadline:
            time.sleep(0.01)
            if not self._stream.alive:
                self._stream.close()
                self.open()
        return bool(blocks[0] >= start + 100)

    def lost(self):
        """Waits until no blocks come any more; whether the stream still calls itself alive."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            before = blocks[0]
            time.sleep(0.5)
            if blocks[0] == before:
                return self._stream.alive
        return "never"

    def close(self):
        """Whether it went well, whether it took its time, and whether anything hangs."""
        began = time.monotonic()
        well = self._stream.close()
        return [well, time.monotonic() - began < 4, portaudio.hanging()]

    def restart(self):
        self._stream.restart()

    def again(self):
        """Whether a second close does nothing, and the stream knows that it has ended."""
        return [self._stream.close(), self._stream.alive]

    def rescan(self):
        return portaudio.rescan()

    def recover(self):
        """Whether devices could be scanned again, within a while."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if portaudio.rescan():
                return True
            time.sleep(0.05)
        return False


if __name__ == "__main__":
    portaudio.PATIENCE_S = 2.0
    player = Player(sys.argv[1])
    for line in sys.stdin:
        try:
            answer = getattr(player, line.strip())()
        except FxlabError as error:
            answer = [type(error).__name__, error.message, error.hint]
        print(json.dumps(answer), flush=True)
