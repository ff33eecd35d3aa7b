"""I9: the same seed is the same run, byte for byte on the wire and microlitre for microlitre in the patient.

Refuses to know what a run is: it is made, run and looked at twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from simulator.instant import SimNow
from simulator.rig.invariants.violation import Violation
from simulator.rig.world import World


def digest_of(world: World) -> str:
    """Every byte on the wire, who said it when, and the integer volumes of each pump."""
    digest = hashlib.sha256(world.wire.hexdigest().encode())
    now = SimNow(world.now_ns, world.now_ns)
    for channel, pump in sorted(world.pumps.items()):
        truth = pump.truth(now)
        volumes = (truth.motor_ul, truth.encoder_ul, truth.program_ul, int(truth.delivered_ul), truth.starts)
        digest.update(f"{channel} {world.now_ns} {volumes}\n".encode())
    return digest.hexdigest()


def replayed(run: Callable[[], World]) -> list[Violation]:
    """Run it twice; what differs is a violation."""
    first, second = run(), run()
    if digest_of(first) == digest_of(second):
        return []
    return [Violation("I9", first.now_ns, "the same seed gave another wire or other volumes")]
