"""The witness: what each event and effect becomes, and what is no sample at all."""

from __future__ import annotations

import pytest
from prometheus_client import generate_latest

from pumpctl.core.delivery import DeliveryState
from pumpctl.core.instant import NS_PER_S
from pumpctl.core.reason import Reason
from pumpctl.effects import Effect, Publish, Record, Refuse, Reply, WritePump
from pumpctl.events import DeadlineReached, Event, GuardChanged, PumpBytes, Recorded, RecordFailed
from pumpctl.shell.figures import Figures
from pumpctl.shell.witness import STALE_NS, Sources, Witness
from pumpctl.supervision.channel import Link
from tests.metrics.told import FakeBoottime, FakeMqtt, Noise, Series, named, read, state, value

OF_STATUS = (
    "pumpctl_rate_ml_per_hour",
    "pumpctl_dose_rate_mg_per_minute",
    "pumpctl_pressure_mmhg",
    "pumpctl_reservoir_ml",
    "pumpctl_battery_ratio",
)


class Bench:
    """A witness whose clocks the test holds."""

    def __init__(self, mqtt: FakeMqtt | None = None) -> None:
        self.figures = Figures()
        self.boottime = FakeBoottime()
        self.noise = Noise()
        self.now_s = 100.0
        self.witness = Witness(
            self.figures, {"a": "companion", "b": "alaris"}, Sources(self.noise, mqtt), self.boottime
        )

    def turn(self, event: Event | None, *effects: Effect, lasts_s: float = 0.0) -> None:
        began_s = self.now_s
        self.now_s += lasts_s
        self.witness.note(event, effects, began_s, self.now_s)

    @property
    def series(self) -> Series:
        self.witness.look()
        self.figures.take()
        return read(generate_latest(self.figures.registry))

    def value(self, name: str, **labels: str) -> float | None:
        return value(self.series, name, **labels)


def stop_requested(seq: int, *codes: str, channel: str = "a") -> Record:
    told = [{"code": code, "message": "for people"} for code in codes]
    return Record(seq, "stop_requested", {"channel": channel, "reasons": told, "latches": True}, 0)


def test_a_state_is_told_as_it_was_read() -> None:
    bench = Bench()
    bench.turn(DeadlineReached(), state())
    series = bench.series
    told = [value(series, name, channel="a") for name in OF_STATUS]
    assert told == [9.98, 3.327, 42, 88.5, pytest.approx(0.975)]
    assert value(series, "pumpctl_delivered_ml_total", channel="a", bound="least") == 11.5
    assert value(series, "pumpctl_delivered_ml_total", channel="a", bound="most") == 12.25
    assert value(series, "pumpctl_pump_info", channel="a", dialect="companion", serial="SIM-0001") == 1
    assert value(series, "pumpctl_status_age_seconds", channel="a") == pytest.approx(0.12)
    states = {str(each["state"]) for each in named(series, "pumpctl_state")}
    assert states == {each.value for each in DeliveryState}
    assert {s for s in states if value(series, "pumpctl_state", channel="a", state=s)} == {"infusing"}
    links = {each.value for each in Link}
    assert {s for s in links if value(series, "pumpctl_link", channel="a", link=s) == 1} == {"up"}
    assert value(series, "pumpctl_link", channel="a", link="down") == 0


@pytest.mark.hazard("H66")
@pytest.mark.parametrize("link", ["down", "silent", "identifying", "refused"])
def test_once_the_link_is_not_up_nothing_of_the_last_status_is_left_but_its_age(link: str) -> None:
    """Reservoir and battery stay in the payload with their age; a gauge has none."""
    bench = Bench()
    bench.turn(None, state())
    bench.turn(None, state(link=link, flow_ml_h=None, dose_rate_mg_min=None, pressure_mmhg=None))
    series = bench.series
    assert [name for name in OF_STATUS if named(series, name)] == []
    assert value(series, "pumpctl_link", channel="a", link=link) == 1
    assert value(series, "pumpctl_delivered_ml_total", channel="a", bound="least") == 11.5
    assert value(series, "pumpctl_status_age_seconds", channel="a") is not None


def test_before_a_pump_was_heard_there_is_no_sample_and_no_zero() -> None:
    bench = Bench()
    unknown = dict.fromkeys(["status_age_ms", "flow_ml_h", "reservoir_ml", "battery_percent", "serial"])
    none = {"delivered_least_ml": None, "delivered_most_ml": None, "link": "identifying", "state": "unknown"}
    bench.turn(None, state(**unknown, **none))
    series = bench.series
    for name in (*OF_STATUS, "pumpctl_delivered_ml_total", "pumpctl_status_age_seconds", "pumpctl_pump_info"):
        assert named(series, name) == [], name
    assert value(series, "pumpctl_state", channel="a", state="unknown") == 1


