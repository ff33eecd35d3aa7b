"""One pump as a person asks `pumpsim serve` for it: its serial number, its line, its model.

Refuses to open anything. `serial=SIM-0002,tcp=127.0.0.1:0,profile=syringe` is how several are asked for at once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from simulator.failure import USAGE, Failure
from simulator.firmware.registry import ADDRESSED, DIALECTS
from simulator.profile import PROFILES

MAX_PUMPS = 256


class LineKind(Enum):
    """How the companion reaches it."""

    PTY = "pty"
    TCP = "tcp"
    RFC2217 = "rfc2217"


_KEYS = {"serial", "profile", "dialect", "address", "behind", *(kind.value for kind in LineKind)}


@dataclass(frozen=True, slots=True)
class PtyLine:
    """A link is made there."""

    link: Path


@dataclass(frozen=True, slots=True)
class NetLine:
    """TCP, raw or as RFC 2217; port 0 takes a free one."""

    kind: LineKind
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class SharedLine:
    """The line of another pump, by its serial number: a daisy chain, where each pump has an address."""

    behind: str


@dataclass(frozen=True, slots=True)
class ServedPump:
    """`profile` is a key of PROFILES, `dialect` one of DIALECTS; `address` for a dialect that has such."""

    serial: str
    line: PtyLine | NetLine | SharedLine
    profile: str = "reference"
    dialect: str = "companion"
    address: int = 0


def served_pump(dialect: str, serial: str | None, profile: str | None, **lines: str | None) -> ServedPump:
    """`lines` by kind; exactly one is given. Raises Failure with a line for people."""
    _known(dialect)
    serial, profile = serial or DIALECTS[dialect].serial, profile or DIALECTS[dialect].profile
    given = [(LineKind(kind), where) for kind, where in lines.items() if where is not None]
    if len(given) != 1:
        raise Failure(USAGE, "give either --pty LINK or --tcp HOST:PORT or --rfc2217 HOST:PORT, or several --pump")
    _profile(profile)
    kind, where = given[0]
    line = PtyLine(Path(where)) if kind is LineKind.PTY else _net_line(kind, where)
    return ServedPump(_simulated(serial, dialect), line, profile, dialect)


def parse_pump(text: str, dialect: str = "companion") -> ServedPump:
    """`serial=…,pty=…` or tcp or rfc2217 or behind, `profile=…`, `dialect=…`, `address=…` if others. Raises Failure."""
    entries: dict[str, str] = {}
    for part in text.split(","):
        key, separator, value = part.partition("=")
        if not separator or key in entries or key not in _KEYS:
            raise Failure(USAGE, f"--pump {text}: not as serial=SIM-0002,pty=/tmp/pump-b,profile=syringe")
        entries[key] = value
    if "serial" not in entries:
        raise Failure(USAGE, f"--pump {text}: no serial")
    dialect, address = _known(entries.pop("dialect", dialect)), _address(entries.pop("address", "0"))
    if (address or "behind" in entries) and dialect not in ADDRESSED:
        raise Failure(USAGE, f"--pump {text}: {dialect} has no addresses; those that have: {', '.join(ADDRESSED)}")
    serial, profile, behind = entries.pop("serial"), entries.pop("profile", None), entries.pop("behind", None)
    if behind is None:
        return replace(served_pump(dialect, serial, profile, **entries), address=address)
    if entries:
        raise Failure(USAGE, f"--pump {text}: a line of its own or behind another pump, not both")
    profile = profile or DIALECTS[dialect].profile
    return ServedPump(_simulated(serial, dialect), SharedLine(behind), _profile(profile), dialect, address)


def all_different(pumps: tuple[ServedPump, ...]) -> tuple[ServedPump, ...]:
    """Each serial and each pty once. Raises Failure."""
    if len(pumps) > MAX_PUMPS:
        raise Failure(USAGE, f"{len(pumps)} pumps, at most {MAX_PUMPS}")
    names = [pump.serial for pump in pumps]
    links = [str(pump.line.link) for pump in pumps if isinstance(pump.line, PtyLine)]
    heads = {pump.serial for pump in pumps if not isinstance(pump.line, SharedLine)}
    for pump in pumps:
        if isinstance(pump.line, SharedLine) and pump.line.behind not in heads:
            raise Failure(USAGE, f"{pump.serial}: behind {pump.line.behind}, which has no line of its own here")
    for taken in (names, links):
        if twice := sorted({name for name in taken if taken.count(name) > 1}):
            raise Failure(USAGE, f"{twice[0]} is asked for twice")
    return pumps


def _known(dialect: str) -> str:
    if dialect not in DIALECTS:
        raise Failure(USAGE, f"--dialect {dialect}: not simulated; there are {', '.join(DIALECTS)}")
    return dialect


def _profile(profile: str) -> str:
    if profile not in PROFILES:
        raise Failure(USAGE, f"--profile {profile}: there are {', '.join(PROFILES)}")
    return profile


def _address(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,2}", text):
        raise Failure(USAGE, f"address={text}: from 0 to 99")
    return int(text)


def _net_line(kind: LineKind, where: str) -> NetLine:
    host, _, port = where.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or int(port) > 65_535:
        raise Failure(USAGE, f"--{kind.value} {where}: not HOST:PORT, as 127.0.0.1:7000")
    return NetLine(kind, host.strip("[]"), int(port))


def _simulated(serial: str, dialect: str) -> str:
    """Each dialect keeps some for simulators (SPEC.md section 3: those that begin SIM-)."""
    if not re.fullmatch(DIALECTS[dialect].serials, serial):
        raise Failure(USAGE, f"--serial {serial}: a simulated pump's {DIALECTS[dialect].serial_rule}")
    return serial
