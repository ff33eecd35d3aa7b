"""A network line claimed for one program of this host, as a tty is by its lock.

Refuses to know who is at the other end. Two hosts do not see each other's claims, nor do two containers with networks
of their own, nor two names of one address. A claim is an abstract socket name and no file: it ends with its descriptor,
belongs to no user's directory, and a service with a /tmp and a /run of its own meets everybody else there.
"""

from __future__ import annotations

import errno
import hashlib
import socket
from urllib.parse import urlsplit


class LineHeld(Exception):
    """Another program of this host has it. `name` is what `ss -xp` shows."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is held")
        self.name = name


def claim_line(url: str) -> socket.socket:
    """Held until it is closed. Raises LineHeld, and ValueError for an address that is none."""
    parts = urlsplit(url)
    address = f"{(parts.hostname or '').lower()}:{parts.port}"
    name = f"pumpctl-line-{hashlib.sha256(address.encode()).hexdigest()[:16]}"
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        claim.bind(f"\0{name}")
    except OSError as error:
        claim.close()
        if error.errno == errno.EADDRINUSE:
            raise LineHeld(name) from None
        raise
    return claim
