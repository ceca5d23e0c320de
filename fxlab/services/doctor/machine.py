"""What the machine gives: processor, memory, priority, disk."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from pathlib import Path

from fxlab.services.doctor.finding import Finding
from fxlab.wording import counted, size

_TOPIC = "machine"
_LEAST_DISK = 1 << 30
_GOVERNORS = Path("/sys/devices/system/cpu")


def processor() -> list[Finding]:
    """Cores, memory, and how the system sets the clock."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    about = counted(cores, "core")
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        about += f", {size(os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE'))} of memory"
    governors = {file.read_text().strip() for file in _GOVERNORS.glob("cpu[0-9]*/cpufreq/scaling_governor")}
    if "powersave" in governors:
        advice = "To play live with small buffers: sudo cpupower frequency-set -g performance"
        return [Finding(_TOPIC, "processor", "optional", f"{about}; its clock saves power", advice)]
    clock = f"; clock: {', '.join(sorted(governors))}" if governors else ""
    return [Finding(_TOPIC, "processor", "ok", about + clock)]


def real_time() -> list[Finding]:
    """Whether the audio thread may run before all ordinary ones."""
    from fxlab.live.realtime import raise_priority

    said: list[str] = []
    thread = threading.Thread(target=lambda: said.append(raise_priority(threading.get_native_id())))
    thread.start()
    thread.join()
    given = said[0].startswith("real-time")
    advice = "" if given or not hasattr(os, "sched_setscheduler") else _RIGHTS
    return [Finding(_TOPIC, "priority", "ok" if given else "optional", said[0], advice)]


def disk() -> list[Finding]:
    """Room where one is, and where temporary files go."""
    rooms = {folder: shutil.disk_usage(folder).free for folder in dict.fromkeys((os.getcwd(), tempfile.gettempdir()))}
    about = ", ".join(f"{size(free)} free in {folder}" for folder, free in rooms.items())
    if min(rooms.values()) < _LEAST_DISK:
        return [Finding(_TOPIC, "disk", "optional", about, "Free some space: datasets and renderings are large.")]
    return [Finding(_TOPIC, "disk", "ok", about)]


_RIGHTS = (
    "echo '@audio - rtprio 95' | sudo tee /etc/security/limits.d/audio.conf && sudo usermod -aG audio $USER, then log in anew"
)
