"""What a simulated pump of each dialect does and refuses by itself."""
