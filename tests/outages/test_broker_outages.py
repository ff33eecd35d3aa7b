"""Three of the twenty: the real daemon, a simulated pump, a broker that is killed, and the journal to compare with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import conftest
from tests.outages.rehearsal import rehearse
from tests.outages.subscriber import differences


@pytest.mark.hazard("H64")
@pytest.mark.timeout(400)
def test_no_event_is_lost_or_out_of_order_when_the_broker_is_killed(
    tmp_path: Path, mosquitto: conftest.Broker, seed: int
):
    account = rehearse(tmp_path, mosquitto, outages=3, seed=seed)
    assert account.differences == ()
    assert account.faults == (), "every message is as the contract has it"
    assert (account.state_at_the_end, account.stops_before_the_end) == ("infusing", 0)
    late = account.retained_late
    assert late["pumpctl/pair/availability"] == "online"
    assert late["pumpctl/a/link"] == "up"
    assert json.loads(late["pumpctl/a/state"])["state"] == "stopped"
    assert json.loads(late["pumpctl/a/alarm/operator_stop"])["priority"] == "medium"
    assert "pumpctl/pair/audit-head" in late
    assert not any(topic.endswith("/event") for topic in late)


def test_the_comparison_sees_a_loss_another_order_and_other_words():
    journal = [(seq, json.dumps({"seq": seq})) for seq in (1, 2, 3)]
    one, two, three = journal
    assert differences([one, two, two, one, three], journal) == []
    assert differences([one, three], journal) == ["2 was never told"]
    assert differences([one, three, two], journal) == ["2 came after 3"]
    assert differences([one, two, three, (4, "{}")], journal) == ["4 is not in the journal"]
    assert differences([one, (2, "{}"), three], journal) == ["2 says something else"]
    assert differences([one, two, (2, "{}"), three], journal) == ["2 was told in two ways"]
