"""Audio files, resampling, loudness and test signals."""
