"""The command line: one file per group, heavy imports inside the functions."""
