"""The programme: three acts one after the other, what came of them in figures, a picture, and the verdict.

Refuses to play and to measure. Whatever ends it early, everything that was started is ended first.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import TypeAlias, TypeVar

from pumpctl.core.instant import NS_PER_S
from pumpctl.shell.clock import boottime_ns
from simulator.rig.demo.acts import FirstAct, occlusion, stop_by_guard, whole_infusion
from simulator.rig.demo.broker import Broker, start_broker
from simulator.rig.demo.children import Children, Json
from simulator.rig.demo.failing import Missed
from simulator.rig.demo.picture import curve, draw, duration_h
from simulator.rig.demo.promises import MAX_DOSE_RATE_MG_MIN, Result, SecondAct, ThirdAct, missed
from simulator.rig.demo.stage import Role, Stage
from simulator.rig.demo.telling import Teller

ROLES = (
    Role("act-1", "bed-1", "SIM-0001", "patient-0001"),
    Role("act-2", "bed-2", "SIM-0002", "patient-0002"),
    Role("act-3", "bed-3", "SIM-0003", "patient-0003"),
)
RESULT_FILE, PICTURE_FILE = "result.json", "infusions.png"

Played = TypeVar("Played")
Act: TypeAlias = Callable[[Stage, Teller], Awaitable[Played]]


async def play(output: Path, tell: Teller) -> None:
    """All of it. Raises Missed when a promise does not hold."""
    begun_ns = boottime_ns()
    _clear(output)
    tell.say("Simulated pumps, the real daemon, the real commands. Nothing here is connected to anybody.")
    async with _broker(output, tell) as broker, _short_folder() as short:

        async def on_stage(title: str, role: Role, act: Act[Played]) -> Played:
            tell.heading(title)
            folder = output / role.act
            folder.mkdir()
            stage = Stage(role, folder, short, broker)
            try:
                return await act(stage, tell)
            finally:
                await stage.close()

        first = await on_stage("Act 1 of 3: an order, from paper into the patient", ROLES[0], whole_infusion)
        second, second_truth = await on_stage("Act 2 of 3: the line is blocked", ROLES[1], occlusion)
        third, third_truth = await on_stage("Act 3 of 3: the daemon hangs", ROLES[2], stop_by_guard)
    result = _result(first, second, third)
    (output / RESULT_FILE).write_text(json.dumps(asdict(result), indent=2) + "\n", encoding="utf-8")
    _draw(output / PICTURE_FILE, first, (first.truth, second_truth, third_truth))
    _tell_figures(tell, result, output, (boottime_ns() - begun_ns) / NS_PER_S)
    if not_held := missed(result):
        raise Missed("; ".join(not_held))


def _clear(output: Path) -> None:
    """What an earlier run left must not look like this one's."""
    try:
        output.mkdir(parents=True, exist_ok=True)
        for name in (RESULT_FILE, PICTURE_FILE):
            (output / name).unlink(missing_ok=True)
        for role in ROLES:
            if (output / role.act).exists():
                shutil.rmtree(output / role.act)
    except OSError as error:
        raise Missed(f"{output}: {error.strerror}; name another folder with --output") from None


@contextlib.asynccontextmanager
async def _broker(output: Path, tell: Teller) -> AsyncGenerator[Broker | None, None]:
    children = Children()
    try:
        broker = await start_broker(children, output)
        if isinstance(broker, str):
            tell.say(f"Without MQTT: {broker}. What it would carry goes out on the serial status line alone.")
        else:
            tell.say(f"A broker of its own, mosquitto, listens on {broker.host}:{broker.port}.")
        yield None if isinstance(broker, str) else broker
    finally:
        await children.end()


@contextlib.asynccontextmanager
async def _short_folder() -> AsyncGenerator[Path, None]:
    """For sockets and links, whose paths the kernel wants short."""
    folder = Path(tempfile.mkdtemp(prefix="pumpctl-demo-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _result(first: FirstAct, second: SecondAct, third: ThirdAct) -> Result:
    truth = first.truth
    if truth["starts"] != 1:
        raise Missed(f"the motor was started {truth['starts']} times for one infusion")
    mg_per_ml = first.ordered_mg / first.ordered_ml
    delivered_ml = truth["delivered_ul"] / 1000
    span_h = duration_h(truth["trace"])
    return Result(
        ordered_ml=first.ordered_ml,
        delivered_ml=round(delivered_ml, 6),
        delivered_mg=round(delivered_ml * mg_per_ml, 6),
        max_dose_rate_mg_min=round(truth["max_flow_ul_h"] / 1000 * mg_per_ml / 60, 6),
        duration_h=None if span_h is None else round(span_h, 2),
        mqtt_messages=first.mqtt_messages,
        serial_status_lines=first.serial_status_lines,
        journal_ok=first.journal_ok,
        last_state=first.last_state,
        second_act=second,
        third_act=third,
    )


def _draw(path: Path, first: FirstAct, truths: tuple[Json, ...]) -> None:
    """A picture that cannot be drawn is a promise missed like any other."""
    ends = ("all of it: the pump stops by itself", "line blocked: alarm, STOP", "daemon frozen: STOP by the guard")
    curves = [curve(truth["trace"], end) for end, truth in zip(ends, truths, strict=True)]
    mg_per_ml = first.ordered_mg / first.ordered_ml
    try:
        draw(path, curves, ordered_ml=first.ordered_ml, mg_per_ml=mg_per_ml, cap_mg_min=MAX_DOSE_RATE_MG_MIN)
    except ImportError as error:
        raise Missed(f"no picture: {error}; install the extra: pip install -e '.[rig]'") from None
    except OSError as error:
        raise Missed(f"no picture: {path}: {error.strerror}") from None


def _tell_figures(tell: Teller, result: Result, output: Path, took_s: float) -> None:
    second, third = result.second_act, result.third_act
    messages = "none: no broker" if result.mqtt_messages is None else str(result.mqtt_messages)
    journal = "verified" if result.journal_ok else "DOES NOT VERIFY"
    rows = {
        "ordered": f"{result.ordered_ml:g} mL",
        "delivered": f"{result.delivered_ml:.3f} mL, {result.delivered_mg:.2f} mg, by the simulator's own account",
        "highest dose rate": f"{result.max_dose_rate_mg_min:.3f} mg/min of at most {MAX_DOSE_RATE_MG_MIN}",
        "duration": f"{result.duration_h} h of therapy time",
        "journal": journal,
        "MQTT messages": messages,
        "serial status lines": f"{result.serial_status_lines}, each with the right CRC-32",
        "occlusion": f"alarm {second.alarm}, STOP at the pump after {second.reaction_s} s",
        "frozen daemon": f"STOP at the pump {third.reaction_s} s after `pumpctl stop` was typed",
        "picture": _from_here(output / PICTURE_FILE),
        "figures": _from_here(output / RESULT_FILE),
    }
    tell.figures(f"What came of it, after {took_s:.0f} s", rows)


def _from_here(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
