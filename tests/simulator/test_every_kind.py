"""Any faults in any order: the same seed and bytes give the same bytes, whoever looks when, and no fluid is lost."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.companion import messages as m
from protocols.companion.codec import STOP_FRAME, encode
from protocols.companion.vocabulary import LinkLoss
from simulator.fault_kinds import KINDS, Choice, FaultKind, Lasts, Size
from simulator.faults import AtProgramVolume, AtTherapy, Fault, ScheduledFault
from simulator.instant import NS_PER_S, SimNow
from simulator.profile import PROFILES, REFERENCE, PumpProfile
from simulator.pump import Button, SimPump
from tests.simulator.desk import PROGRAM_ID, program

ONLY_THE_OBSERVERS = ("link_ns", "max_flow_ul_h")  # the highest flow is seen at changes, by whoever makes them
REQUESTS: tuple[m.Request, ...] = (
    m.Identify(),
    m.GetStatus(),
    m.ReadProgram(),
    m.GetEvent(1),
    m.Acknowledge(0xFFFF_FFFF),
    m.Pause(PROGRAM_ID),
    m.Renew(PROGRAM_ID, 400_000),
    program(),
    program(link_loss=LinkLoss.STOP_AT_LEASE_END, lease_ms=60_000),
)


@st.composite
def faults(draw: st.DrawFn) -> Fault:
    kind: FaultKind = draw(st.sampled_from(FaultKind))
    size = kind.traits.by
    by: int | None = None
    if isinstance(size, Size):
        by = draw(st.one_of(st.none(), st.integers(size.least, size.most)))
    elif isinstance(size, Choice):
        by = draw(st.integers(0, len(size.names) - 1))
    return Fault(kind, draw(st.integers(1, 3)) if kind.traits.lasts is Lasts.COUNTED else 1, by)


@st.composite
def lines(draw: st.DrawFn) -> ScheduledFault:
    when = draw(
        st.one_of(
            st.integers(0, 600 * NS_PER_S).map(AtTherapy),
            st.integers(0, 300).map(AtProgramVolume),
        )
    )
    for_ns = draw(st.one_of(st.none(), st.integers(0, 100 * NS_PER_S)))
    return ScheduledFault(draw(faults()), when, for_ns, every_ns=100 * NS_PER_S, times=draw(st.integers(1, 3)))


@dataclass(frozen=True)
class Deed:
    """At a link instant a request, a STOP, a press, or a look."""

    at_s: int
    what: m.Request | Button | None


DEEDS = st.lists(
    st.builds(Deed, st.integers(2, 700), st.one_of(st.none(), st.sampled_from(REQUESTS), st.sampled_from(Button))),
    max_size=12,
).map(lambda deeds: sorted(deeds, key=lambda deed: deed.at_s))


class Played:
    """One pump through one story; it is advanced at each wake-up, and at the looks besides."""

    def __init__(self, scenario: list[ScheduledFault], profile: PumpProfile) -> None:
        self.pump = SimPump(profile, serial="SIM-0001", seed=1, auto_confirm=True, scenario=scenario)
        self.sent: list[tuple[int, bytes]] = []
        self.now_ns = 0
        self.sequence = 0

    def play(self, deeds: list[Deed], looks: list[int]) -> dict[str, Any]:
        """Loaded and started by hand, as far as the faults let it."""
        started = [
            Deed(0, m.Identify()),
            Deed(0, program(flow_ul_h=9_900, vtbi_ul=1_500)),
        ]  # never at a whole microlitre when asked
        story = sorted([*started, *deeds], key=lambda deed: deed.at_s)
        story = [deed for deed in story if deed.at_s == 0] + [deed for deed in story if deed.at_s]
        self._story(story[:2], [])
        self._until(NS_PER_S)
        self._do(Deed(1, m.Start(PROGRAM_ID, self._token())))
        self._story(story[2:], looks)
        self._until(800 * NS_PER_S)
        return {k: v for k, v in asdict(self.pump.truth(self._now(self.now_ns))).items() if k not in ONLY_THE_OBSERVERS}

    def _token(self) -> int:
        """Behind the pump's back: a lie on the link must not keep the story from beginning."""
        firmware = self.pump._firmware  # pyright: ignore[reportPrivateUsage] - no pump has such a door
        token = firmware.machine.tokens.alive if firmware else None
        return token.number if token else 0

    def _story(self, story: list[Deed], looks: list[int]) -> None:
        looked = sorted(look_ns for look_ns in looks)
        for deed in story:
            at_ns = deed.at_s * NS_PER_S
            for look_ns in (look_ns for look_ns in looked if self.now_ns < look_ns < at_ns):
                self._until(look_ns)
                self._say(self.pump.advance(self._now(look_ns)))
                self.pump.truth(self._now(look_ns))
            self._until(at_ns)
            self._do(deed)

    def _do(self, deed: Deed) -> None:
        if deed.what is None:
            self._say(self.pump.receive(STOP_FRAME, self._now(self.now_ns)))
        elif isinstance(deed.what, Button):
            self.pump.press(deed.what, self._now(self.now_ns))
        else:
            self.sequence += 1
            self._say(self.pump.receive(encode(deed.what, 1, self.sequence), self._now(self.now_ns)))

    def _until(self, at_ns: int) -> None:
        for _ in range(100_000):
            due_ns = max(self.pump.call_at(), self.now_ns)
            if due_ns > at_ns:
                break
            self._say(self.pump.advance(self._now(due_ns)))
        else:
            raise AssertionError(f"time stands still at {self.now_ns}")
        self.now_ns = at_ns

    def _say(self, sent: bytes) -> None:
        if sent:
            self.sent.append((self.now_ns, sent))

    def _now(self, at_ns: int) -> SimNow:
        self.now_ns = at_ns
        return SimNow(at_ns, at_ns)


