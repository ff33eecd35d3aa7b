"""Drug libraries: data with sources, no code."""
