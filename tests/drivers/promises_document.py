"""docs/dialects/README.md, made from the reference capabilities: `python -m tests.drivers.promises_document` writes it.

Refuses to know why a pump promises no more: the page of each dialect says so.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pumpctl.core.capability import ALARMS, REFERENCE_PUMPS, Capability, Lease
from pumpctl.core.figures import figure
from pumpctl.core.units import Duration, FlowRate, Volume

PAGE = Path(__file__).parents[2] / "docs/dialects/README.md"
HEAD = """# What each pump can promise

Made by `python -m tests.drivers.promises_document` from what `pumpctl plan --pump NAME` plans for
(`pumpctl/core/capability.py`); a test fails when the two differ. A pump at hand declares its own range, reservoir and
lease. What is known of each dialect, what is invented and what is unknown: [Alaris](alaris.md), [MIVA](miva.md),
[New Era](new_era.md); the companion link is specified in [SPEC.md](../../protocols/companion/SPEC.md).

What a pump cannot do is refused (U04). That it may stop by itself, or cannot report an occlusion or air in the line
(H07, H08, H10), is an advisory of `pumpctl plan` and `pumpctl order submit`. The alarms are those that the daemon has
names for; a pump may report more under names of its own, as Alaris does of its syringe clamp and drive.
"""
_ROWS: dict[str, Callable[[Capability], str]] = {
    "flow": lambda pump: f"{_flow(pump.min_flow_ul_h)} to {_flow(pump.max_flow_ul_h)}",
    "flow, steps": lambda pump: _flow(pump.flow_step_ul_h),
    "reservoir": lambda pump: _volume(pump.reservoir_ul),
    "volume set in steps": lambda pump: _volume(pump.settable_volume_step_ul),
    "volume counted in steps": lambda pump: _volume(pump.volume_step_ul),
    "accuracy": lambda pump: f"{pump.accuracy_permille // 10} %",
    "routes": lambda pump: ", ".join(sorted(pump.routes)),
    "keep-vein-open 0": lambda pump: _yes(pump.kvo_can_be_zero),
    "lease": lambda pump: _lease(pump.lease, pump.max_lease_ms),
    "may stop by itself": lambda pump: _yes(pump.may_stop_alone),
    "button that confirms": lambda pump: _yes(pump.has_confirm_button),
    "reads back": lambda pump: pump.read_back.value,
}


def text() -> str:
    """The whole document."""
    pumps = REFERENCE_PUMPS.values()
    promises = [_row(name, [told(pump) for pump in pumps]) for name, told in _ROWS.items()]
    alarms = [_row(f"reports `{name}`", [_yes(name in pump.alarms) for pump in pumps]) for name in sorted(ALARMS)]
    head = _row("", [f"`{name}`" for name in REFERENCE_PUMPS])
    return "\n".join([HEAD, head, "|---" * (len(REFERENCE_PUMPS) + 1) + "|", *promises, *alarms, ""])


def _row(name: str, cells: list[str]) -> str:
    return f"| {' | '.join([name, *cells])} |"


def _flow(flow_ul_h: int) -> str:
    return figure(FlowRate(flow_ul_h), "mL/h")


def _volume(volume_ul: int) -> str:
    return figure(Volume(volume_ul), "mL")


def _yes(promised: bool) -> str:
    return "yes" if promised else "no"


def _lease(lease: Lease, longest_ms: int) -> str:
    return lease.value if lease is Lease.NONE else f"{lease.value}, up to {figure(Duration(longest_ms), 's')}"


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
