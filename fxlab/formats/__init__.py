"""Other programs' model files: read and written."""
