"""The rack: both ways to call it play the same, changes and faults are heard as fades, times and events are told truly."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from fxlab.effects.processor import Processor
from fxlab.live.program import Program
from fxlab.live.rack import Rack as ImpatientRack
from fxlab.live.rack_kernel import COMING, CURRENT, enter, finish, leave
from fxlab.live.records import XRUN
from fxlab.live.rings import Ring
from fxlab.metrics.latency import percentiles_s

_spec = importlib.util.spec_from_file_location("fxlab_tests_racks", Path(__file__).with_name("racks.py"))
racks = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(racks)
BLOCK, FADE, RATE, WAYS, Rack = racks.BLOCK, racks.FADE, racks.RATE, racks.WAYS, racks.Rack
linux, native, play, portable, program, roughness, sine = (
    getattr(racks, name) for name in ("linux", "native", "play", "portable", "program", "roughness", "sine")
)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("chain", [[("saturator", {})], [("eq", {"peak2_db": 6}), ("bitcrusher", {"rate_hz": 11_025})]])
def test_it_plays_what_the_chain_plays(way, chain):
    audio = np.stack([sine(6000), sine(6000, 313.0, 0.2)])
    rack = Rack(2, 2, 2, RATE, BLOCK, program(*chain, channels=2))
    expected = program(*chain, channels=2)
    found = play(way(rack), rack, audio, [128, 77, 100])
    whole = np.empty_like(audio)
    for start in range(0, 6000, BLOCK):
        piece = np.ascontiguousarray(audio[:, start : start + BLOCK])
        wet = np.empty_like(piece)
        expected.chain.process(piece, wet)
        whole[:, start : start + BLOCK] = wet
    assert np.abs(found - whole).max() < 1e-6
    assert rack["position"] == 6000 and rack["faults"] == 0


@linux
def test_the_compiled_callback_allocates_nothing():
    from numba.core.runtime import _nrt_python, rtsys

    _nrt_python.memsys_enable_stats()
    rack = Rack(1, 2, 2, RATE, BLOCK, program(("saturator", {"oversample": 2}), ("convolver", {})))
    call, source, target = native(rack), np.zeros(2 * BLOCK, np.float32), np.zeros(2 * BLOCK, np.float32)
    call(source, target, BLOCK)
    before = rtsys.get_allocation_stats().alloc
    for turn in range(50):
        if turn == 10:
            rack.load(program())
        during = rtsys.get_allocation_stats().alloc
        call(source, target, BLOCK)
        assert rtsys.get_allocation_stats().alloc == during
    assert before >= 0 and rack["current"] == rack.program.address


@linux
def test_a_driver_that_was_given_up_plays_no_more():
    from fxlab.live.rack_native import callback

    rack, gate = Rack(1, 1, 1, RATE, BLOCK, program()), np.zeros(1, np.int64)
    assert callback.ctypes(0, 0, BLOCK, 0, 0, gate.ctypes.data) == 2 and rack["blocks"] == 0


@linux
def test_the_round_trip_is_what_the_driver_says():
    from fxlab.live.rack_native import callback

    rack, times = Rack(1, 1, 1, RATE, BLOCK, program()), np.array([10.0, 10.01, 10.025])
    gate, block = np.array([rack.address]), np.zeros(BLOCK, np.float32)
    for source, target in ((0, block.ctypes.data), (block.ctypes.data, 0)):
        callback.ctypes(source, target, BLOCK, times.ctypes.data, 0, gate.ctypes.data)
        assert rack["trip_s"] == 0
    for _ in range(2000):
        callback.ctypes(block.ctypes.data, block.ctypes.data, BLOCK, times.ctypes.data, 0, gate.ctypes.data)
    assert rack["trip_s"] == pytest.approx(0.025, rel=0.01)
    rack.begin_again()
    assert rack["trip_s"] == 0


@linux
def test_blocks_longer_than_expected_are_cut():
    rack = Rack(1, 1, 2, RATE, 64, program(block=64))
    audio = sine(1000)[None]
    found = play(native(rack), rack, audio, [1000])
    assert np.array_equal(found, np.concatenate([audio, audio]))
    assert rack["blocks"] == 16


@pytest.mark.parametrize("way", WAYS)
def test_channels_are_repeated(way):
    rack = Rack(3, 2, 4, RATE, BLOCK, program(channels=3))
    audio = np.stack([sine(256), sine(256, 300)])
    found = play(way(rack), rack, audio, [128])
    assert np.array_equal(found, audio[[0, 1, 0, 0]])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("oversample", [1, 4])
def test_bypass_neither_clicks_nor_moves_the_sound(way, oversample):
    wet = program(("saturator", {"oversample": oversample}))
    dry = program(latency=wet.latency)
    rack = Rack(1, 1, 1, RATE, BLOCK, wet)
    audio = sine(RATE // 2, 200.0)[None]

    def between(position):
        if position == 40 * BLOCK:
            rack.load(dry)
        if position == 120 * BLOCK:
            rack.load(wet)

    found = play(way(rack), rack, audio, [BLOCK], between)[0]
    steady = play(
        way(rack2 := Rack(1, 1, 1, RATE, BLOCK, program(("saturator", {"oversample": oversample})))), rack2, audio, [BLOCK]
    )
    assert roughness(found) < 1.1 * max(roughness(steady[0, 2000:]), roughness(audio[0]))
    middle = slice(40 * BLOCK + FADE, 120 * BLOCK)
    late = np.concatenate([np.zeros(wet.latency, np.float32), audio[0]])[: len(found)]
    assert np.array_equal(found[middle], late[middle])
    assert np.abs(found[-4 * BLOCK :] - steady[0, -4 * BLOCK :]).max() < 1e-3


@pytest.mark.parametrize("way", WAYS)
def test_a_change_is_a_fade_without_corners_between_two_sounds(way):
    rack = Rack(1, 1, 1, RATE, BLOCK, program())
    half = program(gain_db=20 * np.log10(0.5))
    audio = np.ones((1, 40 * BLOCK), np.float32)
    found = play(way(rack), rack, audio, [BLOCK], lambda position: rack.load(half) if position == 10 * BLOCK else None)[0]
    fade = found[10 * BLOCK : 10 * BLOCK + FADE]
    t = np.arange(1, FADE + 1) / FADE
    assert np.allclose(fade, 1 - 0.5 * (3 * t**2 - 2 * t**3), atol=1e-6)
    assert np.allclose(found[10 * BLOCK + FADE :], 0.5, atol=1e-6)


@pytest.mark.parametrize("way", WAYS)
def test_a_program_of_the_same_kind_goes_on_where_the_other_stands(way):
    """With the same parameters nothing at all may be heard of the change, however often it comes."""
    chain = [("saturator", {"oversample": 2, "antialias": "adaa1"}), ("eq", {"peak1_db": 9}), ("convolver", {})]
    rack = Rack(1, 1, 1, RATE, BLOCK, program(*chain))
    audio = sine(RATE // 2, 110.0)[None]
    changes = iter([program(*chain) for _ in range(5)])

    def between(position):
        if position and position % (20 * BLOCK) == 0 and (following := next(changes, None)):
            rack.load(following)

    found = play(way(rack), rack, audio, [BLOCK], between)
    undisturbed = Rack(1, 1, 1, RATE, BLOCK, program(*chain))
    assert np.abs(found - play(way(undisturbed), undisturbed, audio, [BLOCK])).max() < 1e-6


@pytest.mark.parametrize("way", WAYS)
def test_a_sweep_in_many_steps_makes_no_zipper(way):
    """A filter swept through ten settings: energy off the sine's own frequency stays where a single slow fade puts it."""
    cutoffs = np.geomspace(500, 8000, 40)
    rack = Rack(1, 1, 1, RATE, BLOCK, program(("eq", {"lowpass_hz": 400})))
    audio = sine(RATE, 1000.0)[None]
    steps = iter([program(("eq", {"lowpass_hz": float(hz)})) for hz in cutoffs])

    def between(position):
        if position > 4000 and position % (8 * BLOCK) == 0 and (following := next(steps, None)):
            rack.load(following)

    found = play(way(rack), rack, audio, [BLOCK], between)[0][4000:]
    spectrum = np.abs(np.fft.rfft(found * np.blackman(len(found))))
    hz = np.fft.rfftfreq(len(found), 1 / RATE)
    assert spectrum[np.abs(hz - 1000) > 300].max() < 10 ** (-70 / 20) * spectrum.max()


