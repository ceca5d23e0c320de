"""The verb `doctor`: probes, each guarded and run in a process of its own that may die of it, and what they found."""
