"""Pages to look at and listen to: what a verb found, as one HTML file that needs no network."""
