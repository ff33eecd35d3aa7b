"""The simulated pump plays every exchange of vectors.json, which was written from SPEC.md by somebody else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simulator.instant import NS_PER_MS, SimNow
from simulator.pump import Button, SimPump
from tests.protocols.companion.exchange_runner import run_exchange
from tests.protocols.companion.exchange_script import Exchange

VECTORS = Path(__file__).parents[2] / "protocols" / "companion" / "vectors.json"
EXCHANGES: list[Exchange] = json.loads(VECTORS.read_text())["exchanges"]
LATEST_NS = 100 * NS_PER_MS


class AtUptime:
    """A SimPump on a line where the next byte leaves when the answer has come."""

    def __init__(self, *, auto_confirm: bool) -> None:
        self.pump = SimPump(serial="SIM-0001", seed=7, auto_confirm=auto_confirm)
        self.now_ns = 0

    def receive(self, data: bytes, uptime_ms: int) -> bytes:
        self.now_ns = max(self.now_ns, uptime_ms * NS_PER_MS)
        return self.pump.receive(data, self._now()) + self._answers()

    def press_confirm(self, uptime_ms: int) -> bytes:
        self.now_ns = max(self.now_ns, uptime_ms * NS_PER_MS)
        self.pump.press(Button.CONFIRM, self._now())
        return self._answers()

    def _answers(self) -> bytes:
        until_ns = self.now_ns + LATEST_NS
        sent = b""
        while self._has_to_say() and self.pump.call_at() <= until_ns:
            self.now_ns = max(self.now_ns, self.pump.call_at())
            sent += self.pump.advance(self._now())
        return sent

    def _has_to_say(self) -> bool:
        firmware = self.pump._firmware  # pyright: ignore[reportPrivateUsage] - no pump has such a door
        return firmware is not None and firmware.says_ns() is not None

    def _now(self) -> SimNow:
        return SimNow(self.now_ns, self.now_ns)


@pytest.mark.parametrize("exchange", EXCHANGES, ids=[exchange["name"] for exchange in EXCHANGES])
def test_exchange(exchange: Exchange) -> None:
    run_exchange(exchange, AtUptime(auto_confirm=exchange.get("auto_confirm", False)))
