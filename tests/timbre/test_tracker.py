"""swift-f0 as fxlab hears with it: accuracy, level, silence."""

from __future__ import annotations

import numpy as np
import pytest

from fxlab.audio import files
from fxlab.errors import MissingError
from fxlab.timbre import tracker
from fxlab.timbre.tracker import SwiftF0

from .sounds import RATE_HZ, cents, note

pytest.importorskip("swift_f0")


def test_tracks_notes_and_names_its_version():
    for f0_hz in (65.4, 220.0, 1318.5):
        found = SwiftF0()(note(f0_hz, 0.6), RATE_HZ)
        assert np.median(found.voiced) == 1
        assert np.abs(cents(found.f0_hz[found.voiced], f0_hz)[3:-3]).max() < 40
    assert SwiftF0().name.startswith("swift-f0 0.")


def test_level_does_not_matter():
    audio = note(330.0, 0.5)
    loud, quiet = SwiftF0()(audio, RATE_HZ), SwiftF0()(audio * np.float32(2**-9), RATE_HZ)
    np.testing.assert_array_equal(loud.f0_hz, quiet.f0_hz)
    np.testing.assert_array_equal(loud.confidence, quiet.confidence)


def test_an_octave_that_the_waveform_contradicts_is_corrected(shared_audio):
    """swift-f0 itself hears 1400 Hz in this cello's F4."""
    audio, rate_hz = files.read(shared_audio / "instruments" / "cello_phrase.flac")
    found = SwiftF0()(audio[0, : 2 * rate_hz], rate_hz)
    part = (found.times_s > 1.33) & (found.times_s < 1.55)
    assert found.voiced[part].all() and np.abs(cents(found.f0_hz[part], 350)).max() < 40


@pytest.mark.parametrize("frames", [1, 100, 5000])
def test_silence_has_no_pitch(frames):
    assert not SwiftF0()(np.zeros(frames, np.float32), RATE_HZ).voiced.any()


def test_without_the_library_the_way_out_is_named(monkeypatch):
    from importlib.metadata import PackageNotFoundError

    def missing(_):
        raise PackageNotFoundError

    monkeypatch.setattr("importlib.metadata.version", missing)
    with pytest.raises(MissingError, match="swift-f0") as caught:
        tracker.SwiftF0()
    assert "--f0" in caught.value.hint
