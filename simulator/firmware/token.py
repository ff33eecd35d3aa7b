"""The confirm token: what a press of the button issues and one START or RESUME uses up (SPEC.md section 3).

Refuses to know why it is voided. A token that died of age is remembered until the next press, LOAD or STOP, so that
its use is answered `token_expired` and not `wrong_token`.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from protocols.companion.vocabulary import Purpose, RefusalReason


@dataclass(frozen=True, slots=True)
class Token:
    """Good for one program and one purpose, until an instant of link time."""

    number: int
    purpose: Purpose
    digest: bytes
    dies_ns: int


class TokenDesk:
    """At most one token is alive."""

    def __init__(self, rng: Random) -> None:
        self.alive: Token | None = None
        self._aged_number = 0
        self._rng = rng

    def issue(self, purpose: Purpose, digest: bytes, dies_ns: int) -> None:
        """Draw a token; the one before is void."""
        self.void()
        self.alive = Token(self._rng.randrange(1, 1 << 64), purpose, digest, dies_ns)

    def void(self) -> None:
        """No token is alive, and none is remembered."""
        self.alive = None
        self._aged_number = 0

    def expire(self, link_ns: int) -> bool:
        """Let a token die of age; True when one did."""
        token = self.alive
        if token is None or link_ns < token.dies_ns:
            return False
        self.void()
        self._aged_number = token.number
        return True

    def use(self, number: int, purpose: Purpose, digest: bytes) -> RefusalReason | None:
        """Use the living token up, right or wrong; None when it was right. Where none is alive nothing changes."""
        if self._aged_number and number == self._aged_number:
            return RefusalReason.TOKEN_EXPIRED
        token, self.alive = self.alive, None
        if token is None or (number, purpose, digest) != (token.number, token.purpose, token.digest):
            return RefusalReason.WRONG_TOKEN
        return None
