"""Devices of a real sound server: what is listed, what they can do, and nothing but that on the terminal."""

from __future__ import annotations

import json

import pytest

LIST = """
import json
from fxlab.audio.devices import check_format, choose, devices, supported_rates
from fxlab.errors import FxlabError
print(json.dumps([[d.index, d.name, d.host_api, d.inputs, d.outputs, d.default_in, d.default_out] for d in devices()]))
"""

FORMATS = """
import json
from fxlab.audio.devices import check_format, choose, supported_rates
from fxlab.errors import FxlabError
device = choose("pulse", "input")
print(json.dumps(supported_rates(device, 2, "output")))
check_format(device, 2, 48_000, "input")
check_format(device, 1, 44_100, "output")
for channels, rate in ((2, 300), (99, 48_000), (0, 48_000)):
    try:
        check_format(device, channels, rate, "output")
    except FxlabError as error:
        print(json.dumps([type(error).__name__, error.message, error.hint]))
"""

OPEN = """
import sys
from fxlab.audio.devices import choose
from fxlab.errors import FxlabError
from fxlab.live.streams import NativeStream, Plan, PortableStream
device = choose("pulse", "input")
make = PortableStream if sys.argv[1] == "portable" else lambda plan, callback: NativeStream(plan, 1, 0)
for plan in (Plan(device, device, 2, 2, 300, 128), Plan(None, device, 0, 99, 48_000, 128), Plan(None, None, 2, 2, 48_000, 128)):
    try:
        make(plan, lambda block, frames, flags: b"")
    except FxlabError as error:
        print(type(error).__name__)
"""

FAILING = """
import time
from fxlab.audio.devices import choose
from fxlab.live.streams import Plan, PortableStream
device = choose("pulse", "output")
stream = PortableStream(Plan(None, device, 0, 2, 48_000, 128), lambda block, frames, flags: [][0])
stream.start()
while stream.alive:
    time.sleep(0.01)
print(type(stream.error).__name__, stream.close())
"""


def lines(pulse, script: str, *arguments: str) -> list[str]:
    """What a script prints; nothing else may be on its stderr."""
    done = pulse.python("-c", script, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_list(pulse):
    rows = json.loads(lines(pulse, LIST)[0])
    assert [row[0] for row in rows] == list(range(len(rows)))
    by_name = {row[1]: row[2:] for row in rows}
    for name in ("pulse", "default"):
        api, inputs, outputs, *_ = by_name[name]
        assert api == "ALSA"
        assert min(inputs, outputs) >= 2
    assert sum(row[5] for row in rows) == sum(row[6] for row in rows) == 1


def test_no_sound_server_is_no_device(pulse):
    pulse.kill()
    names = [row[1] for row in json.loads(lines(pulse, LIST)[0])]
    assert "pulse" not in names


def test_what_a_device_can_do(pulse):
    rates, *refused = map(json.loads, lines(pulse, FORMATS))
    assert {44_100, 48_000, 96_000} <= set(rates)
    assert [kind for kind, *_ in refused] == ["UsageError"] * 3
    assert "300 Hz" in refused[0][1]
    assert "48000" in refused[0][2]
    assert "99" in refused[1][1]


@pytest.mark.parametrize("way", ["native", "portable"])
def test_streams_that_cannot_be_opened(pulse, way):
    assert lines(pulse, OPEN, way) == ["UsageError"] * 3


def test_a_failing_python_callback_ends_the_stream(pulse):
    assert lines(pulse, FAILING) == ["IndexError True"]
