"""What people do at a pump and its daemon: two infusions, from the order to the end.

Refuses to judge, and to go on alone: every step waits for what the daemon and the pump say. When the daemon dies the
script ends with Died, wherever it was.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from importlib.resources import files
from typing import Any

from pumpctl.shell.control_client import Refused
from simulator.rig.bag_check import bag_check
from simulator.rig.demo.dated_order import due_now
from tests.controller.orders import golden, infusion, monitored_iv
from tests.crash.pair import Pair, Setting, Stuck

PATIENT = "patient-0001"
DUE = "2026-12-01T19:00:00Z"  # when the golden order's first infusion is, before it is moved to now
LEASES = {'lease = "30 s"': 'lease = "3 s"'}  # so that a renewal comes within a second


class Course(Enum):
    """HOME: started, paused, resumed, completed. LEASE: started, renewed, stopped, cleared."""

    HOME = "home"
    LEASE = "lease"


@dataclass(frozen=True, slots=True)
class Plan:
    """One course: its order, its bag's strength and its script."""

    order: Callable[[], dict[str, Any]]
    ug_per_ul: int
    vtbi_ul: int
    script: Callable[[Pair, dict[str, Any]], None]


def setting(course: Course) -> Setting:
    """A fifteen minutes' infusion in a second; a lease runs on the link's own time and needs none of that."""
    return Setting(900) if course is Course.HOME else Setting(100, _short_leases())


def play(course: Course, pair: Pair) -> None:
    """The whole script. Raises Died or Stuck."""
    plan = PLANS[course]
    plan.script(pair, plan.order())


def start(course: Course, pair: Pair) -> None:
    """Only until the infusion runs."""
    _start(pair, PLANS[course].order())


def finish(course: Course, pair: Pair) -> Mapping[str, Any]:
    """After a restart: wait until daemon and pump agree, see the infusion to its end. The daemon's last word.

    What is found running is the daemon's to supervise; the persons start nothing. HOME ends at its volume, LEASE and
    every pause by a stop.
    """
    pair.wait("daemon and pump agree", lambda: _agree(pair))
    if pair.truth["state"] == "paused" or course is Course.LEASE:
        _stop(pair)
    pair.wait("nothing flows any more", lambda: pair.truth["state"] not in {"infusing", "paused", "loaded"})
    pair.wait("daemon and pump agree at rest", lambda: _agree(pair))
    return pair.state


def home_order(patient: str = PATIENT) -> dict[str, Any]:
    order = golden(order_id="crash-home")
    order["phases"] = [infusion(dose="50 mg", volume="2.5 mL", duration="15 min")]
    return _due_now(order, patient)


def lease_order(patient: str = PATIENT) -> dict[str, Any]:
    order = monitored_iv()
    order["schedule"] = golden()["schedule"]
    for observation in order["observations"]:
        observation["at"] = DUE  # at a hundredfold speed fifteen minutes (Q25) are nine seconds
    return _due_now(order, patient)


def _due_now(order: dict[str, Any], patient: str) -> dict[str, Any]:
    due = datetime.now(UTC).replace(second=0, microsecond=0)
    dated = due_now(order, due=due, patient_id=patient)
    return dated | {"schedule": {"repeat": "once", "at": due.isoformat()}}


def _home(pair: Pair, order: dict[str, Any]) -> None:
    _start(pair, order)
    pair.wait("a part is in", lambda: pair.truth["program_ul"] > 500)
    pair.ask("pause")
    pair.wait("paused", lambda: pair.state["state"] == "paused")
    pair.ask("resume")
    _confirm(pair)
    pair.wait("completed", lambda: pair.state["state"] == "completed")
    _end(pair)


def _lease(pair: Pair, order: dict[str, Any]) -> None:
    _start(pair, order)
    renewed = [step for step in ("write Renew",) for _ in range(2)]
    pair.wait("renewed twice", lambda: pair.lives[-1].steps.count(renewed[0]) >= len(renewed))
    _stop(pair)
    pair.wait("stopped", lambda: pair.state["state"] == "stopped")
    pair.ask("clear", persons=["nurse", "physician"])
    pair.wait("cleared", lambda: pair.state["state"] == "idle")
    _end(pair)


def _start(pair: Pair, order: dict[str, Any]) -> None:
    pair.wait("the link is up", lambda: pair.state["link"] == "up" and pair.state["state"] == "idle")
    check = bag_check(order, at=pair.therapy_utc, bag="BAG-1")
    done = pair.ask("order.submit", text=json.dumps(order), channel="a", overrides=[], check=json.dumps(check))
    if done["prepared"] is None:
        raise Stuck(f"the order stands and is not prepared: {done}")
    _confirm(pair)


def _confirm(pair: Pair) -> None:
    pair.wait("it waits for the button", lambda: pair.state["state"] == "awaiting_confirmation")
    pair.wait("the pump waits for the button", lambda: pair.truth["state"] in {"loaded", "paused"})
    pair.pump("press", button="confirm")
    pair.wait("infusing", lambda: pair.state["state"] in {"infusing", "completed"})


def _stop(pair: Pair) -> None:
    try:
        pair.ask("stop")
    except Refused as refused:
        if refused.reasons[0][0] != "stop_unproven":  # it is pursued; the pump tells when it stood still
            raise


def _end(pair: Pair) -> None:
    pair.end_daemon()
    pair.wait_for_death(0)


def _agree(pair: Pair) -> bool:
    """What the daemon tells of a pump that it hears is what the pump is doing."""
    told, truth = pair.state, pair.truth
    fits = AGREEING.get(truth["state"], frozenset[str]())
    return told["link"] == "up" and told["state"] in fits


@cache
def _short_leases() -> str:
    library = files("protocols.therapy").joinpath("magnesium_sulfate.toml").read_text(encoding="utf-8")
    for stated, short in LEASES.items():
        assert library.count(stated) == 1, stated
        library = library.replace(stated, short)
    return library


AGREEING: Mapping[str, frozenset[str]] = {
    "idle": frozenset({"idle", "stopped", "completed"}),
    "infusing": frozenset({"infusing"}),
    "paused": frozenset({"paused"}),
    "stopped": frozenset({"idle", "stopped", "completed"}),
    "completed": frozenset({"idle", "completed", "stopped"}),
}
PLANS: Mapping[Course, Plan] = {
    Course.HOME: Plan(home_order, 20, 2_500, _home),
    Course.LEASE: Plan(lease_order, 40, 50_000, _lease),
}
