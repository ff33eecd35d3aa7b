"""What the demo promises, and which of it did not hold.

Refuses to know how any figure came about, and to call success what was not measured: a figure that is missing, or is
no number, has missed its promise. The one exception is MQTT: without a broker there are no messages to count.
"""

from __future__ import annotations

from dataclasses import dataclass

LEAST_COUNTED = 100
MAX_DOSE_RATE_MG_MIN = 4  # the library's hard limit for subcutaneous infusions at home
LEAST_PART = 0.99  # of what was ordered
MAX_REACTION_S = 1.0  # alarm frame to STOP: the aim is 20 ms; a second is where a person would call it broken
MAX_GUARD_REACTION_S = 3.0  # `pumpctl stop` has to start first, the guard waits 250 ms for the daemon, then ends it


@dataclass(frozen=True, slots=True)
class SecondAct:
    """An occlusion in mid-infusion. `reaction_s`: last byte of the alarm frame to last byte of STOP received."""

    fault: str
    stopped: bool
    alarm: str | None
    reason: str | None
    reaction_s: float | None


@dataclass(frozen=True, slots=True)
class ThirdAct:
    """A stop while the daemon is frozen. `reaction_s`: start of `pumpctl stop` to last byte of STOP received."""

    stopped: bool
    reaction_s: float | None


@dataclass(frozen=True, slots=True)
class Result:
    """build/demo/result.json. Volumes and rates are the simulator's truth, never the daemon's word."""

    ordered_ml: float
    delivered_ml: float
    delivered_mg: float
    max_dose_rate_mg_min: float
    duration_h: float | None
    mqtt_messages: int | None
    serial_status_lines: int
    journal_ok: bool
    last_state: str
    second_act: SecondAct
    third_act: ThirdAct


def missed(result: Result) -> tuple[str, ...]:
    """Every promise that did not hold, in words."""
    return (*_missed_in_first_act(result), *_missed_in_second_act(result.second_act), *_missed_stop(result.third_act))


def _missed_in_first_act(result: Result) -> tuple[str, ...]:
    ordered_ml, delivered_ml, peak_mg_min = result.ordered_ml, result.delivered_ml, result.max_dose_rate_mg_min
    messages, lines = result.mqtt_messages, result.serial_status_lines
    held = {
        f"ordered {ordered_ml} mL instead of 100 mL": ordered_ml == 100,
        f"delivered {delivered_ml} mL, above the {ordered_ml} mL ordered": delivered_ml <= ordered_ml,
        f"delivered {delivered_ml} mL, more than 1 % below the {ordered_ml} mL ordered": (
            delivered_ml >= LEAST_PART * ordered_ml
        ),
        f"highest dose rate {peak_mg_min} mg/min, not above 0 and at most {MAX_DOSE_RATE_MG_MIN}": (
            0 < peak_mg_min <= MAX_DOSE_RATE_MG_MIN
        ),
        "the infusion's duration is unknown": result.duration_h is not None,
        f"{messages} MQTT messages counted, at least {LEAST_COUNTED} promised": (
            messages is None or messages >= LEAST_COUNTED
        ),
        f"{lines} serial status lines counted, at least {LEAST_COUNTED} promised": lines >= LEAST_COUNTED,
        "the journal does not verify": result.journal_ok,
        f"last state {result.last_state} instead of completed": result.last_state == "completed",
    }
    return tuple(what for what, holds in held.items() if not holds)


def _missed_in_second_act(act: SecondAct) -> tuple[str, ...]:
    reaction_s = act.reaction_s
    held = {
        f"second act: the pump was not stopped after the {act.fault}": act.stopped,
        "second act: no alarm": bool(act.alarm),
        "second act: no reason for the stop": bool(act.reason),
        f"second act: reaction {reaction_s} s, not within {MAX_REACTION_S} s": (
            reaction_s is not None and 0 <= reaction_s <= MAX_REACTION_S
        ),
    }
    return tuple(what for what, holds in held.items() if not holds)


def _missed_stop(act: ThirdAct) -> tuple[str, ...]:
    reaction_s = act.reaction_s
    held = {
        "third act: the guard did not stop the pump": act.stopped,
        f"third act: reaction {reaction_s} s, not within {MAX_GUARD_REACTION_S} s": (
            reaction_s is not None and 0 <= reaction_s <= MAX_GUARD_REACTION_S
        ),
    }
    return tuple(what for what, holds in held.items() if not holds)
