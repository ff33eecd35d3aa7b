"""The line of a simulated pump as a serial port on the net (RFC 2217): pyserial's server side on top of a TCP listener.

Refuses to know what the bytes mean. Settings that a client asks for are taken note of and change nothing: a simulated
line is as fast as it is. A client that speaks the protocol wrongly is hung up on.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from serial.rfc2217 import PortManager

from simulator.port import TcpPort

MAX_OPTION_BYTES = 64  # the longest that RFC 2217 has is a baud rate


@dataclass(slots=True)
class Uart:
    """What pyserial's server side wants of a serial port. All modem lines are up."""

    baudrate: int = 115_200
    bytesize: int = 8
    parity: str = "N"
    stopbits: float = 1
    xonxoff: bool = False
    rtscts: bool = False
    dtr: bool = True
    rts: bool = True
    break_condition: bool = False
    cts: bool = True
    dsr: bool = True
    cd: bool = True
    ri: bool = False

    def reset_input_buffer(self) -> None:
        """Nothing is kept for anybody."""

    def reset_output_buffer(self) -> None:
        """Nothing is kept for anybody."""


class _Wire:
    """Where the server side writes its own words."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self.write = write


class Rfc2217Port(TcpPort):
    """One client at a time, each with a negotiation of its own."""

    scheme = "rfc2217"

    def __init__(self, host: str, port: int, on_bytes: Callable[[bytes], None]) -> None:
        super().__init__(host, port, on_bytes)
        self._manager: PortManager | None = None

    def write(self, sent: bytes) -> None:
        """As TCP, with the escape byte doubled."""
        if self._manager is not None and sent:
            super().write(b"".join(self._manager.escape(sent)))

    def _welcome(self) -> None:
        self._manager = PortManager(cast("Any", Uart()), cast("Any", _Wire(super().write)))

    def _hear(self, received: bytes) -> None:
        if self._manager is None:
            return
        heard: list[bytes] = []
        try:
            heard.extend(self._manager.filter(received))
        except (KeyError, TypeError, ValueError, struct.error):  # pyserial believes what it is told
            self._drop_client()
        if len(self._manager.suboption or b"") > MAX_OPTION_BYTES:
            self._drop_client()
        if heard:
            self._on_bytes(b"".join(heard))
