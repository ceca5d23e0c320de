"""The verb `render`: files through effects, chains and models."""
