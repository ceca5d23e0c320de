"""The bench's own audio."""

import math

import numpy as np

from fxlab.services import clip as shipped_clip
from fxlab.services.bench.session import CLIP


def test_clip_is_what_fxlab_makes():
    clip = shipped_clip.load_clip(CLIP)
    assert clip.rate_hz == shipped_clip.CLIP_RATE_HZ and clip.audio.shape == (1, 240_000)
    difference = np.abs(clip.audio[0] - shipped_clip.synthesize_clip())
    assert difference.max() < 2.5 / 32_768, "16 bit and its dither"
    assert math.isclose(np.abs(clip.audio).max(), 10 ** (-4 / 20), rel_tol=1e-3)
    assert CLIP.stat().st_size < 300_000
