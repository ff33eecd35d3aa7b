"""The whole system in one thread and virtual time. What others need of it is named here."""

from simulator.rig.disk import journal_of
from simulator.rig.world.seen import Delays
from simulator.rig.world.world import Crash, World

__all__ = ["Crash", "Delays", "World", "journal_of"]
