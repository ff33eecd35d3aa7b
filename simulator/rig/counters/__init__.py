"""Processes that count what the daemon tells the world, apart from it. They know no pump and no order."""
