"""Whose fault a protocol error is. Knows no protocol.

A refusal by the peer is neither: it is a valid answer and travels as a value.
"""

from __future__ import annotations


class ProtocolError(Exception):
    """The rules of a link were broken."""


class LocalProtocolError(ProtocolError):
    """We asked for something illegal; nothing was written."""


class RemoteProtocolError(ProtocolError):
    """The line or the peer sent something illegal; nothing of it was believed."""
