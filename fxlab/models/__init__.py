"""Networks that learn effects, and the checkpoint format."""
