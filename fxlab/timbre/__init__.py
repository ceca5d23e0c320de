"""Instruments learnt from recordings (DDSP), and the automaton that grows their timbre."""
