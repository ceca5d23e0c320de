"""Audio files, resampling, loudness and test signals."""

MIN_RATE_HZ, MAX_RATE_HZ = 8_000, 192_000
"""Sample rates that all of fxlab works at."""

MAX_LATENCY = 1 << 22
"""Samples; more than any effect or model delays, 22 s at 192 kHz."""
