"""A stream that never played, for all that shows one."""

from __future__ import annotations

import pytest

from fxlab.live.snapshot import Knob, Level, Snapshot, Times


@pytest.fixture(scope="session")
def playing():
    """A snapshot with something of everything."""
    return Snapshot(
        playing="saturator (numba) > tcn (fused)",
        state="playing",
        trouble=False,
        path="compiled callback",
        source="virtual: clip.flac",
        sink="default",
        priority="real-time priority 70",
        sample_rate_hz=48_000,
        buffer=128,
        channels=2,
        elapsed_s=12.0,
        duration_s=60.0,
        input=(Level(-10.2, -18.0), Level(-11.0, -19.0)),
        output=(Level(-3.0, -12.0), Level(-0.5, -11.0)),
        load=0.08,
        recent=Times(1800, 2.1e-4, 3.1e-4, 4e-4, 5e-4),
        total=Times(4500, 2.1e-4, 3.2e-4, 1e-3, 1.2e-3),
        deadline_s=128 / 48_000,
        device_s=0.0107,
        buffer_s=128 / 48_000,
        processor_s=0.0,
        late_own=0,
        late_woken=2,
        xruns=0,
        faults=0,
        knobs=(
            Knob("drive_db", "12 dB", 0.4, selected=True),
            Knob("mix", "50 %", 0.5),
            Knob("mode", "tube", None, movable=False),
        ),
        bypassed=False,
        twin="tcn twin",
        original="saturator",
        on_twin=False,
        recorded_s=11.9,
        message="drive_db is 12 dB",
    )
