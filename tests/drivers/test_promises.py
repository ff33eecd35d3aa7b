"""The alarms that a capability promises are those that its driver has names for; the docs show what is promised."""

from __future__ import annotations

import pytest

from protocols.alaris.alarms import KNOWN
from protocols.companion.vocabulary import Alarm
from protocols.miva.record import Occlusion, Record, RecordType, SystemFault, encode_record, payload_of
from pumpctl.configuration import NewEraSetup
from pumpctl.core.capability import (
    ALARIS_REFERENCE,
    ALARMS,
    COMPANION_REFERENCE,
    MIVA_REFERENCE,
    NEW_ERA_BASIC_REFERENCE,
    NEW_ERA_REFERENCE,
    Capability,
)
from pumpctl.drivers import pump
from pumpctl.drivers.miva_history import History
from pumpctl.drivers.new_era_knowledge import ALARM_NAMES
from pumpctl.drivers.new_era_status import capability
from tests.drivers.new_era_bench import BASIC, SAFE
from tests.drivers.promises_document import PAGE, text
from tests.drivers.test_alaris_status import with_alarm


def test_the_table_of_promises_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == text(), "run python -m tests.drivers.promises_document"


def test_a_companion_pump_reports_every_alarm_of_its_specification():
    assert {(alarm.name or "").lower() for alarm in Alarm} == COMPANION_REFERENCE.alarms == ALARMS


def test_an_alaris_pump_reports_what_its_codes_are_named():
    told = [fact for code in KNOWN for fact in with_alarm(code).facts if isinstance(fact, pump.StatusRead)]
    assert {name for status in told for name in status.alarms} & ALARMS == ALARIS_REFERENCE.alarms


def test_a_miva_pump_reports_what_its_log_is_read_as():
    log, details = History(), [0, *Occlusion, *SystemFault]
    seen: set[str] = set()
    for index, (kind, detail) in enumerate((kind, detail) for kind in RecordType for detail in details):
        if kind is not RecordType.INFUSION_DATA:
            log.take(index, encode_record(Record(kind, 100, payload_of(detail))))
            seen |= log.alarms
    assert seen & ALARMS == MIVA_REFERENCE.alarms


@pytest.mark.parametrize(("setup", "reference"), [(SAFE, NEW_ERA_REFERENCE), (BASIC, NEW_ERA_BASIC_REFERENCE)])
def test_a_new_era_pump_reports_the_end_of_a_lease_in_safe_mode_alone(setup: NewEraSetup, reference: Capability):
    made = capability(setup, "NE1000")
    assert (made.alarms, made.read_back) == (reference.alarms, reference.read_back)
    assert set(ALARM_NAMES.values()) & ALARMS == NEW_ERA_REFERENCE.alarms
    assert NEW_ERA_REFERENCE.alarms - NEW_ERA_BASIC_REFERENCE.alarms == {"lease_ended"}