@pytest.mark.hazard("H66")
def test_a_state_that_nobody_told_any_more_is_gone_and_its_age_grows() -> None:
    bench = Bench()
    bench.turn(None, state())
    bench.turn(None, state("b"))
    bench.boottime.now_ns += STALE_NS
    assert bench.value("pumpctl_rate_ml_per_hour", channel="a") == 9.98
    bench.turn(None, state("b", flow_ml_h=1.0))
    bench.boottime.now_ns += 1
    series = bench.series
    for name in (*OF_STATUS, "pumpctl_state", "pumpctl_link", "pumpctl_delivered_ml_total", "pumpctl_latched_reasons"):
        assert {labels["channel"] for labels in named(series, name)} == {"b"}, name
    assert value(series, "pumpctl_rate_ml_per_hour", channel="b") == 1.0
    assert value(series, "pumpctl_status_age_seconds", channel="a") == pytest.approx(0.12 + STALE_NS / NS_PER_S)


def test_an_alarm_is_on_then_over_and_unknown_before() -> None:
    bench = Bench()
    bench.turn(None, state())
    assert named(bench.series, "pumpctl_alarm_active") == []
    alarm = {"code": "occlusion_downstream", "priority": "high", "message": "look at the line"}
    bench.turn(None, state(alarms=[alarm], latched=[{"code": "occlusion_downstream", "message": "m"}]))
    labels = {"channel": "a", "code": "occlusion_downstream", "priority": "high"}
    series = bench.series
    assert value(series, "pumpctl_alarm_active", **labels) == 1
    assert value(series, "pumpctl_latched_reasons", channel="a") == 1
    bench.turn(None, state())
    series = bench.series
    assert value(series, "pumpctl_alarm_active", **labels) == 0
    assert value(series, "pumpctl_latched_reasons", channel="a") == 0


def test_an_escalated_alarm_is_on_at_one_priority_only() -> None:
    bench = Bench()
    for priority in ("low", "medium"):
        bench.turn(None, state(alarms=[{"code": "link_lost", "priority": priority, "message": "m"}]))
    told = {
        p: bench.value("pumpctl_alarm_active", channel="a", code="link_lost", priority=p) for p in ("low", "medium")
    }
    assert told == {"low": 0, "medium": 1}


def test_alarms_raised_are_counted_from_the_journal() -> None:
    bench = Bench()
    body = {"channel": "a", "code": "link_lost", "priority": "low", "message": "m"}
    bench.turn(None, Record(1, "alarm_raised", body, 0))
    bench.turn(None, Record(2, "alarm_raised", body, 0))
    bench.turn(None, Record(3, "alarm_ended", body, 0))
    assert bench.value("pumpctl_alarms_raised_total", channel="a", code="link_lost", priority="low") == 2


def test_a_stop_is_counted_once_with_every_reason_and_timed_to_its_proof() -> None:
    bench = Bench()
    bench.turn(None, stop_requested(1, "occlusion_downstream"))
    bench.now_s += 0.1
    bench.turn(None, stop_requested(2, "operator_stop"))
    assert bench.value("pumpctl_stops_proven_total", channel="a") is None
    bench.now_s += 0.1
    bench.turn(PumpBytes("a", b"x"), Record(3, "stop_proven", {"channel": "a"}, 0))
    series = bench.series
    for rule in ("occlusion_downstream", "operator_stop"):
        assert value(series, "pumpctl_interlock_trips_total", channel="a", rule=rule) == 1
    assert value(series, "pumpctl_stops_asked_total", channel="a") == 1
    assert value(series, "pumpctl_stops_proven_total", channel="a") == 1
    assert value(series, "pumpctl_stop_proof_seconds_sum", channel="a") == pytest.approx(0.2)
    bench.turn(None, stop_requested(4, "operator_stop"))
    assert bench.value("pumpctl_stops_asked_total", channel="a") == 2


