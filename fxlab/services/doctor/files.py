"""What is installed with fxlab or added to it: whole, and of use."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from importlib import metadata
from importlib.resources import files
from pathlib import Path

import fxlab
from fxlab.errors import FxlabError
from fxlab.services.doctor.finding import Finding, State, reason
from fxlab.services.doctor.packages import AGAIN
from fxlab.wording import counted

_TOPIC = "assets"


def installed() -> list[Finding]:
    """Whether the files of the package are those that were installed; nothing for a checkout, which may change."""
    record = [file for file in metadata.files("fxlab") or [] if file.hash and file.parts[0] == "fxlab"]
    if Path(fxlab.__file__).resolve() not in [Path(str(file.locate())).resolve() for file in record if len(file.parts) == 2]:
        return []
    bad = [str(file) for file in record if not _whole(Path(str(file.locate())), file.hash)]
    if bad:
        found = f"{len(bad)} of {len(record)} aren't what was installed: {', '.join(bad[:3])}{', …' if len(bad) > 3 else ''}"
        return [Finding("fxlab", "files", "broken", found, AGAIN)]
    return [Finding("fxlab", "files", "ok", f"{counted(len(record), 'file')}, all as installed")]


def models() -> list[Finding]:
    """Every shipped model, playing its golden vector."""
    from fxlab.engines.loader import open_processor
    from fxlab.shipped import SHIPPED

    findings = []
    for name in SHIPPED:
        try:
            opened = open_processor(name)
        except (FxlabError, OSError) as error:
            findings.append(Finding(_TOPIC, name, "broken", reason(error), AGAIN))
            continue
        if opened.engine == "onnx":
            findings.append(
                Finding(_TOPIC, name, "broken", "only ONNX Runtime plays it rightly, the fused engine doesn't", AGAIN)
            )
    if findings:
        return findings
    return [Finding(_TOPIC, "models", "ok", f"{len(SHIPPED)} play, each that has a golden vector as that says")]


def others() -> list[Finding]:
    """The clip, the mastering network and the figures of released songs."""
    from fxlab.audio.files import probe
    from fxlab.models.checkpoint_file import read
    from fxlab.shipped import SHIPPED

    readers: dict[str, Callable[[Path], object]] = {
        ".flac": probe,
        ".safetensors": read,
        ".csv": lambda path: path.read_text("utf-8").splitlines()[1],
    }
    folder, findings, whole = Path(str(files("fxlab") / "assets")), [], []
    for name in sorted({"clip.flac", "master.safetensors", "master-songs.csv"} - set(SHIPPED.values())):
        try:
            readers[Path(name).suffix](folder / name)
            whole.append(name)
        except (FxlabError, OSError, ValueError, IndexError) as error:
            findings.append(Finding(_TOPIC, name, "broken", reason(error), AGAIN))
    return findings or [Finding(_TOPIC, "other assets", "ok", ", ".join(whole))]


def profiles() -> list[Finding]:
    """Those with a name: fxlab's own, and the user's."""
    from fxlab import profiles

    found = profiles.available()
    findings = []
    for one in found:
        reading = profiles.read(one.path)
        if reading.problems:
            mine = one.origin == "user"
            state: State = "optional" if mine else "broken"
            advice = f"fxlab profiles check {one.path}" if mine else AGAIN
            findings.append(Finding(_TOPIC, f"profile {one.name}", state, reading.problems[0].message, advice))
    own = sum(one.origin == "user" for one in found)
    if own == len(found):
        findings.append(Finding(_TOPIC, "profiles", "broken", "those that come with fxlab are missing", AGAIN))
    else:
        about = f"{len(found) - own} come with fxlab, {own} are in {profiles.user_folder()}"
        findings.append(Finding(_TOPIC, "profiles", "ok", about))
    return findings


def additions() -> list[Finding]:
    """What other packages add; nothing where none does."""
    from fxlab.effects.registry import effects
    from fxlab.engines.registry import engines
    from fxlab.models.registry import architectures
    from fxlab.training.losses import losses

    findings = []
    for registry in (effects(), architectures(), losses(), engines()):
        advice = "Update that package, or remove it with `pip uninstall`."
        findings += [Finding(_TOPIC, "additions", "optional", problem, advice) for problem in registry.working()[1]]
    return findings


def _whole(path: Path, recorded: metadata.FileHash | None) -> bool:
    if recorded is None:
        return True
    try:
        digest = hashlib.new(recorded.mode, path.read_bytes()).digest()
    except (OSError, ValueError):
        return False
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == recorded.value
