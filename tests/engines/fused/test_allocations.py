"""The fused engine allocates nothing while it plays: counted by the C library's own allocator, and by tracemalloc.

The counter stands in front of malloc (LD_PRELOAD) in a process of its own, in which networks play 1,000 blocks of changing size.
"""

import os
import subprocess
import sys

PLAY = """
import ctypes, gc, sys, tracemalloc
import numpy as np
from fxlab.effects.params import Param
from fxlab.engines.loader import processor_of
from fxlab.models.controls import Control
from fxlab.models.model import Model, describe
from fxlab.models.registry import architecture

counter = ctypes.CDLL(sys.argv[1]).allocations
counter.restype = ctypes.c_long
rng = np.random.default_rng(0)
before = counter()
ctypes.CDLL(None).malloc(100)
assert counter() > before, "the counter doesn't count"
knobs = [Control(Param(name, 0.5, 0, 1, "", "")).to_json() for name in ("a", "b", "c")]
plain = [("tcn", "standard", 0), ("tcn", "nano", 0), ("lstm", "16", 0), ("gru", "16", 0)]
for kind, size, count in plain + [("tcn", "nano", 3), ("gru", "16", 3)]:
    config = architecture(kind).config(size).with_controls(count)
    weights = {k: np.asarray(0.1 * rng.standard_normal(s), np.float32) for k, s in config.weight_shapes().items()}
    card = {"model": describe(config), "sample_rate_hz": 48000, "latency": 0, "receptive_field": config.receptive_field}
    card["controls"] = knobs[:count]
    processor = processor_of(Model(config, weights, card), "fused")
    processor.prepare(48000, 2, 512)
    blocks = [np.asarray(rng.uniform(-1, 1, (2, n)), np.float32) for n in (1, 17, 64, 128, 512)]
    pairs = [(block, np.empty_like(block)) for block in blocks] * 200
    process = processor.process

    # A move takes 960 frames, some 7 blocks: now knobs move, now they stand.
    turns = [count and i % 30 == 0 for i in range(len(pairs))]

    def turn(now):
        if now:
            processor.set(a=rng.random(), b=rng.random())

    for pair, now in zip(pairs[:100], turns):
        turn(now)
        process(*pair)
    gc.collect()
    gc.disable()
    counted = 0
    for (block, out), now in zip(pairs, turns):
        turn(now)
        before = counter()
        process(block, out)
        counted += counter() - before
    tracemalloc.start()
    for (block, out), now in zip(pairs[:100], turns):
        turn(now)
        process(block, out)
    held = tracemalloc.get_traced_memory()[0]
    for (block, out), now in zip(pairs, turns):
        turn(now)
        process(block, out)
    grown = tracemalloc.get_traced_memory()[0] - held
    tracemalloc.stop()
    gc.enable()
    print(kind, f"{size}+{count}", len(pairs), counted, grown)
"""


def test_no_allocation_in_1000_blocks(malloc_counter):
    environment = os.environ | {"LD_PRELOAD": malloc_counter}
    done = subprocess.run(
        [sys.executable, "-c", PLAY, malloc_counter], env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert len(rows) == 6
    for kind, size, blocks, counted, grown in rows:
        assert int(blocks) == 1000 and int(counted) == 0, f"{kind}-{size}: {counted} calls of malloc in {blocks} blocks"
        # Where knobs are set meanwhile, Python keeps some of the small objects that this takes.
        assert int(grown) <= (0 if size.endswith("+0") else 16_384), f"{kind}-{size}: {grown} bytes more after {blocks} blocks"
