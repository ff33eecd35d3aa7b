"""I1, I2, I3: what truly entered the patient, against the order, the windows, and the daemon's ledger.

Refuses to believe any counter: volumes come from the pumps' own integrators. A sound pump has no allowance but its
declared accuracy, the line's compliance and a stroke. Where a pump is at fault and its sensors can tell, detection
takes two polls and the figure of hazard H02; what flows after STOP was written is not the daemon's to prevent. Where
they cannot tell, the largest excess is kept instead of a finding (hazards.md rule 4).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pumpctl.configuration import JournalCondition
from pumpctl.core.exposure import Certainty
from simulator.faults import Fault
from simulator.instant import NS_PER_MS, NS_PER_S, SimNow
from simulator.rig.invariants import naive
from simulator.rig.invariants.dosing import Dosing
from simulator.rig.invariants.naive import Said
from simulator.rig.invariants.talk import Talk
from simulator.rig.invariants.violation import Findings
from simulator.rig.mishaps import is_observable, name_of
from simulator.rig.world import World
from simulator.rig.world.seen import Happened, Happening, LifeBegan

LOOK_NS = NS_PER_S  # while a pump is at fault, for the time that detection may take
# Without a fault less often: volumes only grow, and the ledger is looked at whenever it changes.
SELDOM_NS = 10 * NS_PER_S
SAMPLE_NS = 60 * NS_PER_S
H24_NS, D7_NS = 24 * 3_600 * NS_PER_S, 7 * 24 * 3_600 * NS_PER_S
UG_A_MMOL = 246_475  # of magnesium sulfate heptahydrate
# D24 and D7, the hard ones (protocols/therapy/magnesium_sulfate.toml), by route.
CAP_24H_UG = {"sc": 24 * UG_A_MMOL, "iv": 8_000_000}
CAP_7D_UG = {"sc": 84 * UG_A_MMOL}
CLOCK_MS = 120_000  # H40: a wall clock that is off by more lets nothing start
NOISE_UL = 1.0  # two integrators' rounding


@dataclass(slots=True)
class Course:
    """What one program has given, in truth: from its START on until the next one on that pump."""

    program_id: str
    channel: str
    vtbi_ul: int
    ug_per_ul: float
    started_ms: int  # by the true calendar
    delivered_ul: float = 0.0
    flowed_ms: int = 0  # when the last whole uL of the running program flowed
    flowed_ul: float = 0.0
    flow_stopped_ul: float | None = None  # given, and judged, when STOP was first written
    seen_kinds: set[str] = field(default_factory=set[str])
    unseen_kinds: set[str] = field(default_factory=set[str])
    above_since_ns: int | None = None


class Window:
    """What was given by the beginning of a rolling window, or at most a minute later: never too little."""

    def __init__(self, span_ns: int, caps_ug: Mapping[str, int]) -> None:
        self.span_ns, self.caps_ug = span_ns, caps_ug
        self.before_ug = 0.0
        self._samples: deque[tuple[int, float]] = deque(maxlen=span_ns // SAMPLE_NS + 2)

    def move(self, now_ns: int, total_ug: float) -> None:
        """To the present."""
        if not self._samples or now_ns - self._samples[-1][0] >= SAMPLE_NS:
            self._samples.append((now_ns, total_ug))
        while self._samples and self._samples[0][0] <= now_ns - self.span_ns:
            self._samples.popleft()
            self.before_ug = self._samples[0][1] if self._samples else total_ug


@dataclass(slots=True)
class PatientDose:
    """True mass of all this patient's pumps."""

    total_ug: float = 0.0
    windows: tuple[Window, ...] = field(default_factory=lambda: (Window(H24_NS, CAP_24H_UG), Window(D7_NS, CAP_7D_UG)))


