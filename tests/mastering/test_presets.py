"""Presets: each does to spectrum, peak to loudness ratio or width what its name says, on real music too."""

from __future__ import annotations

import numpy as np
import pytest

from fxlab.audio.bands import CENTRES_HZ
from fxlab.audio.files import read
from fxlab.effects.processor import apply
from fxlab.effects.registry import effect
from fxlab.errors import UsageError
from fxlab.mastering.chain import Chain, Peak, load
from fxlab.mastering.comparable import levelled
from fxlab.mastering.presets import PRESETS, SAYS, applied

EXCERPTS = ("music/lava.ogg", "music/hacienda.ogg")


def played(audio, rate, chain):
    for stage in chain.before_loudness().stages():
        audio = apply(effect(stage.name).processor(**stage.set), audio, rate)
    return audio


@pytest.fixture(scope="module", params=EXCERPTS)
def excerpt(request, shared_audio, analysed):
    audio, rate = read(shared_audio / request.param)
    audio = np.ascontiguousarray(audio[:, 5 * rate : 11 * rate])
    return audio, rate, analysed(audio, rate)


@pytest.mark.parametrize("name", PRESETS)
def test_effect_on_real_music(name, excerpt, analysed):
    audio, rate, before = excerpt
    after = analysed(played(audio, rate, applied(name, Chain(), before)), rate)
    tone, hz = levelled(after.mid_db) - levelled(before.mid_db), CENTRES_HZ
    bass, middle, treble = (tone[(hz > low) & (hz < high)].mean() for low, high in ((50, 160), (500, 2000), (5000, 13000)))
    plr, width = after.programme.plr_db - before.programme.plr_db, after.width_db - before.width_db
    if name == "warm":
        assert bass - treble > 3.0 and bass > middle > treble
    elif name == "bright":
        assert treble - bass > 2.5 and treble > middle > bass
    elif name == "punchy":
        assert plr > 1.0 and abs(width) < 0.5 and abs(bass - treble) < 1.5
    elif name == "open":
        assert width == pytest.approx(2.3, abs=0.2) and treble - middle > 0.5
    else:
        assert plr < -0.5 and -1.5 < treble - middle < 0 and abs(width) < 0.8


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_adds_to_what_a_chain_does_and_stays_within_the_effects_ranges(name, song, analysed, tmp_path):
    heard = analysed(song())
    chain = Chain(
        peaks=tuple(Peak(hz, 1.0, 1.0) for hz in np.geomspace(50, 15_000, 10).tolist()),
        tone={"low_shelf_hz": 90.0, "low_shelf_db": 11.0, "high_shelf_hz": 7_000.0, "high_shelf_db": -11.0},
        dynamics={"threshold_db": -20.0, "ratio": 8.0, "attack_ms": 10.0},
        width={"width": 1.9},
        loudness={"gain_db": 2.0},
    )
    for level in (1.0, 0.01):
        once = applied(name, chain, analysed(song() * np.float32(level)))
        changed = (once.tone, once.dynamics, once.width) != (chain.tone, chain.dynamics, chain.width)
        assert changed and once.peaks == chain.peaks and once.loudness == chain.loudness
        assert once.dynamics["threshold_db"] == -20.0 and once.tone["low_shelf_hz"] == 90.0
        once.save(tmp_path / "chain.json", {})
        assert load(tmp_path / "chain.json").stages() == once.stages(), "every value is one that the effects take"
    assert applied("none", chain, heard) is chain


def test_silence_gets_its_chain_back_and_unknown_presets_are_named(song, analysed):
    silence = analysed(np.zeros((2, 44_100), np.float32))
    assert applied("warm", Chain(), silence) == Chain() and SAYS.keys() == PRESETS.keys()
    with pytest.raises(UsageError, match="crunchy"):
        applied("crunchy", Chain(), silence)
