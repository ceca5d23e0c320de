"""A headless Chromium that opens pages, and one page with all there is."""

from __future__ import annotations

import glob
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fxlab.pages.page import write
from fxlab.pages.parts import Curves, Distribution, Histograms, Line, Listening, Page, Picture, Table, Version

RATE = 44_100
SECONDS = 4.0
EDGES_S = np.geomspace(1e-5, 1e-2, 61)
COUNTS = np.bincount(np.clip(np.random.default_rng(0).normal(30, 4, 5000).astype(int), 0, 59), minlength=60)
X = np.geomspace(20, 20_000, 61)


@pytest.fixture(scope="module")
def browser() -> Iterator:
    """One for a module; Chromium keeps what its console says and the policy's refusals.

    `FXLAB_BROWSER=webkit xvfb-run pytest tests/pages` tries the pages in Safari's engine (Debian's webkit2gtk-driver), but for
    what only Chromium's driver can ask.
    """
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium isn't installed")
    opened = (_webkit if os.environ.get("FXLAB_BROWSER") == "webkit" else _chromium)(webdriver)
    opened.set_script_timeout(20)
    yield opened
    opened.quit()


def _chromium(webdriver: Any) -> Any:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("Chromium and its chromedriver aren't installed")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"):
        options.add_argument(flag)
    options.add_argument("--disable-dev-shm-usage")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))


def _webkit(webdriver: Any) -> Any:
    options = webdriver.WebKitGTKOptions()
    options.binary_location = glob.glob("/usr/lib/*/webkit2gtk-4.*/MiniBrowser")[0]
    options.add_argument("--automation")
    driver = webdriver.webkitgtk.service.Service(shutil.which("WebKitWebDriver"))
    return webdriver.WebKitGTK(options=options, service=driver)


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Path:
    """Sines an octave apart, so that a version is told by its pitch: 200, 400 and 800 Hz, in 0.1, 0.3 and 0.6 of full scale."""
    time = np.arange(round(SECONDS * RATE)) / RATE
    sines = [level * np.sin(2 * np.pi * hz * time) for level, hz in ((0.1, 200), (0.3, 400), (0.6, 800))]
    versions = [Version(name, np.stack([sine, sine]).astype(np.float32)) for name, sine in zip("abc", sines, strict=True)]
    lines = [Line("flat", X, np.full(61, -6.0)), Line("slope", X, np.linspace(0, -60, 61))]
    lines[1].y[40] = np.nan
    late = Distribution("late <script>", 2 * EDGES_S, COUNTS[::-1], [("deadline", 0.0029)])
    parts = [
        Listening("Listen", versions, RATE, "Sines."),
        Table("Figures", ["name", "time", "text"], [["b", "2 ms", "x"], ["a", "850 µs", "y"], ["c", "–", "z"]]),
        Curves("Curves", "Hz", "dB", lines, x_log=True),
        Histograms("Blocks", [Distribution("on time", EDGES_S, COUNTS, [("p99", 0.001), ("deadline", 0.0029)]), late]),
        Picture(
            "Picture", b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 4"><rect width="9" height="4"/></svg>', "black"
        ),
    ]
    title = "A page </title><script>alert(1)</script>"
    facts = [("machine", "a" * 60), ("rate", "44.1 kHz")]
    return write(
        Page(title, "What was done.", "fxlab bench --html page.html", facts, parts), tmp_path_factory.mktemp("page") / "p.html"
    )
