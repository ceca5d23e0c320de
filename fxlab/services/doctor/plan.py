"""What is looked at, in which order."""

from __future__ import annotations

import re

from fxlab import getting
from fxlab.services.doctor.finding import Probe
from fxlab.services.doctor.packages import AGAIN, declared

_ANEW = "pip install --force-reinstall"
_HERE = "fxlab.services.doctor."
_COMPILES_S = 600.0
"""For what may have to be compiled first."""


def plan() -> list[Probe]:
    """All probes. Needs no library but Python's own, and never raises."""
    return [
        Probe("fxlab", "fxlab", f"{_HERE}packages:itself", advice=AGAIN),
        Probe("fxlab", "files", f"{_HERE}files:installed", advice=AGAIN),
        *_packages(),
        Probe("engines", "Numba", f"{_HERE}engines:kernels", limit_s=_COMPILES_S, advice=f"{_ANEW} numba"),
        Probe("engines", "Numba's cache", f"{_HERE}engines:cache"),
        Probe("engines", "fused", f"{_HERE}engines:network", ("fused",), limit_s=_COMPILES_S, advice=AGAIN),
        Probe("engines", "ONNX Runtime", f"{_HERE}engines:network", ("onnx",), advice=f"{_ANEW} onnxruntime"),
        Probe("engines", "torch", f"{_HERE}engines:network", ("torch",), advice=f"{_ANEW} torch"),
        Probe("engines", "CUDA", f"{_HERE}engines:cuda", needed=False),
        Probe("assets", "models", f"{_HERE}files:models", limit_s=_COMPILES_S, advice=AGAIN),
        Probe("assets", "other assets", f"{_HERE}files:others", advice=AGAIN),
        Probe("assets", "profiles", f"{_HERE}files:profiles", advice=AGAIN),
        Probe("assets", "additions", f"{_HERE}files:additions", needed=False),
        Probe("sound", "PortAudio", f"{_HERE}sound:library", needed=False, advice=getting.LIVE),
        Probe("sound", "devices", f"{_HERE}sound:connected", needed=False),
        Probe("sound", "MIDI", f"{_HERE}sound:midi", needed=False, advice=getting.MIDI),
        Probe("sound", "ffmpeg", f"{_HERE}sound:ffmpeg", needed=False, advice=getting.FFMPEG),
        Probe("machine", "processor", f"{_HERE}machine:processor", needed=False),
        Probe("machine", "priority", f"{_HERE}machine:real_time", needed=False),
        Probe("machine", "disk", f"{_HERE}machine:disk", needed=False),
    ]


def _packages() -> list[Probe]:
    try:
        texts = declared()
    except Exception:  # a damaged record of the installation, which its own probe tells about
        return []
    found = []
    for text in texts:
        name = re.split(r"[^\w.-]", text, maxsplit=1)[0]
        found_extra = re.search(r"extra\s*==\s*['\"]([\w-]+)", text)
        extra = found_extra[1] if found_extra else ""
        if extra and extra not in getting.EXTRAS:
            continue  # what tests need
        advice = getting.EXTRAS[extra] if extra else f"{_ANEW} '{text.partition(';')[0].strip()}'"
        given = (text, extra, advice)
        shown = f"{name} ({extra})" if extra else name
        found.append(Probe("packages", shown, f"{_HERE}packages:package", given, needed=not extra, advice=advice))
    return found
