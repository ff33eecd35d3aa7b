"""The drug library's file: the one that came with the package, or the one that a person names.

Refuses to know what is in it.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from pumpctl.core.library import MAX_BYTES, Library, parse_library


def read_library(path: Path | None = None) -> Library:
    """Raises OSError or LibraryUnreadable. Without a path: the library that came with this version."""
    if path is None:
        return parse_library(files("protocols.therapy").joinpath("magnesium_sulfate.toml").read_bytes())
    with path.open("rb") as file:
        return parse_library(file.read(MAX_BYTES + 1))  # one more, so that a file that is too large shows
