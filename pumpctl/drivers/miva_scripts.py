"""What a MIVA pump is asked for each command, and what is remembered of it between two of them.

Refuses to know bytes and turns: a script yields a question and is sent its answer, and ends in facts. The pump forgets
nothing on a stop, so this is done here: what was stopped is void, and a start is asked for only for what was read back
since it was loaded, has not run since, and was not stopped.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeAlias, assert_never

from protocols.errors import LocalProtocolError
from protocols.miva.library import KNOWN_LIBRARIES, DrugLibrary
from protocols.miva.record import RING_RECORDS
from protocols.miva.requests import (
    ACCEPTED,
    INFUSION_RATE,
    IS_RUNNING,
    PROTOCOL_RATE,
    RUN,
    SIMULATED_SERIAL,
    RxRefusal,
    begin_rx,
    confirm_rx,
    read_record,
    send_block,
)
from protocols.miva.rx import blocks_of
from protocols.miva.seal import rx_seal
from pumpctl.core.capability import MIVA_REFERENCE
from pumpctl.core.instant import NS_PER_S, Now
from pumpctl.core.program import Program
from pumpctl.drivers.miva_history import kind_of
from pumpctl.drivers.miva_log import LogReader
from pumpctl.drivers.miva_program import Readings, Shown, image_of, is_read_back, rate_ul_h, status_of
from pumpctl.drivers.pump import (
    AcknowledgeAlarms,
    Command,
    ConfirmationRead,
    Denied,
    Done,
    EventRead,
    Fact,
    Identified,
    Identify,
    LoadProgram,
    Pause,
    Prime,
    ProgramRead,
    ReadConfirmation,
    ReadEvent,
    ReadProgram,
    ReadStatus,
    Renew,
    Resume,
    SessionLost,
    Start,
)

# After the run key the pump shows each parameter for about 1.5 s, and an image has eleven (rx.py): no longer than this.
REVIEW_NS = 17 * NS_PER_S
WALK_LIMIT = (
    1_024  # rows of the log that are read in one go; a pump that was on for longer has to be switched off and on
)
AUTO_CONFIRM = "-auto"  # how the simulator's firmware says so
Script: TypeAlias = Generator[str, tuple[str, ...], list[Fact]]


class Scripts:
    """Of one channel's pump."""

    def __init__(self) -> None:
        self._serial = ""
        self._library: DrugLibrary | None = None
        self._log = LogReader()
        self._voided = False  # STOP was written since the last upload: whatever the pump holds is not to run
        self._read_row: int | None = None  # the one that was read back equal
        self._stopping = False  # a STOP was written and is not seen to have worked yet
        self._taken = False  # the pump said that it took one
        self._review_ends_ns: int | None = None
        self._rate_ul_h = 0  # as last told
        self._asked = Now(0, 0, 0)  # when the last question left

    def stopping(self) -> None:
        """STOP is written: whatever is loaded is not to run any more."""
        self._taken = self._taken and self._stopping
        self._stopping = True
        self._voided, self._read_row, self._review_ends_ns = True, None, None

    def stop_taken(self) -> None:
        """The pump says so."""
        self._taken = self._stopping

    @property
    def is_stopping(self) -> bool:
        """A STOP was written and the pump was not yet seen still after taking it."""
        return self._stopping

    def asking(self, now: Now) -> None:
        """A question leaves at this instant."""
        self._asked = now

    def script_for(self, command: Command, now: Now, *, settled: bool) -> Script:
        """`settled`: no answer to an earlier question can come any more."""
        match command:
            case Start():
                return self._start(command, now, settled=settled)
            case Identify():
                return self._identify()
            case ReadStatus():
                return self._read_stopping() if self.is_stopping else self._read_status(now)
            case LoadProgram():
                return self._load(command)
            case ReadProgram():
                return self._read_program(command.expected)
            case ReadConfirmation():
                return self._read_confirmation()
            case ReadEvent():
                return self._read_event(command.index)
            case Resume() | Pause() | Prime() | Renew() | AcknowledgeAlarms():
                return self._deny(command, "not_by_link")
            case _:
                assert_never(command)

    def _deny(self, command: Command, code: str) -> Script:
        """There must be something to write: a question that changes nothing."""
        yield "RS"
        return [Denied(command, code)]

    def _start(self, command: Start, now: Now, *, settled: bool) -> Script:
        objection = self._objection(command) if settled else "line_unsettled"
        if objection is not None:
            return (yield from self._deny(command, objection))
        self._review_ends_ns = now.link_ns + REVIEW_NS
        yield RUN
        return [Done(command)]

    def _objection(self, command: Start) -> str | None:
        history = self._log.history
        held = history.block_row is not None and history.program_id == command.program_id
        return next(
            (
                code
                for holds, code in (
                    (held, "wrong_program"),
                    (not self._voided, "stopped_since"),
                    (self._read_row == history.block_row, "not_read_back"),
                    (not history.ran, "ran_already"),
                )
                if not holds
            ),
            None,
        )

    def _identify(self) -> Script:
        (serial,) = yield "RN"
        (firmware,) = yield "RS"
        (title,) = yield "RL"
        (clock,) = yield "RC"
        if not (yield from self._log.read_past()):
            return [Denied(Identify(), "no_power_on_in_log")]
        if serial != self._serial:
            self._read_row = None
        self._serial, self._library = serial, KNOWN_LIBRARIES.get(title)
        self._rate_ul_h = self._log.history.rate_ul_h
        return [
            Identified(
                serial=serial,
                firmware=firmware,
                simulated=serial.startswith(SIMULATED_SERIAL),
                auto_confirm=firmware.endswith(AUTO_CONFIRM),
                boot_count=self._log.history.boot_row or 0,
                uptime_ms=_seconds(clock) * 1000,
                capability=MIVA_REFERENCE,
            )
        ]

    def _read_status(self, asked: Now) -> Script:
        (serial,) = yield "RN"
        (clock,) = yield "RC"
        if serial != self._serial:
            return [Denied(ReadStatus(), "another_pump"), SessionLost()]
        if not (yield from self._log.catch_up()):
            return [Denied(ReadStatus(), "log_overrun"), SessionLost()]
        (running,) = yield IS_RUNNING
        (vinf,) = yield "Q5"
        (rate,) = yield INFUSION_RATE
        calibration, rotations = yield "R8"
        (total,) = yield "R3"
        (sensors,) = yield "S9"
        rotated = (int(calibration, 16), int(rotations, 16))
        self._rate_ul_h = rate_ul_h(rate)
        return self._told(
            Readings(
                _seconds(clock), running == "TRUE", _volume_ul(vinf), self._rate_ul_h, rotated, int(total, 16), sensors
            ),
            asked,
        )

    def _read_stopping(self) -> Script:
        """What proves a stop and counts the volume, and no more.

        The motor's own counter is read after it was seen still; the other one, read before, can only show less.
        """
        (clock,) = yield "RC"
        (total,) = yield "R3"
        (vinf,) = yield "Q5"
        taken = self._taken
        (running,) = yield IS_RUNNING
        asked = self._asked
        (sensors,) = yield "S9"
        calibration, rotations = yield "R8"
        rotated = (int(calibration, 16), int(rotations, 16))
        self._stopping = running == "TRUE" or not taken
        return self._told(
            Readings(
                _seconds(clock), running == "TRUE", _volume_ul(vinf), self._rate_ul_h, rotated, int(total, 16), sensors
            ),
            asked,
        )

    def _told(self, told: Readings, asked: Now) -> list[Fact]:
        if self._review_ends_ns is not None:
            if not (told.running or self._log.history.ran or asked.link_ns >= self._review_ends_ns):
                return [Denied(ReadStatus(), "start_under_review")]
            self._review_ends_ns = None
        status = status_of(told, self._log.history, asked, self._log.count, void=self._voided)
        return [status]

    def _load(self, command: LoadProgram) -> Script:
        if self._library is None:
            return (yield from self._deny(command, "unknown_library"))
        try:
            image = image_of(command.program, self._library)
        except LocalProtocolError:
            return (yield from self._deny(command, "not_settable"))
        self._read_row = None
        (begun,) = yield begin_rx(self._serial, self._library.crc, self._library.number)
        if begun != ACCEPTED:
            return [Denied(command, _refusal(begun))]
        for place, block in enumerate(blocks_of(image)):
            yield send_block(place, block)
        (taken,) = yield confirm_rx(rx_seal(self._serial, image))
        if taken != ACCEPTED:
            return [Denied(command, _refusal(taken))]
        self._voided = False
        return [Done(command)]

    def _read_program(self, expected: Program) -> Script:
        self._read_row = None
        if self._library is None or not (yield from self._log.catch_up()):
            return [ProgramRead(None, None)]
        (mode,) = yield "Q0"
        (vtbi,) = yield "QD"
        (rate,) = yield PROTOCOL_RATE
        (time,) = yield "QE"
        (unit,) = yield "QC"
        shown = Shown(mode, unit, int(vtbi, 16), int(time, 16), rate_ul_h(rate))
        history = self._log.history
        if history.block is None or self._voided:
            return [ProgramRead(None, None)]
        if not is_read_back(expected, self._library, history.block, shown):
            return [ProgramRead(history.program_id, None)]
        self._read_row = history.block_row
        return [ProgramRead(history.program_id, expected)]

    def _read_confirmation(self) -> Script:
        (clock,) = yield "RC"
        whole = yield from self._log.catch_up()
        history, given = self._log.history, self._log.history.authentication
        if not whole or given is None or self._voided or not history.is_confirmed(_seconds(clock)):
            return [ConfirmationRead(history.program_id, None, for_resume=False)]
        token = (given.stamp_s * RING_RECORDS + given.row) + 1  # this row of the log, and no other ever
        return [ConfirmationRead(history.program_id, token, for_resume=False)]

    def _read_event(self, index: int) -> Script:
        place = index % RING_RECORDS
        (row,) = yield read_record(place)
        return [EventRead(index, *kind_of(bytes.fromhex(row), raw=self._log.history.is_raw(place)))]


def _seconds(clock: str) -> int:
    """RC without its mark."""
    return int(clock, 16) & 0x0FFF_FFFF


def _volume_ul(hundredths: str) -> int:
    return int(hundredths, 16) * 10


def _refusal(letter: str) -> str:
    known = {each.value: each.name.lower() for each in RxRefusal}
    return known.get(letter, "refused")