@settings(max_examples=150)
@given(
    st.lists(lines(), max_size=5),
    DEEDS,
    st.lists(st.integers(0, 700 * NS_PER_S), max_size=5),
    st.sampled_from(sorted(PROFILES)),
)
def test_same_seed_and_bytes_same_bytes_whoever_looks(
    scenario: list[ScheduledFault], deeds: list[Deed], looks: list[int], profile: str
):
    watched, left_alone = Played(scenario, PROFILES[profile]), Played(scenario, PROFILES[profile])
    after, other = watched.play(deeds, looks), left_alone.play(deeds, [])
    assert watched.sent == left_alone.sent
    for name, value in after.items():
        assert value == (pytest.approx(other[name], abs=1e-6) if isinstance(value, float) else other[name]), name
    assert after["drawn_ul"] == pytest.approx(after["delivered_ul"] + after["spilled_ul"] + after["stored_ul"])


# Less in the bag than the story draws; free flow so slow that the line's resistance does not show in whole mmHg.
SIZES = {FaultKind.WRONG_FILL: 500, FaultKind.SIPHON: 5_000}
# A START comes once in these stories, and sound counters agree: their own tests say what these two do.
SHOWS_ELSEWHERE = frozenset({FaultKind.COUNTER_SWAP, FaultKind.DOUBLE_START})


def told_with_and_without(kind: FaultKind, profile: PumpProfile) -> list[list[tuple[int, bytes]]]:
    """One story, its STOP and its alarm included, with the fault in it and without."""
    polls = [Deed(at_s, request) for at_s in range(6, 700, 20) for request in (m.GetStatus(), m.ReadProgram())]
    deeds = sorted([*polls, Deed(400, None), Deed(460, m.Acknowledge(0xFFFF_FFFF))], key=lambda deed: deed.at_s)
    air = ScheduledFault(Fault(FaultKind.AIR), AtTherapy(450 * NS_PER_S), for_ns=0)
    at_ns = 0 if kind is FaultKind.DROP_START_ACK else 50 * NS_PER_S
    fault = Fault(kind, by=SIZES.get(kind))
    told: list[list[tuple[int, bytes]]] = []
    for scenario in ([air], [ScheduledFault(fault, AtTherapy(at_ns)), air]):
        played = Played(scenario, profile)
        assert played.play(deeds, [])["starts"] == 1
        told.append(played.sent)
    return told


@pytest.mark.parametrize("kind", [kind for kind in FaultKind if kind not in SHOWS_ELSEWHERE])
def test_every_kind_is_told_apart_from_none_by_the_sensors_that_the_table_says(kind: FaultKind):
    """A kind that does nothing would pass every test that only waits for it to go."""
    with_meter, without_meter = (
        told_with_and_without(kind, replace(REFERENCE, has_flow_sensor=has_one)) for has_one in (True, False)
    )
    is_seen = (
        kind.observable or kind is FaultKind.RIPPLE
    )  # ripple shows in flow_ul, but its mean is that of a sound pump
    assert (with_meter[0] != with_meter[1]) is is_seen
    assert (without_meter[0] != without_meter[1]) is kind.is_observable(has_flow_sensor=False)


def test_the_table_has_every_kind_once():
    assert list(KINDS) == list(FaultKind)
    for kind, traits in KINDS.items():
        assert kind.traits is traits
        assert traits.hazards, kind
        assert all(row[0] == "H" and 1 <= int(row[1:]) <= 78 for row in traits.hazards), kind
