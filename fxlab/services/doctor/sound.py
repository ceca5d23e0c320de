"""What `live` needs, and what other verbs make use of."""

from __future__ import annotations

import shutil
import subprocess

from fxlab import getting
from fxlab.errors import FxlabError
from fxlab.services.doctor.finding import Finding, State
from fxlab.wording import counted

_TOPIC = "sound"


def library() -> list[Finding]:
    """PortAudio, and whether it can call compiled code."""
    from fxlab.audio import portaudio
    from fxlab.audio.portaudio_c import native_available

    try:
        version = portaudio.module().get_portaudio_version_text().partition(",")[0]
        portaudio.manager()
    except FxlabError as error:
        return [_missing("PortAudio", error)]
    why_not = native_available()
    return [
        Finding(_TOPIC, "PortAudio", "ok", f"{version}; " + (f"Python callback ({why_not})" if why_not else "compiled callback"))
    ]


def connected() -> list[Finding]:
    """The sound devices."""
    from fxlab.audio.devices import choose, devices

    findings = []
    try:
        found = devices()
        for kind in ("input", "output"):
            chosen = choose(None, kind, found)
            about = f"{chosen.name} ({chosen.host_api}), {counted(chosen.channels(kind), 'channel')}"
            findings.append(Finding(_TOPIC, kind, "ok", f"{about}, {chosen.default_rate_hz} Hz"))
    except FxlabError as error:
        findings.append(_missing("devices", error))
    return findings


def midi() -> list[Finding]:
    """The MIDI inputs."""
    from fxlab.services.live.midi import ports

    try:
        found = ports()
    except FxlabError as error:
        return [_missing("MIDI", error)]
    state: State = "ok" if found else "optional"
    advice = "" if found else "Plug a controller in."
    return [Finding(_TOPIC, "MIDI", state, ", ".join(found) or "no port", advice)]


def ffmpeg() -> list[Finding]:
    """ffmpeg, which `master` tries lossy codecs with."""
    from fxlab.audio.codecs import CODECS, encoders_of

    program = shutil.which("ffmpeg")
    if program is None:
        return [Finding(_TOPIC, "ffmpeg", "optional", "not there: `master` can't try lossy codecs", getting.FFMPEG)]
    said = subprocess.run([program, "-version"], stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout
    version = (said.split() + ["?"] * 3)[2]
    lacking = [name for name, codec in CODECS.items() if codec.encoder not in encoders_of(program)]
    able = ", ".join(name for name in CODECS if name not in lacking)
    if lacking:
        found = f"{version} encodes {able or 'nothing'}, not {', '.join(lacking)}"
        return [Finding(_TOPIC, "ffmpeg", "optional", found, getting.FFMPEG)]
    return [Finding(_TOPIC, "ffmpeg", "ok", f"{version} encodes {able}")]


def _missing(name: str, error: FxlabError) -> Finding:
    return Finding(_TOPIC, name, "optional", error.message, error.hint)
