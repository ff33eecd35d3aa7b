"""What a pump is, by SPEC.md sections 3 to 6: its state, its token, its lease, an ideal motor, its event history.

Refuses to know frames, sessions and which request is allowed when; refuses any physics beyond volume = flow x uptime.
Nothing ever goes wrong here but the end of a lease.
"""

from collections import deque
from random import Random
from typing import Final

from tests.protocols.companion.naive_frames import Fields
from tests.protocols.companion.refusals import RESERVOIR_UL, number

IDLE, LOADED, CONFIRMED, INFUSING, PAUSED, STOPPED, COMPLETED, PRIMING = range(8)
TOKEN_LIFE_MS: Final = 60_000
AUTO_PRESS_AFTER_MS: Final = 500
EVENT_RING: Final = 256
LEASE_ENDED: Final = 1 << 10
HOUR_MS: Final = 3_600_000
NEVER: Final = 1 << 64
NO_PROGRAM: Final = "00" * 8
BY_ALARMS, BY_TOKEN, BY_STATE = 1, 2, 3
POWER_ON, PROGRAM_LOADED, TOKEN_DRAWN, STARTED, HELD, RESUMED, HALTED, DONE = range(1, 9)
ALARM_RAISED, ALARM_CLEARED, PRIMED = 9, 10, 12


