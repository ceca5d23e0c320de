"""`fxlab doctor`, as its users run it."""

from __future__ import annotations

import json

from fxlab import __version__


def test_what_the_tests_run_on_is_whole(fxlab):
    done = fxlab("doctor", "--json")
    report = json.loads(done.stdout)
    broken = [finding for finding in report["findings"] if finding["state"] == "broken"]
    assert not broken and done.returncode == 0 and report["whole"] and report["fxlab"] == __version__
    found = {finding["name"]: finding for finding in report["findings"]}
    for name in (
        "Python",
        "numpy",
        "Numba",
        "Numba's cache",
        "fused",
        "ONNX Runtime",
        "torch",
        "models",
        "other assets",
        "profiles",
    ):
        assert found[name]["state"] == "ok", found[name]
