"""How a trained network runs block by block."""
