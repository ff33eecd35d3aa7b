"""How long to stay away from a broker after a connection was lost or refused, and why, in words.

Refuses to connect and to wait. Two daemons of one name throw each other out for ever if each comes back at once; a
broker of MQTT 5 may say so (142), and mosquitto 2.0.11 only hangs up, so connections that are lost again and again soon
after they were made, by a broker that is there each time, count as the same.
"""

from __future__ import annotations

from collections.abc import Callable

import aiomqtt

from pumpctl.shell.chance import spread
from pumpctl.shell.mqtt_refusal import words_of
from pumpctl.shell.unusable import Unusable

FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0
TAKEN_OVER = 0x8E  # MQTT 5: another client has connected with our name
TAKEN_OVER_WAIT_S = 300.0
SHORT_S = 60.0
SHORT_ONES = 5


class Retreat:
    """One for the life of a link."""

    def __init__(self, client_id: str, clock_s: Callable[[], float]) -> None:
        self._client_id = client_id
        self._clock_s = clock_s
        self._wait_s = FIRST_WAIT_S
        self._since_s: float | None = None  # connected since
        self._short_ones = 0

    def connected(self) -> None:
        """The broker has taken us."""
        self._wait_s, self._since_s = FIRST_WAIT_S, self._clock_s()

    def after(self, error: Exception) -> tuple[float, str]:
        """How long to wait before the next attempt, s, and what is wrong."""
        since_s, self._since_s = self._since_s, None
        short = since_s is not None and self._clock_s() - since_s < SHORT_S
        self._short_ones = self._short_ones + 1 if short else 0
        code = _code(error)
        if code == TAKEN_OVER or self._short_ones >= SHORT_ONES:
            self._short_ones = 0
            seen = "" if code == TAKEN_OVER else f"; {SHORT_ONES} connections were lost soon after they were made"
            told = f"another daemon seems to connect as {self._client_id}: give each its own `instance`{seen}"
            return spread(TAKEN_OVER_WAIT_S), told
        wait_s, self._wait_s = self._wait_s, min(2 * self._wait_s, LONGEST_WAIT_S)
        return spread(wait_s), _words(error, code)


def _code(error: Exception) -> int | None:
    rc = error.rc if isinstance(error, aiomqtt.MqttCodeError) else None
    return rc if rc is None or isinstance(rc, int) else rc.value


def _words(error: Exception, code: int | None) -> str:
    if isinstance(error, Unusable):
        return str(error)
    if code == 0x80:  # what the library calls a connection that ended without a word
        return "the connection was lost"
    if code is not None and code > 0x80:
        return words_of(code)
    return str(error) if isinstance(error, aiomqtt.MqttError) else f"{type(error).__name__}: {error}"
