"""The verb `dataset`: pairs of dry and wet audio, rendered, captured from a device or made of recordings."""
