"""`pumpctl plan` for pumps that promise less than the companion: refused with the reason, or taken with advice."""

from __future__ import annotations

import json

from tests.cli.test_check import AT, GOLDEN, pumpctl
from tests.cli.test_plan import OVERRIDE


def test_an_alaris_pump_takes_the_home_order_and_people_are_told_what_it_may_do():
    done = pumpctl("plan", GOLDEN, "--pump", "alaris", *AT, *OVERRIDE, "--json")
    assert done.returncode == 0, done.stderr
    content = json.loads(done.stdout)
    assert [program["vtbi_ul"] for program in content["programs"]] == [50_000, 50_000]
    told = [finding for finding in content["findings"] if finding["rule"] == "U04"]
    assert [finding["severity"] for finding in told] == ["advisory", "advisory"]
    assert "may stop by itself" in told[0]["message"]
    assert "cannot report occlusion_upstream (H08), air_in_line (H10)" in told[1]["message"]
