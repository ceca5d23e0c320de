"""A sound server for tests that play through real audio streams."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

_spec = importlib.util.spec_from_file_location("fxlab_tests_pulse", Path(__file__).with_name("pulse.py"))
_pulse = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_pulse)


@pytest.fixture
def pulse(tmp_path) -> Iterator[_pulse.Pulse]:
    """A PulseAudio daemon of the test's own (see `pulse.Pulse`); skips the test where there can be none."""
    reason = _pulse.why_not()
    if reason:
        pytest.skip(f"no sound server: {reason}")
    server = _pulse.Pulse(tmp_path)
    try:
        yield server
    finally:
        server.close()
