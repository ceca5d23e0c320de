"""The mask as numbers: what is read back is what was written."""

from __future__ import annotations

import numpy as np
import pytest

from fxlab.errors import OutputError, UsageError
from fxlab.timbre.stems import write_mask_csv


def test_the_mask_as_csv(tmp_path):
    gains = np.random.default_rng(0).uniform(0, 1, (20, 7))
    path = tmp_path / "mask.csv"
    write_mask_csv(path, gains, 4, 43.07)
    assert path.read_text().splitlines()[0] == "time_s,h1,h2,h3,h4,n1,n2,n3"
    rows = np.loadtxt(path, delimiter=",", skiprows=1)
    assert np.allclose(rows[:, 0], np.arange(20) / 43.07, atol=1e-6) and np.allclose(rows[:, 1:], gains, rtol=1e-5)
    with pytest.raises(UsageError, match="exists"):
        write_mask_csv(path, gains, 4, 43.07)
    write_mask_csv(path, gains[:1], 4, 43.07, force=True)
    assert len(path.read_text().splitlines()) == 2 and list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        write_mask_csv(tmp_path / "file" / "mask.csv", np.ones((2, 3)), 2, 50.0)
