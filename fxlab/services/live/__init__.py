"""The verb `live`: a session on sound devices, what controls it and what it shows."""
