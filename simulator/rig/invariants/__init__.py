"""The twelve invariants of a run, judged from outside: `watch` a world, then ask for the violations.

Refuses to ask the daemon what it believes, but where the invariant is about that.
"""

from simulator.rig.invariants.violation import Violation
from simulator.rig.invariants.watch import Watch, watch

__all__ = ["Violation", "Watch", "watch"]
