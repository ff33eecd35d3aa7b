"""What decides: pure, no clock, no I/O, no randomness, no logging."""