@pytest.mark.parametrize("way", WAYS)
def test_later_programs_replace_those_that_wait(way):
    rack = Rack(1, 1, 1, RATE, BLOCK, program())
    waiting = [program(gain_db=-gain) for gain in (1, 2, 3, 6)]

    def between(position):
        if position == BLOCK:
            for one in waiting:
                rack.load(one)

    found = play(way(rack), rack, np.ones((1, 30 * BLOCK), np.float32), [BLOCK], between)[0]
    assert found[-1] == pytest.approx(10 ** (-6 / 20))
    assert found.min() >= 10 ** (-6 / 20) - 1e-6


class Failing(Processor):
    """Halves the sound; raises, or makes not-a-number, in some of its blocks."""

    def __init__(self, bad, raises):
        super().__init__()
        self.bad, self.raises, self.blocks = bad, raises, -1

    def _allocate(self):
        pass

    def _run(self, block, out):
        self.blocks += 1
        out[:] = 0.5 * block
        if self.blocks in self.bad:
            if self.raises:
                raise ZeroDivisionError("as ordered")
            out[0, 3] = np.nan


@pytest.mark.parametrize("raises", [True, False])
def test_a_processor_that_fails_is_replaced_by_the_dry_signal_and_gets_another_chance(raises):
    failing = Failing({30}, raises)
    rack = Rack(1, 1, 1, RATE, BLOCK, Program([failing], ["failing"], RATE, 1, BLOCK))
    audio = sine(RATE // 2, 150.0)[None]
    found = play(portable(rack), rack, audio, [BLOCK])[0]
    assert np.isfinite(found).all()
    assert roughness(found) < 1.1 * roughness(audio[0])
    start = 28 * BLOCK  # `prepare` played two blocks before
    assert np.allclose(found[start + FADE : start + 4 * FADE], audio[0, start + FADE : start + 4 * FADE])
    assert np.allclose(found[-4000:], 0.5 * audio[0, -4000:])
    assert rack["faults"] == 1
    assert ("ZeroDivisionError: as ordered" in rack.problem) == raises


def test_the_more_it_fails_the_longer_it_rests():
    failing = Failing(set(range(2, 10_000)), True)
    rack = Rack(1, 1, 1, RATE, BLOCK, Program([failing], ["failing"], RATE, 1, BLOCK))
    audio = sine(6 * RATE)[None]
    found = play(portable(rack), rack, audio, [BLOCK])[0]
    assert 4 <= rack["faults"] <= 7  # rests of 0.1, 0.2, 0.4, 0.8, 1.6 and 2 s
    assert np.allclose(found, audio[0], atol=1e-6)


def test_a_change_ends_a_rest():
    failing = Failing({5}, True)
    rack = Rack(1, 1, 1, RATE, BLOCK, Program([failing], ["failing"], RATE, 1, BLOCK))
    quiet = program(gain_db=-6)
    audio = np.ones((1, 60 * BLOCK), np.float32)
    found = play(portable(rack), rack, audio, [BLOCK], lambda position: rack.load(quiet) if position == 15 * BLOCK else None)[0]
    assert found[-1] == pytest.approx(10 ** (-6 / 20)) and rack["dropped"] == 0


def timed(rack, blocks):
    """Blocks of silence with clocks as told: (begun, due, wall, work) in microseconds; returns those that were dry."""
    dry = []
    for number, (begun, due, wall, work) in enumerate(blocks):
        begun, due, wall, work = (1000 * value for value in (begun, due, wall, work))
        rack._memory["due_ns"] = due
        wanted = enter(rack.address, 0, BLOCK, 0, begun, 0)
        if not wanted & CURRENT:
            dry.append(number)
        leave(rack.address, 0, BLOCK, CURRENT | COMING)
        finish(rack.address, BLOCK, begun + wall, work)
    return dry


ON_TIME = [(1, 1, 0, 0)] * 8
"""The first blocks may take as long as they like."""


def test_who_is_to_blame_for_a_late_block():
    """At 128 frames and 48 kHz the deadline is 2667 us."""
    rack = ImpatientRack(1, 0, 0, RATE, BLOCK, program(("saturator", {})))
    timed(rack, ON_TIME)
    dry = timed(rack, [(1000, 1000, 100, 100), (6500, 3667, 100, 100), (7000, 6333, 2700, 200), (11_000, 9000, 100, 100)])
    assert (rack["late_own"], rack["late_woken"], dry) == (0, 2, [])
    dry = timed(rack, [(20_000, 20_000, 2800, 2700), (23_000, 22_667, 100, 100)])
    assert (rack["late_own"], rack["late_woken"], dry) == (1, 2, [1])
    events = rack.events
    assert [tuple(event)[::2] for event in events] == [(1, 2_933_000), (1, 3_367_000), (0, 2_700_000)]


def test_a_clock_of_cpu_time_that_jumps_blames_nobody():
    """As a virtual machine's does, whose host took time: more CPU time than time can't have been used."""
    rack = ImpatientRack(1, 0, 0, RATE, BLOCK, program(("saturator", {})))
    timed(rack, ON_TIME)
    assert timed(rack, [(1000, 1000, 100, 3000), (3667, 3667, 100, 100)]) == []
    assert (rack["late_own"], rack["longest_work_ns"]) == (0, 100_000)


def test_three_slow_blocks_in_a_row_are_too_many():
    rack = ImpatientRack(1, 0, 0, RATE, BLOCK, program(("saturator", {})))
    woken, slow = [(8000, 5000, 100, 100)], [(5000, 5000, 3000, 100)]
    assert timed(rack, 5 * woken + ON_TIME + 2 * slow + ON_TIME + 2 * slow + woken) == []
    assert timed(rack, 5 * slow) == [3, 4]
    assert rack["late_own"] == 0


def test_times_are_counted_within_a_percent():
    rack = Rack(1, 0, 0, RATE, BLOCK, program())
    took = np.random.default_rng(0).lognormal(4.0, 1.0, 3000).clip(1, 2600).round().astype(int)
    timed(rack, [(3000 * (n + 1), 3000 * (n + 1), int(us), int(us)) for n, us in enumerate(took)])
    for percent, found in zip((50, 99, 99.9), percentiles_s(rack.wall, 50, 99, 99.9), strict=True):
        assert found == pytest.approx(1e-6 * np.percentile(took, percent, method="inverted_cdf"), rel=0.01)
    assert rack["longest_wall_ns"] == 1000 * took.max() and rack["blocks"] == 3000


def test_statistics_begin_anew_when_asked():
    rack = Rack(1, 0, 0, RATE, BLOCK, program())
    timed(rack, [(10_000, 5000, 100, 100)])
    assert rack["late_woken"] == 1
    rack.restart()
    timed(rack, [(20_000, 20_000, 100, 100)])
    assert (rack["late_woken"], rack["blocks"], len(rack.events), int(rack.wall.sum())) == (0, 1, 0, 1)


def test_flags_of_the_device_are_xruns():
    rack = Rack(1, 1, 1, RATE, BLOCK, program())
    silence = np.zeros(BLOCK, np.float32)
    for flags in (0, 4, 0, 2):
        rack.process(silence, silence.copy(), BLOCK, flags)
    assert rack["xruns"] == 2 and [event["value"] for event in rack.events if event["kind"] == XRUN] == [4, 2]


def test_meters_read_what_a_sine_has():
    rack = Rack(2, 2, 2, RATE, BLOCK, program(channels=2, gain_db=-6.0206))
    play(portable(rack), rack, np.stack([sine(2 * RATE, 500, 0.5), np.zeros(2 * RATE, np.float32)]), [BLOCK])
    peaks, powers = rack.meters[0::2], rack.meters[1::2]
    assert np.allclose(20 * np.log10(peaks[:, 0]), [-6.02, -12.04], atol=0.3)
    assert np.allclose(10 * np.log10(powers[:, 0]), [-9.03, -15.05], atol=0.1)
    assert not peaks[:, 1].any() and not powers[:, 1].any()


@pytest.mark.parametrize("way", WAYS)
def test_what_is_no_number_comes_in_as_silence(way):
    rack = Rack(1, 1, 1, RATE, BLOCK, program())
    audio = sine(512)[None].copy()
    audio[0, 100:103] = np.nan, np.inf, -np.inf
    found = play(way(rack), rack, audio, [BLOCK])
    assert np.array_equal(found, np.where(np.isfinite(audio), audio, 0)) and rack["faults"] == 0


@pytest.mark.parametrize("way", WAYS)
def test_feed_and_recording_replace_the_device(way):
    feed, record, returned = Ring(2, 4096), Ring(1, 4096), Ring(1, 4096)
    audio = np.stack([sine(1000), sine(1000, 100)])
    feed.push(audio)
    feed.end()
    rack = Rack(2, 1, 1, RATE, BLOCK, program(channels=2), feed, record, returned)
    heard = np.stack([sine(1280, 77)])
    played = play(way(rack), rack, heard, [BLOCK])
    assert np.array_equal(played[0, :1000], audio[0]) and not played[0, 1000:].any()
    assert np.array_equal(record.pull(5000)[0], played[0])
    assert np.array_equal(returned.pull(5000), heard)
    assert rack["silent"] == 280 and feed.lost == 0 and record.lost == 0
    assert np.array_equal(rack.heard.latest(300)[:, :20], audio[:, 980:])


def test_a_feed_that_comes_too_late_is_an_event():
    feed = Ring(1, 4096)
    feed.push(np.ones((1, 100), np.float32))
    rack = Rack(1, 0, 1, RATE, BLOCK, program(), feed)
    rack.process(None, np.zeros(BLOCK, np.float32), BLOCK)
    assert feed.lost == 28 and rack["silent"] == 0 and list(rack.events["kind"]).count(4) == 1  # others may be late


def test_programs_that_are_done_with_are_let_go(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("fxlab.live.rack.time.monotonic", lambda: now[0])
    rack = Rack(1, 1, 1, RATE, BLOCK, program())
    for _ in range(20):
        rack.load(program())
        play(portable(rack), rack, np.zeros((1, 12 * BLOCK), np.float32), [BLOCK])
        now[0] += 2
    assert len(rack._programs) <= 3
