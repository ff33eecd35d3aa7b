"""The serial status line: what a display without a network reads (docs/status-line.md)."""
