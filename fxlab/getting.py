"""How to get what fxlab can do without, told alike wherever it turns out to be missing."""

from __future__ import annotations

LIVE = "On Linux: apt install portaudio19-dev && pip install 'fxlab[live]'; elsewhere: pip install 'fxlab[live]'."
MIDI = "Install them: pip install 'fxlab[midi]'."
CLUSTER = "pip install 'fxlab[cluster]'"
FFMPEG = "Install it: apt install ffmpeg, brew install ffmpeg or https://ffmpeg.org"
EXTRAS = {"live": LIVE, "midi": MIDI, "cluster": CLUSTER}
"""By the name of the extra whose packages are missing."""
