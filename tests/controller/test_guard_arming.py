"""What the guard is told of a channel: since when its program may flow on a lease, and when a stop is proven."""

from __future__ import annotations

import pytest

from protocols.companion import messages as wire
from protocols.companion.vocabulary import RefusalReason
from pumpctl.core.delivery import DeliveryState
from pumpctl.effects import ArmGuard, DisarmGuard
from tests.controller.desk import Desk
from tests.controller.orders import monitored_iv_continuous, once
from tests.controller.scenes import infusing

D = DeliveryState
DEAF = 1_000


def _told(desk: Desk, since: int = 0) -> list[tuple[bool, bool] | None]:
    """Lease and proven of each arming, None for a disarming."""
    told = [effect for effect in desk.effects[since:] if isinstance(effect, ArmGuard | DisarmGuard)]
    return [(effect.lease, effect.proven) if isinstance(effect, ArmGuard) else None for effect in told]


def _on_a_lease() -> Desk:
    desk = infusing(monitored_iv_continuous())
    desk.run_for(3_000)
    assert _told(desk)[-1] == (True, True)
    desk.pump.ignores_stops = DEAF
    return desk


def _told_until_proven(desk: Desk, since: int) -> list[tuple[bool, bool] | None]:
    """What it was told while the stop was open; its proof follows, and is told."""
    assert desk.state is D.STOPPING
    open_ = _told(desk, since)
    proven_from = len(desk.effects)
    desk.pump.ignores_stops = 0
    desk.must_be(D.STOPPED, 3_000)
    assert _told(desk, proven_from) == [(False, True)]
    return open_


@pytest.mark.hazard("H46")
@pytest.mark.hazard("H56")
def test_a_lease_pump_stays_one_from_its_first_stop_to_the_proof():
    desk = _on_a_lease()
    since = len(desk.effects)
    desk.ask("stop")
    desk.run_for(3_000)
    assert desk.pump.flow_ul_h > 0
    assert _told_until_proven(desk, since) == []


@pytest.mark.hazard("H46")
def test_a_paused_lease_pump_that_is_being_stopped_is_one_again():
    desk = _on_a_lease()
    desk.ask("pause")
    desk.must_be(D.PAUSED, 3_000)
    since = len(desk.effects)
    desk.ask("stop")
    desk.run_for(3_000)
    assert _told_until_proven(desk, since) == [(True, False)]


@pytest.mark.hazard("H46")
def test_a_lease_that_the_pump_refuses_to_renew_is_one_until_the_stop_is_proven():
    desk = _on_a_lease()
    since = len(desk.effects)
    desk.pump.deny = {wire.Renew: RefusalReason.LEASE_OUT_OF_RANGE}
    desk.must_be(D.STOPPING, 120_000)
    desk.run_for(3_000)
    assert _told_until_proven(desk, since) == []


@pytest.mark.hazard("H56")
@pytest.mark.parametrize("lease", [True, False])
def test_a_pump_asked_again_who_it_is_in_mid_stop_has_proven_nothing(lease: bool):
    desk = _on_a_lease() if lease else infusing(once())
    desk.pump.ignores_stops = DEAF
    desk.ask("stop")
    desk.run_for(1_000)
    since = len(desk.effects)
    desk.pump.deny = dict.fromkeys((wire.GetStatus,), RefusalReason.WRONG_SESSION)
    desk.must(lambda: None in _told(desk, since), 3_000)
    desk.pump.deny = {}
    desk.run_for(2_000)
    assert _told_until_proven(desk, since) == [None, (lease, False)]
