"""The list of devices: every device has its row, and nothing is wider than the terminal."""

from __future__ import annotations

import io
import json
import types

import pytest
from rich.cells import cell_len
from rich.console import Console

from fxlab.console import output
from fxlab.console.live import devices as live_devices
from fxlab.formats.plain_json import text_of


def device(index, name="USB interface: Audio (hw:1,0)", **changed):
    made = {
        "index": index, "name": name, "host_api": "ALSA", "inputs": 2, "outputs": 2, "default_rate_hz": 44_100.0,
        "low_latency_in_s": 0.0058, "low_latency_out_s": 0.0087, "default_in": False, "default_out": False,
        "rates": (44_100, 48_000, 96_000), "measured_s": None,
    }  # fmt: skip
    return types.SimpleNamespace(**{**made, **changed})


@pytest.fixture
def shown(monkeypatch):
    def text(devices, width=80):
        page = io.StringIO()
        monkeypatch.setattr(output, "out", lambda: Console(file=page, width=width, highlight=False))
        live_devices.show(devices)
        return page.getvalue()

    return text


@pytest.mark.parametrize("width", [60, 80, 140])
def test_all_devices_fit(shown, width):
    devices = [device(0), device(1, "pulse", default_in=True, measured_s=0.0134), device(12, "HDMI", inputs=0, rates=())]
    page = shown(devices, width)
    assert max(map(cell_len, page.splitlines())) <= width
    for words in ("pulse", "HDMI", "*2", "[44.1]", "96", "13.4", "– / 8.7", "5.8 / 8.7"):
        assert words in page


def test_no_round_trip_column_where_none_was_measured(shown):
    assert "trip" not in shown([device(0)]) and "trip" in shown([device(0, measured_s=0.01)])


def test_names_cannot_steer_the_terminal(shown):
    page = shown([device(0, "bad\x1b[2J\nname"), device(1, "[red]plain[/red]")], 120)
    assert "\x1b" not in page and "bad?[2J?name" in page and "[red]plain[/red]" in page


def test_the_document_has_the_same_devices():
    document = json.loads(text_of(live_devices.to_json([device(3), device(4)])))
    assert [one["index"] for one in document["devices"]] == [3, 4]
    assert document["devices"][0] == vars(device(3)) | {"rates": [44_100, 48_000, 96_000]}
