import base64
import hashlib
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from fxlab.errors import OutputError, UsageError
from fxlab.pages.listening import listening
from fxlab.pages.page import check_page, html, write
from fxlab.pages.parts import Page, Picture, Table

PAGE = Page("A page", "What was done.", "fxlab bench", [("machine", "here")])


def test_a_page_is_written_whole_and_the_same_each_time(tmp_path):
    path = tmp_path / "folder" / "page.HTML"
    assert write(PAGE, path) == path
    assert path.read_text("utf-8") == html(PAGE) == html(PAGE)
    assert [entry.name for entry in path.parent.iterdir()] == ["page.HTML"]


def test_names_of_files_that_are_no_text_can_be_told(tmp_path):
    page = Page("caf\udce9.wav", "s", "fxlab render caf\udce9.wav", parts=[Table("t\udce9", ["c"], [["\udce9"]])])
    assert "caf?.wav" in write(page, tmp_path / "page.html").read_text("utf-8")


def test_places_are_checked_before_work_begins(tmp_path):
    there = tmp_path / "there.html"
    there.write_text("mine")
    for path in (tmp_path / "page.txt", tmp_path / "-", there):
        with pytest.raises(UsageError):
            write(PAGE, path)
    assert there.read_text() == "mine"
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(UsageError, match="folder"):
        check_page(tmp_path / "folder.html", force=True)
    with pytest.raises(OutputError):
        check_page(there / "page.html", force=False)
    write(PAGE, there, force=True)
    assert "A page" in there.read_text("utf-8")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is where nothing can be written, on Linux")
def test_a_folder_that_cannot_be_written(tmp_path):
    with pytest.raises(OutputError):
        write(PAGE, Path("/proc/page.html"))


def test_the_policy_forbids_everything_but_what_is_in_the_page():
    text = html(PAGE)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', text)[1]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'" and "unsafe" not in policy and "http" not in policy
    for tag, rule in (("script", "script-src"), ("style", "style-src")):
        inside = re.search(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)[1]
        assert rules[rule] == f"'sha256-{base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()}'"
    assert text.index("Content-Security-Policy") < text.index("<style>")


def test_nothing_refers_to_other_places():
    page = Page(
        "p", "s", parts=[Picture("p", b"\x89PNG", "a"), listening("l", {"a": np.ones((1, 900)), "b": np.ones((1, 900))}, 8000)]
    )
    text = html(page)
    assert all(value.startswith(("data:", "#")) for value in re.findall(r'\s(?:src|href)="([^"]*)"', text))
    assert not re.search(r"@import|url\((?!#)|\bfetch\(|XMLHttpRequest|import\(|eval\(|innerHTML|document\.write", text)
    assert set(re.findall(r"https?://[^\s\"']+", text)) == {"http://www.w3.org/2000/svg"}


def test_three_versions_of_twelve_seconds_fit_five_megabytes():
    rng = np.random.default_rng(0)
    sounds = {str(k): (0.3 * rng.standard_normal((2, 20 * 44_100))).astype(np.float32) for k in range(3)}
    assert len(html(Page("p", "s", parts=[listening("l", sounds, 44_100)]))) < 5_000_000
