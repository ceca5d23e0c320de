"""Mastering: what a song measures, what a network, a reference or a preset decides, how that is delivered, how it is learnt."""
