"""The measuring itself, on processors that turn a clock of their own: every figure is known beforehand."""

import gc
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fxlab.effects.processor import Processor
from fxlab.metrics.timing import LatencyStats
from fxlab.services.bench import measure as bench_measure
from fxlab.services.bench.measure import MAX_BLOCKS, MIN_BLOCKS, Cell, measure, share_blocks


class FakeClock:
    """Nanoseconds that pass only when a processor says so; every reading itself costs nothing."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now


class FakeProcessor(Processor):
    """Doubles its input in `call_ns + frame_ns * frames` plus whatever `spikes` (block number: ns) says."""

    def __init__(self, clock, call_ns, frame_ns, spikes=None, log=None):
        super().__init__()
        self.clock, self.call_ns, self.frame_ns = clock, call_ns, frame_ns
        self.spikes, self.log, self.count = spikes or {}, log, 0

    def prepare(self, sample_rate_hz: int, channels: int, max_block: int) -> None:
        super().prepare(sample_rate_hz, channels, max_block)
        self.count = 0  # what `prepare` itself plays isn't measured
        if self.log is not None:
            self.log.clear()

    def _allocate(self) -> None:
        self._state["last"] = np.zeros((self.channels, 1), np.float32)

    def _run(self, block: np.ndarray, out: np.ndarray) -> None:
        self.clock.now += self.call_ns + self.frame_ns * block.shape[1] + self.spikes.get(self.count, 0)
        self.count += 1
        if self.log is not None:
            self.log.append(block[0].copy())
        np.multiply(block, 2, out=out)


def prepared(processor, frames=512):
    processor.prepare(48_000, 1, frames)
    return processor


def pooled(cell):
    return np.concatenate(cell.runs_ns)


@pytest.fixture
def audio():
    return np.arange(1, 20_001, dtype=np.float32)[None] / 20_000


def cells_of(clock, audio, speeds, buffers=(64, 512), **extra):
    made = []
    for name, (call, frame) in speeds.items():
        processor = prepared(FakeProcessor(clock, call, frame, **extra))
        made += [Cell(("fake", name, n), processor, audio, n) for n in buffers]
    return made


def test_times_are_the_processors_own(audio):
    clock = FakeClock()
    cells = cells_of(clock, audio, {"quick": (1000, 10), "slow": (200_000, 300)})
    measure(cells, runs=4, budget_s=0.5, clock=clock)
    for cell in cells:
        expected = cell.processor.call_ns + cell.processor.frame_ns * cell.buffer
        assert len(cell.runs_ns) == 4 and pooled(cell).size >= MIN_BLOCKS
        assert np.all(pooled(cell) == expected)
        assert cell.first_ns == expected and np.all(cell.warm_up_ns == expected)


def test_warm_up_is_in_no_statistic(audio):
    clock = FakeClock()
    cold = FakeProcessor(clock, 1000, 0, spikes={0: 50_000_000, 1: 7_000_000})
    cell = Cell(("fake", "cold", 64), prepared(cold), audio, 64)
    measure([cell], runs=2, budget_s=0.01, clock=clock)
    assert cell.first_ns == 50_001_000 and cell.warm_up_ns[1] == 7_001_000
    assert LatencyStats.of(pooled(cell), 64, 48_000).max_s == pytest.approx(1e-6)


def test_a_spike_is_seen_and_counted_once(audio):
    clock = FakeClock()
    processor = prepared(FakeProcessor(clock, 10_000, 0))
    cell = Cell(("fake", "spiky", 64), processor, audio, 64)
    measure([cell], runs=2, budget_s=0.01, clock=clock)
    before = processor.count
    processor.spikes = {before + 600: 5_000_000}
    measure([cell], runs=2, budget_s=0.01, clock=clock)
    stats = LatencyStats.of(pooled(cell), 64, 48_000)
    assert stats.misses == 1 and stats.max_s == pytest.approx(5.01e-3)
    assert stats.p50_s == pytest.approx(1e-5) and stats.mad_s == 0


def test_every_round_has_every_cell_once_in_an_order_of_its_own(audio):
    clock = FakeClock()
    cells = cells_of(clock, audio, {name: (1000, 1) for name in "abcd"})
    orders = measure(cells, runs=12, budget_s=0.01, seed=3, clock=clock)
    assert len(orders) == 12
    assert all(Counter(order) == Counter(cell.key for cell in cells) for order in orders)
    assert len({tuple(order) for order in orders}) > 6
    firsts = Counter(order[0] for order in orders)
    assert len(firsts) > 3, "the same engine would always be first after a pause"
    clock = FakeClock()
    again = measure(cells_of(clock, audio, {name: (1000, 1) for name in "abcd"}), runs=12, budget_s=0.01, seed=3, clock=clock)
    other = measure(cells, runs=12, budget_s=0.01, seed=4, clock=clock)
    assert again == orders != other


def test_drift_of_the_machine_hits_all_alike(audio):
    """A machine that grows ever slower would favour whatever is measured first; in turns, medians stay within a few percent."""

    class Drifting(FakeProcessor):
        def _run(self, block, out):
            super()._run(block, out)
            self.clock.now += int(self.call_ns * self.clock.now / 2e8)

    clock = FakeClock()
    cells = [Cell(("fake", name, 64), prepared(Drifting(clock, 10_000, 0)), audio, 64) for name in "ab"]
    measure(cells, runs=41, budget_s=0.2, clock=clock)
    first, second = (np.median(pooled(cell)) for cell in cells)
    assert first == pytest.approx(second, rel=0.15)
    assert cells[0].runs_ns[-1].mean() > 1.5 * cells[0].runs_ns[0].mean()


def test_blocks_are_whole_contiguous_pieces_of_the_audio(audio):
    clock, log = FakeClock(), []
    cell = Cell(("fake", "log", 300), prepared(FakeProcessor(clock, 100_000, 0, log=log)), audio, 300)
    measure([cell], runs=3, budget_s=0.05, clock=clock)
    pieces = {audio[0, i * 300 : (i + 1) * 300].tobytes() for i in range(66)}
    assert {block.tobytes() for block in log} <= pieces
    steps = [(b[0] - a[0]) * 20_000 for a, b in zip(log, log[1:], strict=False)]
    assert sum(round(step) == 300 for step in steps) > 0.9 * len(steps)


def test_short_audio_is_repeated():
    clock, log = FakeClock(), []
    audio = np.array([[1, 2, 3]], np.float32)
    cell = Cell(("fake", "short", 7), prepared(FakeProcessor(clock, 1000, 0, log=log)), audio, 7)
    measure([cell], runs=1, budget_s=0.001, clock=clock)
    assert log[0].tolist() == [1, 2, 3, 1, 2, 3, 1]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(1e-7, 1e-2), min_size=1, max_size=30), st.integers(1, 200), st.floats(0.1, 100))
def test_budget_is_shared_fairly(block_s, runs, budget_s):
    counts = share_blocks(block_s, runs, budget_s)
    low = share_blocks(block_s, runs, 0)
    assert all(count * runs >= MIN_BLOCKS for count in low)
    assert all(a <= b and b * runs <= max(MAX_BLOCKS + runs, a * runs) for a, b in zip(low, counts, strict=True))
    spent = sum(count * runs * s for count, s in zip(counts, block_s, strict=True))
    floor = sum(count * runs * s for count, s in zip(low, block_s, strict=True))
    assert spent <= budget_s + floor
    # Whoever got less than the most allowed got at least an equal share of the time, to the block.
    for count, s in zip(counts, block_s, strict=True):
        if count * runs < MAX_BLOCKS:
            assert (count + 1) * s * runs * 1.06 >= min(budget_s, budget_s - floor) / len(block_s)


def test_a_machine_that_turns_slow_gets_less_to_do(audio):
    """Twenty times slower after the warm-up: the budget is kept, with never fewer blocks than mean something."""
    clock = FakeClock()
    processor = prepared(FakeProcessor(clock, 10_000, 0))
    cell = Cell(("fake", "slow", 64), processor, audio, 64)
    processor.spikes = {count: 190_000 for count in range(256, 10**6)}
    measure([cell], runs=20, budget_s=1.0, clock=clock)
    assert clock.now * 1e-9 < 2.5, "20 s if it went by the warm-up alone"
    assert len(cell.runs_ns) == 20 and pooled(cell).size >= MIN_BLOCKS
    assert len(cell.runs_ns[-1]) < len(cell.runs_ns[0])


@pytest.mark.parametrize("collect", [False, True])
@pytest.mark.parametrize("before", [False, True])
def test_garbage_collector_is_as_asked_and_restored(audio, collect, before):
    seen = []

    class Watching(FakeProcessor):
        def _run(self, block, out):
            super()._run(block, out)
            seen.append(gc.isenabled())

    clock = FakeClock()
    was = gc.isenabled()
    try:
        (gc.enable if before else gc.disable)()
        cell = Cell(("f", "w", 64), prepared(Watching(clock, 9000, 0)), audio, 64)
        seen.clear()
        measure([cell], 1, 0.001, 0, collect, clock)
        assert set(seen) == {collect} and gc.isenabled() == before and gc.get_freeze_count() == 0
    finally:
        (gc.enable if was else gc.disable)()


def test_collector_is_restored_when_a_processor_fails(audio):
    class Broken(FakeProcessor):
        def _run(self, block, out):
            super()._run(block, out)
            if self.count == 10:
                raise RuntimeError("broken")

    was, clock = gc.isenabled(), FakeClock()
    cell = Cell(("f", "b", 64), prepared(Broken(clock, 9000, 0)), audio, 64)
    with pytest.raises(RuntimeError, match="broken"):
        measure([cell], 1, 0.001, clock=clock)
    assert gc.isenabled() == was and gc.get_freeze_count() == 0


def test_timed_loop_allocates_nothing_that_lasts(audio):
    """Whatever a timed block leaves behind would show up as growth over many blocks."""
    import tracemalloc

    blocks = [audio[:, :64]] * 2000
    out, times = np.empty((1, 64), np.float32), np.zeros(2000, np.int64)
    clock = FakeClock()
    process = prepared(FakeProcessor(clock, 5, 0)).process
    bench_measure._time_blocks(process, blocks, out, times, clock)
    for _ in range(3):  # a thread that tells of other tests allocates in this process too
        gc.collect()
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            bench_measure._time_blocks(process, blocks, out, times, clock)
            grown = tracemalloc.get_traced_memory()[0] - before
        finally:
            tracemalloc.stop()
        if grown < 2000:
            break
    assert grown < 2000


def test_progress_reaches_its_total(audio):
    clock, calls = FakeClock(), []
    cells = cells_of(clock, audio, {"a": (1000, 1), "b": (9000, 1)})
    measure(cells, 3, 0.05, clock=clock, progress=lambda task, done, total, **fields: calls.append((done, total)))
    assert len(calls) == 3 * len(cells) + 1
    assert all(a[0] < b[0] for a, b in zip(calls, calls[1:], strict=False)) and calls[-1][0] == pytest.approx(calls[-1][1])
