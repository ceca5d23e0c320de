"""What README says of adding to fxlab, as packages that can be imported."""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

README = Path(__file__).parents[2] / "README.md"


class Example:
    """One of README's additions.

    Attributes:
        group: Its entry-point group.
        name: What it adds.
        value: "module:object".
        code: Its module.
        lines: Of code and of pyproject.toml.
    """

    def __init__(self, code: str, entry: str) -> None:
        ((self.group, names),) = tomllib.loads(entry)["project"]["entry-points"].items()
        ((self.name, self.value),) = names.items()
        self.code, self.lines = code, len(code.splitlines()) + len(entry.splitlines())
        self.module = self.value.partition(":")[0]


@pytest.fixture(scope="session")
def examples() -> dict[str, Example]:
    """Those of README, by entry-point group."""
    section = README.read_text("utf-8").partition("\n## Adding to fxlab\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"^```(python|toml)\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    assert [language for language, _ in blocks] == ["python", "toml"] * 4
    found = [Example(code, entry) for (_, code), (_, entry) in zip(blocks[::2], blocks[1::2], strict=True)]
    return {example.group: example for example in found}


@pytest.fixture
def registries(tmp_path: Path) -> Iterator[None]:
    """Registries that look for packages anew, and forget in the end what they have found."""
    from fxlab.effects.registry import effects
    from fxlab.engines.registry import engines
    from fxlab.models.registry import architectures
    from fxlab.training.losses import losses

    def forget():
        for registry in (effects, engines, architectures, losses):
            registry.cache_clear()

    forget()
    yield
    for name, module in list(sys.modules.items()):
        if (getattr(module, "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]
    forget()


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registries: None) -> Callable[..., None]:
    """`install(name, modules, entries)`: a package as pip leaves it, modules by name, entry points as (group, name, value)."""
    count = itertools.count()

    def put(name: str, modules: dict[str, str], entries: list[tuple[str, str, str]]) -> None:
        site = tmp_path / f"site{next(count)}"
        about = site / f"{name.replace('-', '_')}-1.0.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text("".join(f"[{group}]\n{entry} = {value}\n" for group, entry, value in entries))
        for module, code in modules.items():
            (site / f"{module}.py").write_text(code)
        monkeypatch.syspath_prepend(str(site))

    return put


@pytest.fixture
def installed(examples: dict[str, Example], install: Callable[..., None]) -> dict[str, Example]:
    """README's examples, each as a package of its own."""
    for one in examples.values():
        install(f"fxlab-{one.name.replace('_', '-')}", {one.module: one.code}, [(one.group, one.name, one.value)])
    return examples
