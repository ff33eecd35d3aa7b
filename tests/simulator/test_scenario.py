"""Scenario files: read exactly, or refused with a line that says where."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.failure import USAGE, Failure
from simulator.faults import MAX_PENDING, AtProgramVolume, AtTherapy, Fault, FaultKind, ScheduledFault
from simulator.instant import NS_PER_S, SimNow
from simulator.pump import SimPump
from simulator.scenario import MAX_SCENARIO_BYTES, parse_scenario, parse_span_ns, read_scenario


def test_a_scenario_is_read():
    text = """
        [[fault]]
        what = "occlusion"
        at = "1.5h"
        for = "90s"
        [[fault]]
        what = "ignore_stop:2"
        at_program_volume = "0.5 mL"
        [[fault]]
        what = "siphon"
        by = "12.5 mL/h"
        at = "1m"
        for = "10s"
        every = "10s"
        times = 3
    """
    assert parse_scenario(text) == (
        ScheduledFault(Fault(FaultKind.OCCLUSION), AtTherapy(5_400 * NS_PER_S), 90 * NS_PER_S),
        ScheduledFault(Fault(FaultKind.IGNORE_STOP, 2), AtProgramVolume(500)),
        ScheduledFault(
            Fault(FaultKind.SIPHON, by=12_500), AtTherapy(60 * NS_PER_S), 10 * NS_PER_S, every_ns=10 * NS_PER_S, times=3
        ),
    )


def test_an_empty_scenario_is_quiet():
    assert parse_scenario("") == ()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[faults]]", "unknown key 'faults'"),
        ("fault = 3", r"as a \[\[fault\]\] table"),
        ("fault = [3]", r"as a \[\[fault\]\] table"),
        ('[[fault]]\nat = "5m"', "fault 1: no `what`"),
        ('[[fault]]\nwhat = "door"', "either `at` or `at_program_volume`"),
        ('[[fault]]\nwhat = "door"\nat = "1s"\nat_program_volume = "1 mL"', "either"),
        ('[[fault]]\nwhat = "door"\nat = "1s"\nfro = "1s"', "unknown key 'fro'"),
        ('[[fault]]\nwhat = "door"\nat = 5', "a text with its unit"),
        ('[[fault]]\nwhat = "door"\nat = "5"', "'5' is not a time"),
        ('[[fault]]\nwhat = "door"\nat = "5 mL"', "is not a time"),
        ('[[fault]]\nwhat = "door"\nat = "-5s"', "is not a time"),
        ('[[fault]]\nwhat = "door"\nat = "9000h"', "longer than 366 days"),
        ('[[fault]]\nwhat = "door"\nat_program_volume = "0.0005 mL"', "finer"),
        ('[[fault]]\nwhat = "doors"\nat = "5s"', "unknown fault 'doors'"),
        ('[[fault]]\nwhat = "door"\nat_program_volume = "-1 mL"', "less than nothing"),
        ('[[fault]]\nwhat = "door"\nby = "1 mL"\nat = "5s"', "door takes no size"),
        ('[[fault]]\nwhat = "slack"\nby = "1"\nat = "5s"', "'1' is not a size in uL for slack"),
        ('[[fault]]\nwhat = "slack"\nby = "1 mL/h"\nat = "5s"', "is not a size in uL"),
        ('[[fault]]\nwhat = "slack"\nby = "11 mL"\nat = "5s"', "from 1 to 10000 uL"),
        ('[[fault]]\nwhat = "slack"\nby = 5\nat = "5s"', "a text with its unit"),
        ('[[fault]]\nwhat = "counter_zero"\nby = "pump"\nat = "5s"', "one of motor, encoder, flow"),
        ('[[fault]]\nwhat = "door"\nat = "5s"\nevery = "5s"', "together"),
        ('[[fault]]\nwhat = "door"\nat = "5s"\ntimes = 2', "together"),
        ('[[fault]]\nwhat = "door"\nat = "5s"\nevery = "5s"\ntimes = 0', "from 1 to 1000, not 0"),
        ('[[fault]]\nwhat = "door"\nat = "5s"\nevery = "5s"\ntimes = 1001', "from 1 to 1000"),
        ('[[fault]]\nwhat = "door"\nat = "5s"\nevery = "5s"\ntimes = true', "from 1 to 1000"),
        ('[[fault]]\nwhat = "door"\nat = "5s"\nevery = "0s"\ntimes = 2', "longer than 0s"),
        ('[[fault]]\nwhat = "door"\nat = "5s"\nfor = "6s"\nevery = "5s"\ntimes = 2', "not shorter than `for`"),
        ("[[fault", "Expected"),
    ],
)
def test_what_cannot_be_read_is_refused(text: str, complaint: str):
    with pytest.raises(ValueError, match=complaint):
        parse_scenario(text)


def test_more_faults_than_can_wait_are_refused():
    line = '[[fault]]\nwhat = "air"\nat = "1s"\n'
    assert len(parse_scenario(line * MAX_PENDING)) == MAX_PENDING
    with pytest.raises(ValueError, match="at most"):
        parse_scenario(line * (MAX_PENDING + 1))


@pytest.mark.parametrize(
    ("text", "span_ns"), [("90s", 90 * NS_PER_S), ("5m", 300 * NS_PER_S), ("250 ms", NS_PER_S // 4), ("0s", 0)]
)
def test_spans(text: str, span_ns: int):
    assert parse_span_ns(text) == span_ns


def failure_of(path: Path) -> Failure:
    with pytest.raises(Failure) as caught:
        read_scenario(path)
    assert caught.value.exit_code == USAGE
    assert "\n" not in str(caught.value)
    return caught.value


def test_an_unreadable_file_is_one_line(tmp_path: Path):
    assert "No such file" in str(failure_of(tmp_path / "none.toml"))
    assert "directory" in str(failure_of(tmp_path)).lower()
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe\x00")
    assert "binary.toml" in str(failure_of(binary))
    long = tmp_path / "long.toml"
    long.write_bytes(b"#" * (MAX_SCENARIO_BYTES + 1))
    assert "larger than" in str(failure_of(long))
    deep = tmp_path / "deep.toml"
    deep.write_text("a = " + "[" * 30_000)
    assert "deep.toml" in str(failure_of(deep))


def test_a_fault_returns_as_often_as_asked():
    text = '[[fault]]\nwhat = "door"\nat = "10s"\nfor = "5s"\nevery = "20s"\ntimes = 3\n'
    pump = SimPump(serial="SIM-0001", seed=1, scenario=parse_scenario(text))
    open_at = [
        second for second in range(100) if pump.truth(SimNow(second * NS_PER_S, second * NS_PER_S)).faults == ("door",)
    ]
    assert open_at == [*range(10, 15), *range(30, 35), *range(50, 55)]
