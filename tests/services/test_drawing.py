"""Names of files may be anything, and pictures are drawn all the same."""

from __future__ import annotations

import os
import sys
import warnings

import numpy as np
import pytest
import soundfile

from fxlab.services.drawing import name_ticks, png, save, sheet
from fxlab.services.render.service import Request, run
from fxlab.settings import EffectSettings

NAMES = [r"a$\foo$ {", "Ke$ha, $ong_", "caf\udce9"]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_names_are_drawn_as_they_are(tmp_path, name):
    figure = sheet(name)
    axis = figure.subplots()
    axis.plot([1, 1000], [1, 2], label=name)
    axis.set(title=name, xlabel=name, ylabel=name, xscale="log")
    axis.text(1, 1, name)
    axis.legend()
    name_ticks(axis.yaxis, [1, 2], [name, name], fontsize=8)
    assert png(figure).startswith(b"\x89PNG")
    save(figure, tmp_path / "a.svg")
    said = [text.get_text() for text in (*figure.texts, axis.title, *axis.get_legend().get_texts())]
    assert said == 3 * [name.replace("\udce9", "?")]
    assert [text.get_text() for text in axis.get_yticklabels()] == 2 * [name.replace("\udce9", "?")]
    numbers = [text.get_text() for text in axis.get_xticklabels()]
    assert any("10^{2}" in text for text in numbers) and axis.get_xticklabels()[0].get_parse_math()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="names of any bytes (not Windows or macOS)")
def test_a_picture_of_a_file_whose_name_is_no_text(tmp_path):
    source = tmp_path / "caf\udce9 $\\x$.wav"
    soundfile.write(os.fsencode(source), 0.1 * np.sin(np.arange(2000) * 0.1), 8000)
    run(Request([source], [EffectSettings("clipper")], tmp_path / "out.wav", plot=tmp_path / "a.png"))
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_signs_that_the_font_lacks_are_no_warning(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save(sheet("東京"), tmp_path / "a.png")