class Doses:
    """Looks once a second, and whenever the ledger changes."""

    def __init__(self, world: World, findings: Findings, talks: dict[str, Talk], dosing: Dosing) -> None:
        self.undetected_excess_ul: dict[str, int] = {}
        self._world, self._findings, self._talks, self._dosing = world, findings, talks, dosing
        self._patient_of = {each.name: each.patient_id for each in world.configuration.channels}
        self._courses: dict[str, list[Course]] = {name: [] for name in world.pumps}
        self._active: dict[str, set[str]] = {name: set() for name in world.pumps}  # kinds that sensors can tell
        self._unseen: dict[str, set[str]] = {name: set() for name in world.pumps}  # and those that they cannot
        self._last_ul = {name: self._true_ul(name) for name in world.pumps}
        self._patients = {patient: PatientDose() for patient in self._patient_of.values()}
        self._baseline_ug = dict.fromkeys(self._patients, 0.0)
        self._ledger: object = None
        self._look_ns = 0
        self._journal_relied_on = True

    def note(self, happening: Happening) -> None:
        """Faults begin and end; a daemon whose past is damaged counts the caps as used (ADR 0008)."""
        match happening:
            case Happened(Fault() as fault, channel, begins):
                self._look_ns = 0
                for name in self._active if channel is None else [channel]:
                    sensor = self._world.pumps[name].profile.has_flow_sensor
                    kinds = self._active if is_observable(fault, has_flow_sensor=sensor) else self._unseen
                    (kinds[name].add if begins else kinds[name].discard)(name_of(fault))
                    for course in self._courses[name][-1:]:
                        (course.seen_kinds if kinds is self._active else course.unseen_kinds).update(kinds[name])
            case LifeBegan(past):
                self._journal_relied_on = past.condition is JournalCondition.SOUND
            case _:
                return

    def sent(self, said: Said, talk: Talk) -> None:
        """A dosing frame or a STOP leaves: a course begins, or what flows from here on is not the daemon's doing."""
        self._update(talk.channel)
        courses = self._courses[talk.channel]
        if said.kind == naive.START:
            courses.append(self._course(said.body[:8], talk))
        elif said.kind == naive.RESUME and courses:
            courses[-1].flow_stopped_ul = None
        elif said.kind == naive.STOP and courses and courses[-1].flow_stopped_ul is None:
            self._judge_course(courses[-1])
            courses[-1].flow_stopped_ul = courses[-1].delivered_ul

    def tick(self, *, last: bool = False) -> None:
        """After every event; looks when there is something to see."""
        world = self._world
        ledger = world.controller.ward.ledger
        if not last and ledger is self._ledger and world.now_ns < self._look_ns:
            return
        ledger_is_new = last or ledger is not self._ledger
        at_fault = any(self._active.values()) or any(self._unseen.values())
        self._look_ns, self._ledger = world.now_ns + (LOOK_NS if at_fault else SELDOM_NS), ledger
        for channel in self._courses:
            self._update(channel)
            for course in self._courses[channel][-1:]:
                self._judge_course(course)
        for patient_id, dose in self._patients.items():
            self._judge_windows(patient_id, dose)
            self._judge_ledger(patient_id, dose)
        if ledger_is_new:
            self._judge_times()

    def _true_ul(self, channel: str) -> float:
        now_ns = self._world.now_ns
        return self._world.pumps[channel].delivered_ul(SimNow(now_ns, now_ns))

    def _course(self, program_id: bytes, talk: Talk) -> Course:
        loaded = talk.loaded.get(program_id)
        vtbi_ul, dose_ug = (loaded.vtbi_ul, loaded.dose_ug) if loaded else (0, 0)
        course = Course(
            program_id.hex(),
            talk.channel,
            vtbi_ul,
            dose_ug / vtbi_ul if vtbi_ul else 0.0,
            self._world.utc_ms,
        )
        course.seen_kinds.update(self._active[talk.channel])
        course.unseen_kinds.update(self._unseen[talk.channel])
        return course

    def _update(self, channel: str) -> None:
        true_ul = self._true_ul(channel)
        more_ul, self._last_ul[channel] = true_ul - self._last_ul[channel], true_ul
        for course in self._courses[channel][-1:]:
            course.delivered_ul += more_ul
            runs = self._talks[channel].running == bytes.fromhex(course.program_id)
            if runs and course.delivered_ul >= course.flowed_ul + 1:
                course.flowed_ul, course.flowed_ms = course.delivered_ul, self._world.utc_ms
            self._patients[self._patient_of[channel]].total_ug += more_ul * course.ug_per_ul

    def _bound_ul(self, course: Course) -> float:
        profile = self._world.pumps[course.channel].profile
        allowance_ul = profile.occlusion_volume_ul + profile.empty_stroke_ul
        return course.vtbi_ul * (1000 + profile.accuracy_permille) / 1000 + allowance_ul

    def _allowed_ul(self, course: Course) -> float:
        """For a pump at fault a little more: H02."""
        return self._bound_ul(course) + (max(1_000, course.vtbi_ul // 50) if course.seen_kinds else 0)

    def _judge_course(self, course: Course) -> None:
        if course.unseen_kinds:
            self._keep_excess(course, course.delivered_ul - course.vtbi_ul)
            return
        if course.delivered_ul <= self._allowed_ul(course) + NOISE_UL:
            course.above_since_ns = None
        elif not self._excused(course):
            told = f"program {course.program_id} gave {course.delivered_ul:.0f} of {course.vtbi_ul} uL"
            self._findings.add("I1", self._world.now_ns, f"{course.channel}: {told}")

    def _excused(self, course: Course) -> bool:
        """A pump at fault: the daemon has two polls in unbroken contact, and after STOP nothing more to do."""
        if not course.seen_kinds:
            return False
        if course.flow_stopped_ul is not None:
            return True
        now_ns, talk = self._world.now_ns, self._talks[course.channel]
        if course.above_since_ns is None or not talk.in_contact(now_ns, polls=2):
            course.above_since_ns = now_ns
        return now_ns - course.above_since_ns <= 2 * talk.poll_ns + NS_PER_S

    def _keep_excess(self, course: Course, excess_ul: float) -> None:
        for kind in course.unseen_kinds if excess_ul > 0 else ():
            self.undetected_excess_ul[kind] = max(self.undetected_excess_ul.get(kind, 0), int(excess_ul))

    def _judge_windows(self, patient_id: str, dose: PatientDose) -> None:
        now_ns = self._world.now_ns
        courses = [course for course in self._all_courses() if self._patient_of[course.channel] == patient_id]
        # What a pump gave beyond its program is I1's; the caps are about what was ordered and started.
        excess_ug = sum(max(0.0, course.delivered_ul - course.vtbi_ul) * course.ug_per_ul for course in courses)
        route = "iv" if any(self._route(course) == "iv" for course in courses) else "sc"
        for window in dose.windows:
            window.move(now_ns, dose.total_ug)
            given_ug, cap_ug = dose.total_ug - window.before_ug - excess_ug, window.caps_ug.get(route)
            if cap_ug is not None and given_ug > cap_ug * 1.05:
                hours = window.span_ns // (3_600 * NS_PER_S)
                self._findings.add("I2", now_ns, f"{patient_id}: {given_ug / 1000:.0f} mg in {hours} h")

    def _judge_ledger(self, patient_id: str, dose: PatientDose) -> None:
        """The most that the daemon reckons with: its ledger, and what a running program may have given above it."""
        if not self._journal_relied_on or not self._world.host.alive:
            self._baseline_ug[patient_id] = dose.total_ug
            return
        booked_ug = self._booked_ug(patient_id)
        missing_ug = dose.total_ug - self._baseline_ug[patient_id] - booked_ug
        courses = [each for each in self._all_courses() if self._patient_of[each.channel] == patient_id]
        if missing_ug <= NOISE_UL * max((each.ug_per_ul for each in courses), default=0.0):
            return
        faulty = [each for each in courses if each.unseen_kinds]
        for course in faulty:
            self._keep_excess(course, course.delivered_ul - course.vtbi_ul)
        if faulty or any(each.seen_kinds and self._excused(each) for each in courses):
            return
        told = f"{patient_id}: {dose.total_ug / 1000:.1f} mg given, {booked_ug / 1000:.1f} mg in the ledger"
        self._findings.add("I3", self._world.now_ns, told)

    def _judge_times(self) -> None:
        """A window counts right only what stands where it was given: not before its start, not past the present.

        What nobody can date stands in full in every window that ends from now on and may hold any of it: it may not
        begin after the present (a later date than the true one leaves a window later), nor end before it was over.
        """
        wall_ms, now_ms = self._world.host_now.utc_ms, self._world.utc_ms
        if abs(wall_ms - now_ms) > CLOCK_MS or not self._world.host.alive:
            return
        # A machine that was paused could not know by how much: unobservable.
        slack_ms = CLOCK_MS + self._world.clock.unseen_ns // NS_PER_MS
        courses = {course.program_id: course for course in self._all_courses() if course.flowed_ul > NOISE_UL}
        for segment in self._world.controller.ward.ledger.segments:
            course = courses.get(segment.key)
            if course is None:
                continue
            if segment.certainty is Certainty.COMMITTED:
                in_place = segment.start_utc_ms >= course.started_ms - slack_ms
                in_place = in_place and course.flowed_ms - slack_ms <= segment.end_utc_ms <= now_ms + slack_ms
            else:
                in_place = not segment.at_once or (
                    segment.start_utc_ms <= now_ms + slack_ms and course.flowed_ms <= segment.end_utc_ms + slack_ms
                )
            if not in_place:
                hours = (segment.end_utc_ms - segment.start_utc_ms) / 3_600_000
                told = f"{course.channel}: {segment.most_ug / 1000:.1f} mg stand in the ledger over {hours:.3f} h"
                self._findings.add("I3", self._world.now_ns, f"{told}, not when they were given")

    def _booked_ug(self, patient_id: str) -> int:
        ward = self._world.controller.ward
        therapy_ns = self._world.host_now.therapy_ns
        masses: dict[str, int] = {}
        for segment in ward.ledger.segments:
            if segment.patient_id == patient_id:
                masses[segment.key] = segment.most_ug
        for channel in ward.channels.values():
            infusion = channel.infusion
            if channel.patient_id == patient_id and infusion is not None and infusion.delivered is not None:
                key = infusion.program_id.hex()
                most_ug = infusion.program.dose_after_ul(infusion.delivered.most_ul(therapy_ns)).ceiling()
                masses[key] = max(masses.get(key, 0), most_ug)
        return sum(masses.values())

    def _all_courses(self) -> list[Course]:
        return [course for courses in self._courses.values() for course in courses]

    def _route(self, course: Course) -> str:
        intent: Any = self._dosing.intents.get(course.program_id)
        return str(intent["program"]["route"]) if intent else "sc"