def test_a_refused_request_and_a_refused_start_are_counted_by_rule() -> None:
    bench = Bench()
    bench.turn(None, Refuse(1, 4, (Reason("Q03", "for people"), Reason("U04", "for people"))))
    body = {"channel": "a", "program_id": "00", "reasons": [{"code": "status_stale", "message": "m"}]}
    bench.turn(None, Record(1, "start_refused", body, 0), Reply(2, {}))
    told = {labels["rule"] for labels in named(bench.series, "pumpctl_refusals_total")}
    assert told == {"Q03", "U04", "status_stale"}


def test_a_round_trip_is_from_the_question_to_the_next_bytes_of_that_pump() -> None:
    bench = Bench()
    bench.turn(DeadlineReached(), WritePump("a", b"?"), lasts_s=0.001)
    bench.now_s += 0.02
    bench.turn(PumpBytes("b", b"x"))
    bench.turn(PumpBytes("a", b"x"), lasts_s=5.0)  # what is done with them is no part of it
    bench.turn(PumpBytes("a", b"unasked"))
    series = bench.series
    assert value(series, "pumpctl_serial_rtt_seconds_count", channel="a") == 1
    assert value(series, "pumpctl_serial_rtt_seconds_sum", channel="a") == pytest.approx(0.02)
    assert value(series, "pumpctl_serial_rtt_seconds_count", channel="b") is None


def test_a_stop_on_the_line_ends_the_measurement() -> None:
    bench = Bench()
    bench.turn(None, WritePump("a", b"?"))
    bench.turn(None, WritePump("a", b"stop", is_stop=True))
    bench.turn(PumpBytes("a", b"stopped"))
    assert bench.value("pumpctl_serial_rtt_seconds_count", channel="a") is None


def test_a_record_waits_until_it_is_durable() -> None:
    bench = Bench()
    records = [Record(seq, "progress", {"channel": "a"}, 0) for seq in (1, 2, 3)]
    bench.turn(None, *records)
    assert bench.value("pumpctl_journal_waiting_records") == 3
    bench.now_s += 0.25
    bench.turn(Recorded(2))
    series = bench.series
    assert value(series, "pumpctl_journal_sync_seconds_count") == 2
    assert value(series, "pumpctl_journal_sync_seconds_sum") == pytest.approx(0.5)
    assert value(series, "pumpctl_journal_waiting_records") == 1
    assert value(series, "pumpctl_journal_failed") == 0
    bench.turn(RecordFailed("disk full"))
    assert bench.value("pumpctl_journal_failed") == 1


def test_the_guard_is_unknown_until_it_is_heard_of() -> None:
    bench = Bench()
    assert bench.value("pumpctl_guard_alive") is None
    bench.turn(GuardChanged(alive=True))
    assert bench.value("pumpctl_guard_alive") == 1
    bench.turn(GuardChanged(alive=False))
    assert bench.value("pumpctl_guard_alive") == 0


def test_what_no_effect_says_is_asked_for_at_each_scrape() -> None:
    mqtt = FakeMqtt(connected=False, refused=2, waiting=4)
    bench = Bench(mqtt)
    bench.noise.heard = {"a": {"a late reply": 5, "wrong_crc": 1}}
    series = bench.series
    assert value(series, "pumpctl_frames_bad_total", channel="a", kind="a_late_reply") == 5
    assert value(series, "pumpctl_frames_bad_total", channel="a", kind="wrong_crc") == 1
    assert [
        value(series, f"pumpctl_mqtt_{name}") for name in ("connected", "publish_rejected_total", "waiting_messages")
    ] == [0, 2, 4]
    mqtt.connected = True
    assert bench.value("pumpctl_mqtt_connected") == 1


def test_without_a_broker_there_are_no_figures_of_one() -> None:
    assert [name for name, _ in Bench(mqtt=None).series if name.startswith("pumpctl_mqtt")] == []


def test_no_patient_no_order_and_no_sentence_reaches_the_page() -> None:
    bench = Bench()
    canary = "patient-0001"
    bench.turn(
        None,
        state(order=canary, program_id=canary, link_reason=canary, occurrence=canary),
        state(alarms=[{"code": "link_lost", "priority": "low", "message": canary}]),
        stop_requested(1, "operator_stop"),
        Record(2, "order_accepted", {"channel": "a", "order": canary, "text": canary}, 0),
        Refuse(1, 4, (Reason("wrong_patient", f"the order is for {canary}"),), {"findings": [canary]}),
        Publish("a", "event", {"event_type": "x", "patient": canary}),
    )
    bench.witness.look()
    bench.figures.take()
    page = generate_latest(bench.figures.registry).decode()
    assert "wrong_patient" in page
    assert canary not in page
