"""The installation and the packages that it needs: there, of the right version, and whole enough to be imported."""

from __future__ import annotations

import importlib
import platform
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fxlab
from fxlab import toml
from fxlab.plugins import load
from fxlab.services.doctor.finding import Finding, State, reason

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet

AGAIN = "pip install --force-reinstall --no-deps fxlab (in a checkout: pip install .)"
_MODULES = {"python-rtmidi": "rtmidi"}
"""What is imported by another name than it is installed."""


def declared() -> list[str]:
    """Every requirement that this fxlab declares, as it declares it: by the record of its installation, else by its checkout."""
    try:
        installed = metadata.distribution("fxlab")
        if installed.version == fxlab.__version__:
            return list(installed.requires or [])
    except metadata.PackageNotFoundError:
        pass
    project = _checkout()
    extras = project.get("optional-dependencies", {})
    return [*project.get("dependencies", []), *(f"{one}; extra == '{extra}'" for extra in extras for one in extras[extra])]


def itself() -> list[Finding]:
    """fxlab and the Python that runs it."""
    from packaging.specifiers import SpecifierSet

    place = str(Path(fxlab.__file__).parent)
    version, python = fxlab.__version__, platform.python_version()
    findings = [Finding("fxlab", "fxlab", "ok", f"{version} in {place}")]
    try:
        installed = metadata.distribution("fxlab")
    except metadata.PackageNotFoundError:
        findings = [Finding("fxlab", "fxlab", "optional", f"{version} in {place}, not installed", "pip install .")]
        needs = _checkout().get("requires-python", "")
    else:
        needs = installed.metadata["Requires-Python"] or ""
        if installed.version != version:
            found = f"{version} in {place}, but what is installed says it is {installed.version}"
            findings = [Finding("fxlab", "fxlab", "optional", found, "Install it again: pip install .")]
    able = not needs or SpecifierSet(needs).contains(python, prereleases=True)
    advice = "" if able else "Make an environment with another Python: python3.12 -m venv DIR"
    found = f"{python} ({_needs(SpecifierSet(needs))}), {platform.system()} {platform.machine()}"
    return [*findings, Finding("fxlab", "Python", "ok" if able else "broken", found, advice)]


def package(text: str, extra: str, advice: str) -> list[Finding]:
    """One requirement; nothing where it isn't asked for on this system.

    Args:
        text: As it is declared.
        extra: The extra that it belongs to, empty for what is always needed.
        advice: How to get it.
    """
    from packaging.requirements import Requirement

    wanted = Requirement(text)
    if wanted.marker and not wanted.marker.evaluate({"extra": extra}):
        return []

    name, needs = f"{wanted.name} ({extra})" if extra else wanted.name, _needs(wanted.specifier)

    def told(found: str, state: State = "optional" if extra else "broken") -> list[Finding]:
        return [Finding("packages", name, state, found, "" if state == "ok" else advice)]

    try:
        version = metadata.version(wanted.name)
    except metadata.PackageNotFoundError:
        return told(f"not installed ({needs})")
    if not wanted.specifier.contains(version, prereleases=True):
        return told(f"{version}, but fxlab {needs}")
    try:
        importlib.import_module(_MODULES.get(wanted.name, wanted.name.replace("-", "_")))
    except (Exception, SystemExit) as error:  # an extension that doesn't fit may raise anything
        if wanted.name == "torchaudio" and _goes_without_extension():
            return told(f"{version} without its compiled part, which fits another torch; fxlab doesn't need that", "ok")
        return told(f"{version} can't be imported: {reason(error)}")
    return told(f"{version} ({needs})", "ok")


def _goes_without_extension() -> bool:
    """Whether the way in which fxlab imports torchaudio works."""
    try:
        return bool(load("fxlab.timbre.torchaudio_mfcc:torchaudio")())
    except Exception:
        return False


def _needs(versions: SpecifierSet) -> str:
    return f"needs {', '.join(sorted(map(str, versions), reverse=True))}" if versions else "any will do"


def _checkout() -> dict[str, Any]:
    """The project table of the checkout that fxlab runs from; empty where it runs from none."""
    file = Path(fxlab.__file__).parents[1] / "pyproject.toml"
    return toml.parse(file.read_text("utf-8")).get("project", {}) if file.is_file() else {}
