"""Everything the terminal sees: results as tables, progress, error panels. The only package that prints."""
