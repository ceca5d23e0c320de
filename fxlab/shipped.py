"""The models that come with fxlab, by the names under which they play."""

from __future__ import annotations

NETWORKS = {
    "tcn": "The saturator at its defaults, learnt by a TCN of standard size.",
    "tcn-nano": "The same, learnt by the smallest TCN.",
    "lstm": "The same, learnt by an LSTM of 16 units.",
    "gru": "The same, learnt by a GRU of 16 units.",
    "tcn-knobs": "The saturator with drive, bias and cutoff, learnt by a TCN.",
    "clipper-nano": "The clipper, driven by 18 dB, learnt by the smallest TCN.",
    "bitcrusher-nano": "The bitcrusher at 4 bits, learnt by the smallest TCN.",
    "klon": "The gain stage of a Klon Centaur, learnt by an LSTM of 32 units.",
}
"""Those that copy an effect, and what each is."""
ABOUT = NETWORKS | {"instrument": "A saxophone that plays what it hears."}
"""What each of all is."""
SHIPPED = {name: f"{name}.onnx" for name in NETWORKS} | {"instrument": "instrument.safetensors"}
"""Where each lies in `fxlab/assets`."""
