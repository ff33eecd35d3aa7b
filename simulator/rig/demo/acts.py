"""The three acts: a whole infusion, an occlusion in the middle of one, and a stop while the daemon is frozen.

Refuses to judge whether a promise held: an act plays on as long as it can, and hands over what was measured. What it
cannot play without ends it with one line.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

from rich.console import Console

from pumpctl.core.instant import NS_PER_S
from pumpctl.shell.clock import boottime_ns
from simulator.rig.bag_check import bag_check
from simulator.rig.demo.children import Json
from simulator.rig.demo.dated_order import due_now, ordered
from simulator.rig.demo.failing import Missed
from simulator.rig.demo.promises import SecondAct, ThirdAct
from simulator.rig.demo.stage import SPEED, Stage
from simulator.rig.demo.telling import Teller

GOLDEN_ORDER = Path(__file__).parents[3] / "deploy/examples/orders/golden-home-sc.json"
OVERRIDE = "Q31=pharmacist on call:daily infusions as in the case report"
NEEDS_OVERRIDE = 3
EARLY = timedelta(hours=1)  # due a little later than now: the start window is two hours before to six after
SOON_S = 20.0
INFUSION_WITHIN_S = 150.0  # ten hours are sixty seconds; a busy host needs no more for that, its clocks run on
OCCLUSION_AFTER = "3h"
FREEZE_AT_ML = 10
DAEMON_DIES_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True)
class FirstAct:
    """What was measured in the first act."""

    ordered_ml: float
    ordered_mg: float
    truth: Json
    mqtt_messages: int | None
    serial_status_lines: int
    journal_ok: bool
    last_state: str


async def whole_infusion(stage: Stage, tell: Teller) -> FirstAct:
    """An order, a confirmation at the pump, ten hours, the account of it."""
    await _open(stage, tell)
    order = _date_order(stage)
    await _refuse_without_override(stage, tell)
    await _start(stage, tell)
    tell.say(f"The motor runs. Therapy time goes {SPEED} times as fast, so ten hours take a minute; the link does not.")
    async with tell.live(stage):
        await stage.until(_state_is("completed"), INFUSION_WITHIN_S, "the end of the infusion")
    tell.say("The pump stopped by itself at its volume: when that is in, nothing runs, not even to keep a vein open.")
    status = await stage.pumpctl("status", "--json")
    last_state = status.told["channels"][stage.role.channel]["state"] if status.code == 0 else status.said
    truth = await stage.truth()
    await stage.close_counters()
    volume_ml, dose_mg = ordered(order)
    return FirstAct(
        ordered_ml=volume_ml,
        ordered_mg=dose_mg,
        truth=truth,
        mqtt_messages=None if stage.mqtt is None else int(stage.mqtt.get("count", 0)),
        serial_status_lines=_believed_lines(stage),
        journal_ok=await _verify_journal(stage, tell),
        last_state=last_state,
    )


async def occlusion(stage: Stage, tell: Teller) -> tuple[SecondAct, Json]:
    """The line is closed in mid-infusion. Also returns the simulator's truth."""
    fault = "occlusion"
    await _begin_as_before(stage, tell)
    tell.command("pumpsim", "inject", fault, "--after", OCCLUSION_AFTER)
    tell.say("In three hours of therapy time somebody will lie on the tubing.")
    await stage.pumpsim("inject", fault, "--after", OCCLUSION_AFTER)
    async with tell.live(stage):
        state = await stage.until(_ends_stopped, INFUSION_WITHIN_S, "the stop after the occlusion")
    truth = await stage.truth()
    alarm = _first(state["alarms"], "code")
    reason = _first(state["latched"], "message")
    reaction_s = _seconds(truth["alarm_notice_sent_ns"], truth["stop_received_ns"])
    tell.say("Pressure rose until the pump raised its alarm. The daemon answered STOP, and will not go on by itself.")
    tell.told(f"alarm {alarm}; reason: {reason}")
    return SecondAct(fault, _stands_still(truth), alarm, reason, reaction_s), truth


async def stop_by_guard(stage: Stage, tell: Teller) -> tuple[ThirdAct, Json]:
    """`pumpctl stop` finds the daemon frozen. Also returns the simulator's truth."""
    await _begin_as_before(stage, tell)
    async with tell.live(stage):
        await stage.until(_has_given(FREEZE_AT_ML), INFUSION_WITHIN_S, f"{FREEZE_AT_ML} mL")
    await stage.stop_watching()
    await stage.freeze_daemon()
    tell.command("kill", "-STOP", "the daemon")
    tell.say("The daemon is frozen in mid-infusion and hears nobody any more; the pump runs on.")
    tell.command("pumpctl", "stop", stage.role.channel)
    asked_ns = boottime_ns()
    answer = await stage.pumpctl("stop", stage.role.channel, "--json")
    by_guard = answer.code == 0 and stage.role.channel in answer.told["guard"]["stopped"]
    if by_guard:
        await stage.daemon_ended(DAEMON_DIES_WITHIN_S)
        tell.say("The guard ended the frozen daemon, which must not wake up and start anything, and wrote STOP itself.")
        tell.told(f"guard: {answer.told['guard']['answer'][stage.role.channel]}")
    else:
        tell.told(answer.said)
    truth = await stage.truth()
    return ThirdAct(by_guard and _stands_still(truth), _seconds(asked_ns, truth["stop_received_ns"])), truth


