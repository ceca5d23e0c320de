"""The verb `grow`: instruments out of recordings, and the timbre that grows in them."""
