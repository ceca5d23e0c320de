"""What is shipped: the wheel's files, and what is told of the project."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

import pytest

import fxlab

ROOT = Path(__file__).parents[1]
SHIPPED = {".py", ".typed", ".toml", ".css", ".js", ".html", ".onnx", ".safetensors", ".flac", ".csv"}


def test_the_wheel_holds_the_package_and_the_profiles_and_nothing_else():
    if Path(fxlab.__file__).is_relative_to(ROOT) or not (ROOT / "pyproject.toml").is_file():
        pytest.skip("install fxlab from a wheel, and run the tests of its checkout")
    listed = {file for file in metadata.files("fxlab") or [] if file.parts[0] == "fxlab"}
    installed = {str(file) for file in listed if "__pycache__" not in file.parts}
    package = {path.relative_to(ROOT).as_posix() for path in (ROOT / "fxlab").rglob("*") if path.is_file()}
    profiles = {f"fxlab/_profiles/{path.name}" for path in (ROOT / "profiles").glob("*.toml")}
    assert installed == {name for name in package if "__pycache__" not in name} | profiles
    assert "fxlab/py.typed" in installed and {Path(name).suffix or Path(name).name for name in installed} <= SHIPPED


def test_who_cites_fxlab_cites_this_version():
    text = (ROOT / "CITATION.cff").read_text("utf-8")
    stated = dict(re.findall(r"^([\w-]+): *(.+)$", text, re.MULTILINE))
    assert stated["version"] == fxlab.__version__ and stated["license"] == metadata.metadata("fxlab")["License-Expression"]
    assert {"cff-version", "message", "title", "abstract", "type"} <= set(stated) and "- name: " in text


def test_the_public_names_are_the_same_for_type_checkers():
    text = Path(fxlab.__file__).read_text("utf-8")
    told = dict(reversed(pair) for pair in re.findall(r"^    from (fxlab[\w.]*) import (\w+) as \2$", text, re.MULTILINE))
    assert told == fxlab._HOME
