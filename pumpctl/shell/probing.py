"""A port asked who answers on it: opened for each dialect at its own speed, one question at a time, and closed.

Refuses to wait longer than ANSWER_S for an answer, and to open a port that somebody else has open.
"""

from __future__ import annotations

import os
import select
from collections.abc import Iterable

from pumpctl.core.instant import NS_PER_S
from pumpctl.drivers.probes import Found, Probe, Question
from pumpctl.shell.clock import boottime_ns
from pumpctl.shell.port import open_port

ANSWER_S = 0.6  # the slowest of them answers within half a second
READ_BYTES = 4_096
MOST_BYTES = 65_536  # of a line that babbles; more is not listened to


def probe_port(url: str, wanted: Iterable[Probe], baud: int | None) -> Found | None:
    """The first dialect that answers. Raises PortUnusable."""
    for probe in wanted:
        port = open_port(url, probe.baud if baud is None else baud, "PORT")
        try:
            found = _asked(port.fd, probe)
        finally:
            port.close()
        if found is not None:
            return found
    return None


def _asked(descriptor: int, probe: Probe) -> Found | None:
    found = _answer(descriptor, probe.questions[0], Found(probe.dialect))
    for question in probe.questions[1:]:
        found = found and (_answer(descriptor, question, found) or found)
    return found


def _answer(descriptor: int, question: Question, before: Found) -> Found | None:
    _drain(descriptor)
    os.write(descriptor, question.asks)
    until_ns = boottime_ns() + round(ANSWER_S * NS_PER_S)
    received = b""
    while len(received) < MOST_BYTES:
        left_s = (until_ns - boottime_ns()) / NS_PER_S
        if left_s <= 0 or not select.select([descriptor], [], [], left_s)[0]:
            return None
        arrived = _read(descriptor)
        if not arrived:
            return None
        received += arrived
        found = question.read(before, received)
        if found is not None:
            return found
    return None


def _drain(descriptor: int) -> None:
    """What came before the question is no answer to it."""
    for _ in range(MOST_BYTES // READ_BYTES):
        if not select.select([descriptor], [], [], 0)[0] or not _read(descriptor):
            return


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, READ_BYTES)
    except OSError:  # hung up: nobody will answer
        return b""
