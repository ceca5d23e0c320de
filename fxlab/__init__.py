"""fxlab: one lab for audio effects, as DSP and as neural networks."""

__version__ = "0.1.0"
