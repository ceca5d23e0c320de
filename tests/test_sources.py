"""All of fxlab's sources: they can be imported, and the oldest Python that is promised can read them."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from pathlib import Path

import fxlab

FOLDER = Path(fxlab.__file__).parent
OLDEST = (3, 10)


def test_every_module_can_be_imported_and_prints_nothing(capfd):
    names = [module.name for module in pkgutil.walk_packages([str(FOLDER)], "fxlab.") if not module.name.endswith("__main__")]
    assert len(names) > 300 and "fxlab.effects.saturator.kernel" in names
    for name in names:
        importlib.import_module(name)
    assert not capfd.readouterr().out  # matplotlib may tell on stderr that it looks for fonts


def test_the_oldest_python_can_read_them():
    for path in sorted(FOLDER.rglob("*.py")):
        ast.parse(path.read_text("utf-8"), str(path), feature_version=OLDEST)