class TinyPump:
    """From power-on, the reservoir full. Volumes are counted in µL x HOUR_MS, so that flow x time stays exact."""

    def __init__(self, seed: str, *, auto_confirm: bool = False) -> None:
        self.auto_confirm: bool = auto_confirm
        self.random: Random = Random(seed)
        self.uptime_ms: int = 0
        self.state: int = IDLE
        self.alarms: int = 0
        self.program: Fields = {}
        self.flow_ul_h: int = 0  # the motor's speed whenever it is to move
        self.target: int = 0  # where this program, or this priming, ends
        self.moved: int = 0  # how far it is
        self.motor: int = 0  # all movement since power-on
        self.token: int = 0  # 0: none is alive
        self.aged_token: int = 0  # the last token drawn, if it died of age
        self.token_dies_ms: int = NEVER
        self.lease_ends_ms: int = NEVER
        self.presses_itself_ms: int = NEVER
        self.event_count: int = 0
        self.events: deque[Fields] = deque(maxlen=EVENT_RING)
        self.notices: list[Fields] = []  # taken by the caller after each call and each answer; a handful at most
        self.record(POWER_ON, 1)

    @property
    def moving(self) -> bool:
        return self.state in (INFUSING, PRIMING)

    @property
    def motor_ul(self) -> int:
        return self.motor // HOUR_MS

    @property
    def reservoir_left_ul(self) -> int:
        return RESERVOIR_UL - self.motor_ul

    def program_id(self) -> str:
        return str(self.program.get("program_id", NO_PROGRAM))

    def advance(self, now_ms: int) -> None:
        for _ in range(5):  # the four deadlines, and the death of a token that the pump drew by itself
            due_ms = min(self._motion_ends_ms(), self.token_dies_ms, self.lease_ends_ms, self.presses_itself_ms)
            if due_ms > now_ms:
                break
            self._turn_until(due_ms)
            self._pass(due_ms)
        self._turn_until(now_ms)

    def _motion_ends_ms(self) -> int:
        if not self.moving:
            return NEVER
        return self.uptime_ms - (self.moved - self.target) // self.flow_ul_h  # rounded up

    def _turn_until(self, now_ms: int) -> None:
        if self.moving:
            step = min(self.flow_ul_h * (now_ms - self.uptime_ms), self.target - self.moved)
            self.moved += step
            self.motor += step
        self.uptime_ms = now_ms

    def _pass(self, due_ms: int) -> None:
        if self.moving and self.moved == self.target:
            self._arrive()
        elif self.token_dies_ms == due_ms:
            aged = self.token
            self.lose_token()
            self.aged_token = aged
        elif self.lease_ends_ms == due_ms:
            self.alarms |= LEASE_ENDED
            self.record(ALARM_RAISED, LEASE_ENDED)
            self.stop()
            self.notice(BY_ALARMS)
        else:
            self.presses_itself_ms = NEVER
            if not self.token:
                self.press()

    def _arrive(self) -> None:
        if self.state == PRIMING:
            self.state = IDLE
            self.record(PRIMED, self.moved // HOUR_MS)
            self.moved = self.target = 0
        else:
            self.state = COMPLETED
            self.lease_ends_ms = NEVER
            self.record(DONE, self.motor_ul)
        self.notice(BY_STATE)

    def void_token(self) -> None:
        self.state = LOADED if self.state == CONFIRMED else self.state
        self.token, self.aged_token, self.token_dies_ms = 0, 0, NEVER

    def lose_token(self) -> None:
        """Of age, or by a refusal: nobody asked for that, so the pump says so."""
        self.void_token()
        self.notice(BY_TOKEN)

    def press(self) -> None:
        if self.state not in (LOADED, CONFIRMED, PAUSED):
            return
        self.token, self.aged_token = self.random.randrange(1, 1 << 64), 0
        self.token_dies_ms = self.uptime_ms + TOKEN_LIFE_MS
        self.state = PAUSED if self.state == PAUSED else CONFIRMED
        self.record(TOKEN_DRAWN, self.purpose())
        self.notice(BY_TOKEN)

    def purpose(self) -> int:
        if not self.token:
            return 0
        return 2 if self.state == PAUSED else 1

    def stop(self) -> None:
        self.void_token()
        self.lease_ends_ms = self.presses_itself_ms = NEVER
        if not self.program and self.state != PRIMING:
            return
        self.state = COMPLETED if self.state == COMPLETED else STOPPED
        self.record(HALTED, self.motor_ul)
        self.program, self.flow_ul_h, self.moved, self.target = {}, 0, 0, 0

    def load(self, program: Fields) -> None:
        self.void_token()
        self.program, self.state = program, LOADED
        self.flow_ul_h, self.moved, self.target = number(program, "flow_ul_h"), 0, number(program, "vtbi_ul") * HOUR_MS
        self.record(PROGRAM_LOADED, self.flow_ul_h)
        self._will_press()

    def start_motor(self, event: int) -> None:
        lease_ms = number(self.program, "lease_ms")
        self.lease_ends_ms = self.uptime_ms + lease_ms if lease_ms else NEVER
        self.presses_itself_ms = NEVER
        self.state = INFUSING
        self.record(event, self.motor_ul)

    def pause(self) -> None:
        self.state = PAUSED
        self.record(HELD, self.motor_ul)
        self._will_press()

    def _will_press(self) -> None:
        self.presses_itself_ms = self.uptime_ms + AUTO_PRESS_AFTER_MS if self.auto_confirm else NEVER

    def prime(self, flow_ul_h: int, volume_ul: int) -> None:
        self.program, self.state = {}, PRIMING
        self.flow_ul_h, self.moved, self.target = flow_ul_h, 0, volume_ul * HOUR_MS

    def acknowledge(self, alarms: int) -> None:
        """The only cause there is here, the end of a lease, has passed by the time it is acknowledged."""
        cleared = self.alarms & alarms
        if cleared:
            self.alarms &= ~cleared
            self.record(ALARM_CLEARED, cleared)
            self.notice(BY_ALARMS)

    def record(self, kind: int, detail: int) -> None:
        known = {"index": self.event_count, "uptime_ms": self.uptime_ms, "program_id": self.program_id()}
        self.events.append({**known, "kind": kind, "detail": detail})
        self.event_count += 1

    def notice(self, cause: int) -> None:
        now: Fields = {"uptime_ms": self.uptime_ms, "event_count": self.event_count, "state": self.state}
        self.notices.append({**now, "alarms": self.alarms, "cause": cause})
