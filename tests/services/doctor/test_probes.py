"""What single probes say of what is missing, too old or damaged, and how it can be had."""

from __future__ import annotations

import base64
import hashlib
from importlib import metadata

import fxlab
from fxlab import getting
from fxlab.services.doctor import files, machine, packages, sound


def test_a_package_is_there_new_enough_and_can_be_imported(monkeypatch):
    def told(text, extra="", advice="get it"):
        [finding] = packages.package(text, extra, advice)
        return finding

    assert told("numpy>=1.26").state == "ok" and metadata.version("numpy") in told("numpy>=1.26").found
    old = told("numpy>=999")
    assert (old.state, old.advice) == ("broken", "get it") and "fxlab needs >=999" in old.found
    missing = told("nonesuch-package>=1; extra == 'live'", "live", getting.LIVE)
    assert (missing.state, missing.name, missing.advice) == ("optional", "nonesuch-package (live)", getting.LIVE)
    assert not packages.package("tomli>=2; python_version < '3.0'", "", "get it")

    def unfit(name):
        raise SystemError("initialisation failed: built for another NumPy\nand more")

    monkeypatch.setattr(packages.importlib, "import_module", unfit)
    broken = told("numpy>=1.26")
    assert broken.state == "broken" and broken.found.endswith("SystemError: initialisation failed: built for another NumPy")


def test_an_installation_of_another_version_is_told(monkeypatch):
    assert [finding.name for finding in packages.itself()] == ["fxlab", "Python"]
    monkeypatch.setattr(fxlab, "__version__", "99.0")
    stale = packages.itself()[0]
    assert stale.state == "optional" and stale.found.startswith("99.0 in ")


def test_files_that_changed_since_they_were_installed(tmp_path, monkeypatch):
    contents = {"fxlab/__init__.py": b"import this", "fxlab/errors.py": b"pass", "fxlab/assets/clip.flac": b"fLaC"}
    rows = []
    for name, content in contents.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        rows.append(f"{name},sha256={digest},{len(content)}")
    (tmp_path / "fxlab-1.dist-info").mkdir()
    (tmp_path / "fxlab-1.dist-info" / "RECORD").write_text("\n".join(rows))
    record = metadata.PathDistribution(tmp_path / "fxlab-1.dist-info").files
    monkeypatch.setattr(files.metadata, "files", lambda name: record)
    assert files.installed() == []  # the record of another place than the one fxlab runs from
    monkeypatch.setattr(files.fxlab, "__file__", str(tmp_path / "fxlab" / "__init__.py"))
    assert [finding.state for finding in files.installed()] == ["ok"]
    (tmp_path / "fxlab" / "errors.py").write_bytes(b"cut")
    (tmp_path / "fxlab" / "assets" / "clip.flac").unlink()
    [damaged] = files.installed()
    assert damaged.state == "broken" and damaged.found.startswith("2 of 3 ") and "fxlab/errors.py" in damaged.found


def test_assets_that_cant_be_read(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "files", lambda name: tmp_path)
    (tmp_path / "assets").mkdir()
    for name in ("clip.flac", "master.safetensors"):
        (tmp_path / "assets" / name).write_bytes(b"\x00" * 100)
    assert {finding.name: finding.state for finding in files.others()} == dict.fromkeys(
        ("clip.flac", "master.safetensors", "master-songs.csv"), "broken"
    )


def test_a_profile_of_the_users_own_is_no_fault_of_the_installation(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    folder = tmp_path / "fxlab" / "profiles"
    folder.mkdir(parents=True)
    (folder / "mine.toml").write_text("nonesuch = 1\n")
    mine, all_of_them = files.profiles()
    assert mine.state == "optional" and str(folder / "mine.toml") in mine.advice and all_of_them.state == "ok"


def test_without_ffmpeg_or_with_one_that_encodes_little(tmp_path, monkeypatch):
    monkeypatch.setattr(sound.shutil, "which", lambda name: None)
    [missing] = sound.ffmpeg()
    assert (missing.state, missing.advice) == ("optional", getting.FFMPEG)
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\necho ffmpeg version 9.1 Copyright\necho ' A..... aac AAC'\n")
    program.chmod(0o755)
    monkeypatch.setattr(sound.shutil, "which", lambda name: str(program))
    [little] = sound.ffmpeg()
    assert little.state == "optional" and little.found.startswith("9.1 encodes aac, not ")


def test_a_machine_that_saves_power_is_short_of_room_and_gives_no_priority(tmp_path, monkeypatch):
    (tmp_path / "cpu0" / "cpufreq").mkdir(parents=True)
    (tmp_path / "cpu0" / "cpufreq" / "scaling_governor").write_text("powersave\n")
    monkeypatch.setattr(machine, "_GOVERNORS", tmp_path)
    monkeypatch.setattr(machine, "_LEAST_DISK", 1 << 62)
    monkeypatch.setattr("fxlab.live.realtime.raise_priority", lambda thread: "normal priority")
    findings = [*machine.processor(), *machine.real_time(), *machine.disk()]
    assert all(finding.state == "optional" and finding.advice for finding in findings)
