"""The machine that was measured on: a timing without it says nothing."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

import fxlab

PACKAGES = ("numpy", "numba", "torch", "onnxruntime")


@dataclass(frozen=True)
class Machine:
    """CPU, system and versions.

    Args:
        cpu: Model name as the system gives it.
        cores: Logical cores this process may use.
        governor: Frequency governor of the first core, None where the system doesn't tell.
        memory_bytes: Physical memory, None where the system doesn't tell.
        system: Operating system and its release.
        python: Version of the interpreter.
        versions: Package to installed version.
        load: Load average of the last minute when the bench began, None where there is none.
    """

    cpu: str
    cores: int
    governor: str | None
    memory_bytes: int | None
    system: str
    python: str
    versions: dict[str, str]
    load: float | None

    def to_json(self) -> dict:
        return asdict(self)


def describe() -> Machine:
    """The machine this runs on."""
    return Machine(
        cpu=_cpu(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        governor=_first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        memory_bytes=_memory(),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        versions={"fxlab": fxlab.__version__} | {name: version for name in PACKAGES if (version := _version(name))},
        load=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    )


def stolen_s() -> float | None:
    """Time, over all cores since the start, in which they had work but the machine's host ran others; None where none is told."""
    fields = (_first_line("/proc/stat") or "").split()
    return int(fields[8]) / os.sysconf("SC_CLK_TCK") if len(fields) > 8 else None


def most_bytes() -> int:
    """The most memory that this process has held; 0 where the system doesn't tell."""
    try:
        import resource
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.lower().startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _first_line(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8").strip().partition("\n")[0] or None
    except OSError:
        return None


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
