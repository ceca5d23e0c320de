"""Mastering by a network: what it hears, what it decides, and the differentiable processing in which it learns that."""
