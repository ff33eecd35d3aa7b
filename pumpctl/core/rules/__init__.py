"""clinical.md as a table of small pure functions; one file per subject."""
