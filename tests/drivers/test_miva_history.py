"""What a MIVA pump's log and counters come to: each type of entry, torn and unknown ones, counters that wrap."""

from __future__ import annotations

import pytest

from protocols.miva.record import BatteryState, Occlusion, Record, RecordType, SystemFault, encode_record, payload_of
from protocols.miva.rx import Component, Rx, logged_image, rx_image
from pumpctl.core.instant import Now
from pumpctl.drivers.miva_history import History, kind_of
from pumpctl.drivers.miva_program import Readings, rate_ul_h, status_of
from pumpctl.drivers.pump import PumpActivity

T = RecordType
PROGRAM_ID = "0123456789ABCDEF"
BLOCK = logged_image(rx_image(Rx(10_000, 99_750, "0", (Component("m", "1"), Component(PROGRAM_ID, "")), 0, 0)))
HARMLESS = {
    T.RUN, T.PAUSED, T.AUTHENTICATION, T.BATTERY, T.TIME_STAMP, T.POWER_ON, T.POWER_OFF, T.DEBUG, T.SETTING_CHANGE,
    T.CLEAR_SHIFT, T.BATTERY_CHECK, T.INFUSION_DATA,
}  # fmt: skip


def entry(kind: RecordType, payload: bytes = b"", stamp_s: int = 100) -> bytes:
    return encode_record(Record(kind, stamp_s, payload.ljust(11, b"\0")))


def history(*rows: bytes) -> History:
    made = History()
    for index, row in enumerate(rows):
        made.take(index, row)
    return made


def prescription(block: bytes = BLOCK) -> list[bytes]:
    rows = [block[start : start + 16] for start in range(0, 256, 16)]
    return [entry(T.INFUSION_DATA, b"\1"), *rows, entry(T.INFUSION_DATA, b"\2")]


POWER_ON = entry(T.POWER_ON, payload_of(BatteryState.AC, 4.5, 12.3))


@pytest.mark.parametrize("kind", [kind for kind in T if kind is not T.INFUSION_DATA])
def test_a_type_is_harmless_or_an_alarm_and_none_is_passed_over(kind: RecordType) -> None:
    made = history(POWER_ON, *prescription(), entry(kind))
    assert bool(made.alarms) is (kind not in HARMLESS)
    told, alarms = kind_of(entry(kind), raw=False)
    assert told == ("keypad_change" if kind is T.SETTING_CHANGE else kind.name.lower())
    assert set(alarms) <= made.alarms
    assert made.stopping_alarms == alarms


@pytest.mark.parametrize(
    ("kind", "detail", "alarms"),
    [
        (T.OCCLUSION, Occlusion.UPSTREAM, {"occlusion_upstream"}),
        (T.OCCLUSION, Occlusion.DOWNSTREAM, {"occlusion_downstream"}),
        (T.OCCLUSION, 3, {"occlusion_upstream", "occlusion_downstream"}),
        (T.OCCLUSION, 8, {"unknown_event"}),
        (T.SYSTEM_ERROR, SystemFault.SLOW_MOTOR, {"motor_stall"}),
        (T.SYSTEM_ERROR, SystemFault.FAST_MOTOR | SystemFault.SLOW_MOTOR, {"motor_stall", "flow_mismatch"}),
        (T.SYSTEM_ERROR, SystemFault.EXTERNAL_WATCHDOG, {"self_test"}),
        (T.SYSTEM_ERROR, SystemFault.SLOW_MOTOR | SystemFault.POST, {"motor_stall", "self_test"}),
        (T.CASSETTE_DETACHED, 0, {"door_open"}),
        (T.CASSETTE_EMPTY, 0, {"reservoir_empty"}),
        (T.BATTERY_DEPLETED, 0, {"battery_empty"}),
    ],
)
def test_an_alarm_has_the_name_that_the_daemon_knows(kind: RecordType, detail: int, alarms: set[str]) -> None:
    assert history(POWER_ON, entry(kind, payload_of(detail))).alarms == alarms


def test_an_alarm_stands_until_it_is_cleared_or_a_prescription_is_taken() -> None:
    occluded = [POWER_ON, entry(T.OCCLUSION, payload_of(Occlusion.DOWNSTREAM))]
    assert history(*occluded, entry(T.OCCLUSION, payload_of(Occlusion.CLEARED))).alarms == set()
    empty = [POWER_ON, entry(T.CASSETTE_EMPTY)]
    assert history(*empty, entry(T.OCCLUSION, payload_of(Occlusion.CLEARED))).alarms == {"reservoir_empty"}
    assert history(*empty, *prescription()).alarms == set()
    assert history(*empty, POWER_ON).alarms == set()


def test_a_low_battery_is_told_and_stops_nothing() -> None:
    made = history(POWER_ON, entry(T.BATTERY_LOW))
    assert (made.alarms, made.stopping_alarms) == ({"battery_low"}, ())


@pytest.mark.parametrize("row", [b"\xff" * 16, b"\x20" + bytes(15)])
def test_what_nobody_has_named_is_an_alarm(row: bytes) -> None:
    assert history(POWER_ON, row).stopping_alarms == ("unknown_event",)
    assert kind_of(row, raw=False) == ("unknown_event", ("unknown_event",))
    assert kind_of(row, raw=True) == ("prescription", ())


def test_a_prescription_is_its_block_and_its_raw_rows_are_no_entries() -> None:
    made = history(POWER_ON, *prescription(), entry(T.AUTHENTICATION), entry(T.RUN))
    assert (made.block, made.block_row, made.ran) == (BLOCK, 1, True)
    assert made.program_id == bytes.fromhex(PROGRAM_ID)
    assert (made.rate_ul_h, made.vtbi_ul) == (10_000, 99_750)
    assert [made.is_raw(index) for index in range(20)] == [False, False, *16 * [True], False, False]


