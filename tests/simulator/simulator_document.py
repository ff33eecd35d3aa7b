"""docs/simulator.md, made from the table of fault kinds and the pumps' profiles.

`python -m tests.simulator.simulator_document` writes it; test_simulator_document.py says when that was forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from simulator.fault_kinds import KINDS, Choice, FaultKind, Hits, Lasts, Size
from simulator.profile import PROFILES, PumpProfile

PATH = Path(__file__).resolve().parents[2] / "docs/simulator.md"
HEAD = """# The simulated pump

Made by `python -m tests.simulator.simulator_document` from the table of faults (`simulator/fault_kinds.py`) and the
profiles (`simulator/profile.py`). A test fails when it is out of date.

It is written from `protocols/companion/SPEC.md` and physics, and knows nothing of the daemon. Three rooms:

- **plant** (`physics.py`, `outlook.py`, `tubing.py`, `reservoir.py`, `motor.py`, `thermal.py`, `battery.py`): what
  really moves. Between two changes of conditions everything follows closed forms, so an hour costs what a second
  costs and the result does not depend on who looks when. Fluid is conserved: drawn = delivered + spilled + stored.
- **firmware** (`firmware/`): what the pump decides, by its own sensors. It stops for occlusion on either side, air,
  an open door, an empty bag, a stalled motor, heat, an empty battery, the end of its lease and, where there is one,
  when its independent cut-off has acted.
- **reporting** (`firmware/reporting.py`): what it says. Without a fault that is the truth.

`pumpsim state` and `PumpTruth` are the plant's own account, apart from what the pump says.

## Serving

```
pumpsim serve --dialect companion --pty /tmp/pump-a                     # or --tcp HOST:PORT, or --rfc2217 HOST:PORT
pumpsim serve --dialect companion --profile syringe --tcp 127.0.0.1:0
pumpsim serve --dialect miva --serial SIM00001 --pty /tmp/pump-m       # docs/dialects/ says what each one knows
pumpsim serve --dialect companion --pump serial=SIM-0001,pty=/tmp/pump-a --pump serial=SIM-0002,rfc2217=127.0.0.1:7001
pumpsim inject siphon --by "50 mL/h" --after 5m --for 2m --serial SIM-0002
pumpsim state --serial SIM-0002 --json
```

One companion a line; what nobody takes is lost, as on a UART. The ready line lists each pump with its port under
`pumps`. RFC 2217 takes any settings and changes nothing by them. With several pumps the seed of each is one more
than that of the one before, and each plays the scenario for itself. All chance (tokens, garbage) comes from the
seed: the same seed and the same bytes at the same instants give the same bytes.

## Scenarios

```toml
[[fault]]
what = "siphon"            # a kind of the table; counted kinds as "ignore_stop:3"
by = "50 mL/h"             # for kinds with a size; without it their default
at = "5m"                  # therapy time since the start, or at_program_volume = "50 mL"
for = "2m"                 # therapy time; without it until healed
every = "30m"              # it returns, counted from its first beginning
times = 3                  # so often in all
```

Anything that it does not know is refused, with the number of the fault.
"""


def text() -> str:
    """The whole document."""
    return "\n".join((HEAD, *_kinds(), *_profiles(), *_limits())) + "\n"


def _kinds() -> Iterator[str]:
    yield "## Faults\n"
    yield "*seen*: whether the pump's own sensors tell it apart from a sound pump. Where they do not, no detection time"
    yield "can hold and the largest undetected excess is what counts. *by*: its unit, its default, its range. A rate"
    yield "error within the accuracy that the pump declares is no fault.\n"
    for hits in Hits:
        yield f"### {hits.value}\n"
        yield "| kind | what | lasts | by | seen | hazards |"
        yield "|---|---|---|---|---|---|"
        for kind in FaultKind:
            if kind.traits.hits is hits:
                yield _row(kind)
        yield ""


def _row(kind: FaultKind) -> str:
    traits = KINDS[kind]
    name = f"{kind.value}:N" if traits.lasts is Lasts.COUNTED else kind.value
    cells = (f"`{name}`", traits.what, traits.lasts.value, _by(traits.by), traits.seen.value, " ".join(traits.hazards))
    return f"| {' | '.join(cells)} |"


def _by(size: Size | Choice | None) -> str:
    match size:
        case None:
            return ""
        case Size(unit=unit, default=default, least=least, most=most):
            return f"{unit}: {default} ({least} to {most})"
        case Choice(names=names, default=default):
            first = names[default]
            return " ".join((f"**{first}**", *(name for name in names if name != first)))


def _profiles() -> Iterator[str]:
    yield "## Profiles\n"
    yield "Figures are this project's own and plausible, unless `simulator/profile.py` names a source.\n"
    yield f"| figure | {' | '.join(PROFILES)} |"
    yield "|---|" + "---|" * len(PROFILES)
    for field in fields(PumpProfile):
        yield f"| `{field.name}` | {' | '.join(str(getattr(profile, field.name)) for profile in PROFILES.values())} |"
    yield ""


def _limits() -> Iterator[str]:
    yield "## What it does not do\n"
    yield "- One line resistance, an even compliance, no pulsation within a step."
    yield "- Ripple is exact in volume; the flow shown at an instant follows it as if the line had no lag."
    yield "- A bubble passes the sensor at one instant and takes no room of drug. Start-up is a dead zone, not a curve."
    yield "- A siphon is an even flow that a closed line stops; it has no head, and the bag's level does not change it."
    yield "- `other_serial` changes what the pump calls itself; its bag and its battery stay those of the one before."
    yield "- No pump on the market was measured for any figure here."


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
