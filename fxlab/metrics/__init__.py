"""Measurements: quality, spectrum, timing."""
