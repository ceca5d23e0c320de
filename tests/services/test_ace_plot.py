"""The picture of contrast enhancement: chosen where ACE plays, whole for any audio, with figures that are those of the metric."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from fxlab.engines.loader import Opened
from fxlab.metrics.contrast import contrast
from fxlab.services import ace_plot
from fxlab.services.render import plot as render_plot
from fxlab.services.render.service import Request, run
from fxlab.settings import EffectSettings

RATE = 16_000


def sound(frames=RATE // 4):
    time_s = np.arange(frames) / RATE
    return (0.3 * np.sin(2 * np.pi * 500 * time_s) + 0.01 * np.random.default_rng(0).standard_normal(frames)).astype(np.float32)


def test_a_rendering_with_ace_is_drawn_so(tmp_path, monkeypatch):
    from matplotlib.image import imread

    titles = []
    monkeypatch.setattr(render_plot, "picture", lambda title, *audio: titles.append(title) or ace_plot.picture(title, *audio))
    soundfile.write(tmp_path / "in.wav", sound(), RATE)
    chain = [EffectSettings("eq"), EffectSettings("ace", set={"bands": 16})]
    run(Request([tmp_path / "in.wav"], chain, plot=tmp_path / "out.png"))
    assert titles == ["eq + ace on in.wav"]
    pixels = imread(tmp_path / "out.png")
    assert pixels.shape[0] > 1000 and pixels.shape[1] > 1000 and pixels.std() > 0.05


def test_its_figures_are_the_metrics():
    dry = sound()
    wet = 0.5 * dry
    figure = ace_plot.picture("x", dry, wet, RATE)
    was = contrast(dry, RATE)
    title = figure.get_suptitle()
    assert title.startswith("x\n") and title.endswith("level −6.0 dB")
    assert f"spectral contrast {was.spectral:.1f} → {was.spectral:.1f} dB" in title
    assert f"temporal contrast {was.temporal:.1f} → {was.temporal:.1f} dB" in title
    panels = {axis.get_title(): axis for axis in figure.axes if axis.get_title()}
    assert len(panels) == 5
    before, after, gain = (axis.images[0] for axis in list(panels.values())[:3])
    assert before.get_clim() == after.get_clim()
    assert np.ma.median(gain.get_array()) == pytest.approx(-6.0, abs=0.1) and gain.get_clim() == (-10, 10)
    for axis in panels.values():
        assert axis.get_ylabel()
    for axis in list(panels.values())[3:]:
        assert axis.get_xlabel() and len(axis.lines) == 3


@pytest.mark.parametrize(("frames", "levels"), [(1, (0.0, 0.0)), (1, (0.5, 0.5)), (300, (0.0, 0.5))])
def test_pictures_of_very_short_and_silent_audio(frames, levels):
    dry, wet = (np.full(frames, level, np.float32) for level in levels)
    figure = ace_plot.picture("x", dry, wet, 8000)
    figure.canvas.draw()
    assert ("level" in figure.get_suptitle()) == (min(levels) > 0)


def test_a_model_that_copies_no_effect_enhances_too():
    def model(kind, effects):
        return Opened("amp", "fused", None, {}, {"model": {"type": kind}, "effects": effects})

    assert ace_plot.enhances(Opened("ace", "numba", None, {}))
    assert ace_plot.enhances(model("ace", []))
    assert not ace_plot.enhances(model("tcn", []))
    assert not ace_plot.enhances(Opened("eq", "numba", None, {}))
