"""What `live` shows: the panel and its parts, the lists of devices, the report."""
