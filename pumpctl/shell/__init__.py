"""Moves bytes and knows no medicine."""
