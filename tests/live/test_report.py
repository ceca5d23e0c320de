"""What counts as a gap, with a device and without one."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from fxlab.live.report import Report


@pytest.mark.parametrize("device_out_s, gaps", [(0.01, 1), (0.0, 5)])
def test_a_gap_is_counted_once(device_out_s, gaps):
    """A virtual device that gives up catching up notes a gap, and the blocks that it was late with are counted already."""
    counted = SimpleNamespace(xruns=1, late_own=2, late_woken=3, device_out_s=device_out_s)
    assert Report.gaps.fget(counted) == gaps
