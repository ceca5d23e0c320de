"""How `fxlab live --measure-latency` looks."""

from __future__ import annotations

import math

from fxlab.console import output
from fxlab.console.tables import table
from fxlab.services.live.latency import Latency

_STEADY = 1.0  # samples


def show(latency: Latency) -> None:
    """What was measured, beside what the devices say of themselves."""
    found = latency.found
    rows = [
        ("round trip", f"{1000 * latency.seconds:.3f} ms, {found.samples:.2f} samples"),
        ("spread of the bursts", f"{1000 * latency.spread_s:.3f} ms, {found.spread:.2f} samples"),
        ("as PortAudio tells it", f"{1000 * latency.claimed_s:.1f} ms"),
        ("polarity", "kept" if found.polarity > 0 else "inverted"),
        ("gain", f"{found.gain_db:+.2f} dB, into input {found.channel + 1}"),
        ("noise", "none" if math.isinf(found.noise_db) else f"{found.noise_db:.1f} dB of full scale"),
        ("stream", f"{latency.sample_rate_hz} Hz, buffer {latency.buffer}, {latency.path}"),
    ]
    title = f"{latency.sink} to {latency.source}"
    output.out().print(table(title, ("measured", "found"), rows))
    if latency.xruns:
        output.warn(f"{latency.xruns} gaps were reported meanwhile. The bursts agree all the same; a larger --buffer is safer.")
    if found.spread > _STEADY:
        output.warn("The delay moved meanwhile: sound is lost on the way, or two clocks are at work. Try a larger --buffer.")
    if latency.remembered:
        output.note("`fxlab live --list-devices` shows it from now on.")
