"""What the pages of all verbs share."""

import pytest

from fxlab.errors import OutputError
from fxlab.pages.parts import Page
from fxlab.services.pages import attempt


def test_a_page_that_fails_costs_nothing_else(tmp_path):
    def refused():
        raise OutputError("No room.", "Make some.")

    def broken():
        raise KeyError("esr")

    path = tmp_path / "page.html"
    assert attempt(path, lambda: Page("title", "summary"), False) is None and path.is_file()
    assert attempt(tmp_path / "other.html", refused, False).message == "No room."
    failed = attempt(tmp_path / "other.html", broken, False)
    assert failed.exit_code == 1 and "KeyError" in failed.message and isinstance(failed.__cause__, KeyError)
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


@pytest.mark.parametrize("name", ["page.txt", "page"])
def test_only_html_is_written(tmp_path, name):
    assert attempt(tmp_path / name, lambda: Page("title", "summary"), False) is not None
