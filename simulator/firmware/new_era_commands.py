"""The commands of a New Era pump: what each one answers, changes or refuses (docs/dialects/new_era.md section 4).

Refuses to know packets and addresses. A command is text behind the address; the body of its reply comes back, empty
for what was carried out, with a question mark in front for what was not.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from protocols.errors import RemoteProtocolError
from protocols.new_era.figures import RATE_UNITS, VOLUME_UNITS, shown_text, thousandths
from protocols.new_era.messages import MAX_ADDRESS, Prompt, Refusal
from simulator.firmware.new_era_machine import NewEraMachine
from simulator.firmware.new_era_memory import MAX_DIAMETER_UM, MIN_DIAMETER_UM, PHASES
from simulator.instant import SimNow

VERSION = "NE1000V3.928"
MAX_SAFE_S = 255
_DONE = ""


def _no(refusal: Refusal) -> str:
    return f"?{refusal.value}"


class Commands:
    """Of one power-on: the selected phase is not kept."""

    def __init__(self, machine: NewEraMachine) -> None:
        self._machine = machine
        self._memory = machine.memory
        self._selected = 1
        self._methods: dict[str, Callable[[str, SimNow], str]] = {
            "VER": self._version,
            "DIA": self._diameter,
            "PHN": self._phase,
            "FUN": self._function,
            "RAT": self._rate,
            "VOL": self._volume,
            "DIR": self._direction,
            "RUN": self._run,
            "STP": self._stop,
            "PUR": self._purge,
            "DIS": self._dispensed,
            "CLD": self._clear,
            "SAF": self._safe_mode,
        }

    def carry_out(self, command: str, now: SimNow) -> str:
        """The body of the reply."""
        if command == "":
            return _DONE
        method = self._methods.get(command[:3])
        if method is None:
            known = any(command.startswith(word) for word in _TAKEN_FOR_NOTHING)
            return _DONE if known else _no(Refusal.UNKNOWN)
        return method(command[3:], now)

    def carry_out_for_all(self, command: str) -> str:
        """Behind a star, whatever the address."""
        if command == "RESET":
            self._memory.wipe()
            return _DONE
        return self._address(command[3:]) if command[:3] == "ADR" else _no(Refusal.UNKNOWN)

    def _address(self, argument: str) -> str:
        if not argument:
            return f"{self._memory.address:02}"
        found = re.fullmatch(r"([0-9]{1,3})(?:B[0-9]{3,5})?", argument)
        if found is None or int(found.group(1)) > MAX_ADDRESS:
            return _no(Refusal.OUT_OF_RANGE)
        self._memory.address = int(found.group(1))
        return _DONE

    def _version(self, argument: str, _: SimNow) -> str:
        return _no(Refusal.UNKNOWN) if argument else VERSION

    def _diameter(self, argument: str, now: SimNow) -> str:
        if not argument:
            return shown_text(self._memory.diameter_um)
        if self._machine.is_running:
            return _no(Refusal.NOT_APPLICABLE)
        diameter_um = _number(argument)
        if diameter_um is None or not MIN_DIAMETER_UM <= diameter_um <= MAX_DIAMETER_UM:
            return _no(Refusal.OUT_OF_RANGE)
        self._memory.diameter_um = diameter_um
        self._machine.clear_infused(now)
        return _DONE

    def _phase(self, argument: str, _: SimNow) -> str:
        if not argument:
            return f"{self._selected:02}"
        if self._machine.is_running:
            return _no(Refusal.NOT_APPLICABLE)
        number = _whole(argument, PHASES)
        if not number:
            return _no(Refusal.OUT_OF_RANGE)
        self._selected = number
        return _DONE

    def _function(self, argument: str, _: SimNow) -> str:
        phase = self._memory.phase(self._selected)
        if not argument:
            return phase.function
        if self._machine.is_running:
            return _no(Refusal.NOT_APPLICABLE)
        if argument not in {"RAT", "STP"}:
            return _no(Refusal.UNKNOWN)
        phase.function = argument
        return _DONE

    def _rate(self, argument: str, now: SimNow) -> str:
        running = self._machine.prompt is Prompt.INFUSING
        phase = self._machine.phase if running else self._memory.phase(self._selected)
        if phase.function != "RAT":
            return _no(Refusal.NOT_APPLICABLE)
        if not argument:
            return f"{shown_text(phase.rate)}{phase.rate_unit}"
        unit = argument[-2:] if argument[-2:] in RATE_UNITS else ""
        rate = _number(argument.removesuffix(unit))
        unit_now = unit or phase.rate_unit
        if running and unit_now != phase.rate_unit:
            return _no(Refusal.NOT_APPLICABLE)
        if rate is None or not self._memory.can_pump(rate * RATE_UNITS[unit_now]):
            return _no(Refusal.OUT_OF_RANGE)
        phase.rate, phase.rate_unit = rate, unit_now
        if running:
            self._machine.drive_phase(now)
        return _DONE

    def _volume(self, argument: str, _: SimNow) -> str:
        phase = self._memory.phase(self._selected)
        if not argument:
            return f"{shown_text(phase.volume)}{self._memory.volume_unit}"
        if self._machine.is_running:
            return _no(Refusal.NOT_APPLICABLE)
        if argument in VOLUME_UNITS:
            self._memory.volume_unit_told = argument
            return _DONE
        volume = _number(argument)
        if volume is None:
            return _no(Refusal.OUT_OF_RANGE)
        phase.volume = volume
        return _DONE

    def _direction(self, argument: str, _: SimNow) -> str:
        phase = self._memory.phase(self._selected)
        if not argument:
            return phase.direction
        if argument not in {"INF", "WDR", "REV", "STK"}:
            return _no(Refusal.UNKNOWN)
        if self._machine.is_running:
            return _no(Refusal.NOT_APPLICABLE)
        if argument == "REV":
            argument = "WDR" if phase.direction == "INF" else "INF"
        phase.direction = argument
        return _DONE

    def _run(self, argument: str, now: SimNow) -> str:
        machine = self._machine
        number = _whole(argument, PHASES) if argument else 1
        if number is None:
            return _no(Refusal.UNKNOWN)
        if machine.is_running:
            return _no(Refusal.NOT_APPLICABLE)
        if machine.prompt is Prompt.PAUSED:
            machine.resume(now)
            return _DONE
        phase = self._memory.phase(number) if number else None
        if phase is None or not self._memory.can_pump(phase.rate_nl_h):
            return _no(Refusal.OUT_OF_RANGE)
        if phase.direction != "INF":
            return _no(Refusal.NOT_APPLICABLE)  # invented: no fluid comes back in the simulator
        machine.run(number, now)
        return _DONE

    def _stop(self, argument: str, now: SimNow) -> str:
        if argument:
            return _no(Refusal.UNKNOWN)
        self._machine.stop(now)
        return _DONE

    def _purge(self, argument: str, now: SimNow) -> str:
        if argument:
            return _no(Refusal.UNKNOWN)
        if self._machine.is_running:
            return _no(Refusal.NOT_APPLICABLE)
        self._machine.purge(now)
        return _DONE

    def _dispensed(self, argument: str, now: SimNow) -> str:
        if argument:
            return _no(Refusal.UNKNOWN)
        unit = self._memory.volume_unit
        return f"I{shown_text(self._machine.infused_nl(now) // VOLUME_UNITS[unit])}W0.000{unit}"

    def _clear(self, argument: str, now: SimNow) -> str:
        if self._machine.is_running:
            return _no(Refusal.NOT_APPLICABLE)
        if argument not in {"INF", "WDR"}:
            return _no(Refusal.UNKNOWN)
        if argument == "INF":
            self._machine.clear_infused(now)
        return _DONE

    def _safe_mode(self, argument: str, _: SimNow) -> str:
        if not argument:
            return str(self._memory.safe_s)
        seconds = _whole(argument, MAX_SAFE_S)
        if seconds is None:
            return _no(Refusal.OUT_OF_RANGE)
        self._memory.safe_s = seconds
        return _DONE


# Sounds, keys and contacts, of which a simulated pump has none.
_TAKEN_FOR_NOTHING = ("AL", "BUZ", "LN", "LOC", "BP", "PF")


def _number(text: str) -> int | None:
    try:
        return thousandths(text)
    except RemoteProtocolError:
        return None


def _whole(text: str, most: int) -> int | None:
    """0 to `most`; None for anything else."""
    number = int(text) if re.fullmatch(r"[0-9]{1,3}", text) else None
    return number if number is not None and number <= most else None