def test_a_prescription_of_another_has_no_program_id() -> None:
    foreign = BLOCK[:154] + b"Home SC".ljust(20, b"\0") + BLOCK[174:]
    assert history(POWER_ON, *prescription(foreign)).program_id is None
    assert History().program_id is None
    nonsense = b"\xff" * 8 + BLOCK[8:]
    assert history(POWER_ON, *prescription(nonsense)).vtbi_ul == 0


def test_a_torn_prescription_is_none_and_alarms() -> None:
    torn = history(POWER_ON, *prescription()[:5], entry(T.RUN), *prescription()[6:])
    assert torn.block is not None  # sixteen rows all the same: what they say is compared byte by byte
    assert torn.block != BLOCK
    cut = history(POWER_ON, *prescription()[:17])
    assert (cut.block, cut.program_id) == (None, None)
    assert history(POWER_ON, entry(T.INFUSION_DATA, b"\2")).alarms == {"unknown_event"}


def test_a_power_on_forgets_all_but_its_own_figures() -> None:
    made = history(POWER_ON, *prescription(), entry(T.RUN), entry(T.CASSETTE_EMPTY))
    made.take(30, entry(T.POWER_ON, payload_of(BatteryState.LOW, 3.0, 99.9)))
    assert (made.boot_row, made.tenths_at_boot, made.on_mains) == (30, 999, False)
    assert (made.block, made.ran, made.alarms, made.authentication) == (None, False, set(), None)
    made.take(31, entry(T.BATTERY, payload_of(16)))
    assert made.on_mains


@pytest.mark.parametrize(("clock_s", "alive"), [(99, False), (100, True), (160, True), (161, False)])
def test_a_code_is_good_for_a_minute_of_the_pumps_clock(clock_s: int, *, alive: bool) -> None:
    given = [POWER_ON, *prescription(), entry(T.AUTHENTICATION)]
    assert history(*given).is_confirmed(clock_s) is alive
    assert not history(*given, entry(T.RUN)).is_confirmed(100)
    assert not history(*given, entry(T.PAUSED)).is_confirmed(100)
    assert not history(*given, *prescription()).is_confirmed(100)


def readings(**changed: object) -> Readings:
    told: dict[str, object] = {
        "clock_s": 7, "running": False, "vinf_ul": 0, "rate_ul_h": 10_000, "rotated": (4600, 0), "total_tenths": 0,
        "sensors": "0000001C2",
    }  # fmt: skip
    return Readings(**(told | changed))  # pyright: ignore[reportArgumentType]  # one test, many figures


@pytest.mark.parametrize(
    ("rotations", "tenths", "at_boot", "motor_ul", "encoder_ul"),
    [
        (0, 0, 0, 0, 0),
        (100, 23, 0, 2_300, 2_300),
        (100, 23, 20, 300, 300),
        (86, 20, 20, 0, 0),  # 1978 uL: a rotation short of the 2000 uL that the log says
        (10, 3, 65_535, 230 - 6_553_500 + (1 << 24) * 23, 400),
        ((1 << 24) - 1, 0, 0, ((1 << 24) - 1) * 23, 0),
    ],
)
def test_counters_count_from_the_power_on_and_over_their_end(
    rotations: int, tenths: int, at_boot: int, motor_ul: int, encoder_ul: int
) -> None:
    made = history(entry(T.POWER_ON, payload_of(BatteryState.AC, 4.5, at_boot / 10)))
    told = readings(rotated=(4600, rotations), total_tenths=tenths)
    counters = status_of(told, made, Now(0, 0, 0), 1, void=False).counters
    assert (counters.motor_ul, counters.encoder_ul) == (motor_ul, encoder_ul)


@pytest.mark.parametrize(
    ("running", "motor", "vinf_ul", "ran", "void", "activity"),
    [
        (False, "0", 0, False, False, PumpActivity.LOADED),
        (False, "0", 0, False, True, PumpActivity.STOPPED),
        (True, "4", 0, True, False, PumpActivity.INFUSING),
        (True, "4", 0, False, True, PumpActivity.INFUSING),
        (False, "0", 99_740, True, False, PumpActivity.STOPPED),
        (False, "4", 99_750, True, False, PumpActivity.COMPLETED),
    ],
)
def test_what_it_is_doing_follows_from_log_and_readings(
    running: bool, motor: str, vinf_ul: int, ran: bool, void: bool, activity: PumpActivity
) -> None:
    made = history(POWER_ON, *prescription(), *([entry(T.RUN)] if ran else []))
    told = readings(running=running, vinf_ul=vinf_ul, sensors=f"{motor}000001C2"[:9])
    status = status_of(told, made, Now(0, 0, 0), 1, void=void)
    assert (status.activity, status.moving) == (activity, running or motor == "4")
    assert (status.program_id is None) is (void and not running)


@pytest.mark.parametrize(("digits", "permille"), [("1C2", 1000), ("168", 500), ("10E", 0), ("000", 0), ("FFF", 1000)])
def test_the_battery_by_its_voltage(digits: str, permille: int) -> None:
    status = status_of(readings(sensors=f"000000{digits}"), History(), Now(0, 0, 0), 1, void=False)
    assert status.battery_permille == permille


@pytest.mark.parametrize(("text", "flow"), [("10", 10_000), ("10.0", 10_000), ("0.25", 250), ("135.005", 135_005)])
def test_a_rate_is_read_exactly(text: str, flow: int) -> None:
    assert rate_ul_h(text) == flow