async def _open(stage: Stage, tell: Teller) -> None:
    role = stage.role
    tell.command("pumpsim", "serve", "--dialect", "companion", "--pty", f"{role.act}.pump", "--speed", str(SPEED))
    tell.say(f"A simulated pump, {role.serial}, is switched on: motor, tubing, sensors, and a firmware of its own.")
    await stage.open_pump()
    tell.command("pumpctl", "run", "--config", stage.settings)
    tell.say("The daemon starts, and beside it the guard: a second process that can stop the pump without it.")
    await stage.open_daemon()
    await stage.until(_state_is("idle"), SOON_S, "the pump's identification")
    tell.told(f"{role.channel} is idle: the pump has answered with the serial number that the settings name")


def _date_order(stage: Stage) -> Json:
    """The golden order, due now, and the check of its first bag, beside the act's other files."""
    now = datetime.fromtimestamp(stage.now().utc_ms / 1000, UTC)
    try:
        golden = cast("Json", json.loads(GOLDEN_ORDER.read_text(encoding="utf-8")))
        due = (now + EARLY).replace(second=0, microsecond=0)
        order = due_now(golden, due=due, patient_id=stage.role.patient_id)
    except (OSError, ValueError, LookupError) as error:
        raise Missed(f"{GOLDEN_ORDER.name} cannot be dated now: {error}") from None
    check = bag_check(order, at=now, bag=f"BAG-{stage.role.act}")
    for path, content in ((_order_file(stage), order), (_check_file(stage), check)):
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return order


async def _refuse_without_override(stage: Stage, tell: Teller) -> None:
    tell.command("pumpctl", "order", "submit", _order_file(stage))
    tell.say("The order: 2 g of magnesium sulfate in 100 mL under the skin over ten hours, every day.")
    tell.say("The daemon refuses it as it is: more than three such days a week need a second person's reason.")
    refused = await stage.pumpctl("order", "submit", _order_file(stage), "--channel", stage.role.channel)
    if refused.code != NEEDS_OVERRIDE:
        raise Missed(f"an order that needs an override was answered with exit code {refused.code}: {refused.said}")
    tell.told(f"exit code {refused.code}: {refused.said.removeprefix('pumpctl: ')}")


async def _start(stage: Stage, tell: Teller) -> None:
    """Submitted with its override and the check of its bag, shown at the pump, confirmed there."""
    submit = ("order", "submit", _order_file(stage), "--override", OVERRIDE, "--check", _check_file(stage))
    tell.say(
        "Before each start somebody reads the bag's label, looks at the site and asks the patient seven questions."
    )
    tell.command("pumpctl", *submit)
    answer = await stage.pumpctl(*submit, "--channel", stage.role.channel, "--json")
    if answer.code != 0 or not answer.told["prepared"]:
        raise Missed(f"the order was not taken and prepared: {answer.said}")
    await stage.until(_state_is("awaiting_confirmation"), SOON_S, "the program shown at the pump")
    tell.say("Accepted, with the pharmacist's reason on record. The pump shows its program: nothing starts unattended.")
    tell.command("pumpsim", "press", "confirm")
    await stage.pumpsim("press", "confirm")
    await stage.until(_state_is("infusing"), SOON_S, "the start after the button")


async def _begin_as_before(stage: Stage, tell: Teller) -> None:
    """What the first act has told is done again without telling."""
    tell.say(f"Another patient and another pump, {stage.role.serial}; order, override and confirmation as before.")
    untold = Teller(Console(quiet=True))
    await _open(stage, untold)
    _date_order(stage)
    await _start(stage, untold)


async def _verify_journal(stage: Stage, tell: Teller) -> bool:
    tell.command("pumpctl", "journal", "verify")
    verified = await stage.pumpctl("journal", "verify")
    tell.say("Every decision is in the journal, each record holding the hash of the one before.")
    tell.told(verified.said)
    return verified.code == 0


def _order_file(stage: Stage) -> Path:
    return stage.folder / "order.json"


def _check_file(stage: Stage) -> Path:
    return stage.folder / "check.json"


def _believed_lines(stage: Stage) -> int:
    """The lines counted. One that does not fit its CRC-32 was damaged on a line that damages nothing."""
    counted = stage.serial
    if counted.get("bad"):
        raise Missed(f"{counted['bad']} serial status lines do not fit their CRC-32")
    return int(counted.get("count", 0))


def _state_is(wanted: str) -> Callable[[Json], bool]:
    """A pump that has been stopped will not get there any more."""

    def reached(state: Json) -> bool:
        if state["state"] == "stopped":
            why = _first(state["latched"], "message")
            raise Missed(f"{state['channel']} was stopped before it was {wanted}: {why}")
        return state["state"] == wanted

    return reached


def _has_given(volume_ml: float) -> Callable[[Json], bool]:
    is_infusing = _state_is("infusing")
    return lambda state: is_infusing(state) and state["delivered_least_ml"] >= volume_ml


def _ends_stopped(state: Json) -> bool:
    if state["state"] == "completed":
        raise Missed(f"{state['channel']} completed its infusion in spite of the fault")
    return state["state"] == "stopped"


def _stands_still(truth: Json) -> bool:
    return truth["state"] == "stopped" and truth["flow_ul_h"] == 0 and truth["commanded_flow_ul_h"] == 0


def _first(entries: list[Json], key: str) -> str | None:
    return str(entries[0][key]) if entries else None


def _seconds(since_ns: int | None, until_ns: int | None) -> float | None:
    """None when one of the two never was."""
    return None if since_ns is None or until_ns is None else round((until_ns - since_ns) / NS_PER_S, 4)
