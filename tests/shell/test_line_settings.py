"""Which channels may share a port, and how many; both sides of each limit, and the reason in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from pumpctl.shell.line_settings import most_on_a_line
from pumpctl.shell.settings import Settings, load_settings
from pumpctl.shell.unusable import Unusable

HEAD = 'instance = "rig"\nstate_dir = "/var/lib/pumpctl"\nmode = "rig"\n'


def channel(number: int, *, port: str = "/run/pump", baud: int = 19_200, **new_era: object) -> str:
    setup = {"address": number, "syringe_diameter_um": 26590, "syringe_ml": 60, "safe_mode_s": 30, "simulated": "true"}
    lines = "\n".join(f"{key} = {value}" for key, value in (setup | new_era).items())
    return f"""
[[channel]]
name = "p{number}"
dialect = "new_era"
port = "{port}"
baud = {baud}
serial = "SIM-{number}"
patient_id = "patient-{number}"
[channel.new_era]
{lines}
"""


def settings(tmp_path: Path, *channels: str) -> Settings:
    path = tmp_path / "rig.toml"
    path.write_text(HEAD + "".join(channels))
    return load_settings(path)


def refusal(tmp_path: Path, *channels: str) -> str:
    with pytest.raises(Unusable) as refused:
        settings(tmp_path, *channels)
    return str(refused.value)


def test_pumps_of_different_addresses_share_a_line_and_the_controller_is_told(tmp_path: Path) -> None:
    alone = channel(9, port="/run/other")
    told = settings(tmp_path, channel(1), channel(2), alone).for_controller()
    assert [each.line for each in told.channels] == ["/run/pump", "/run/pump", ""]


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        (channel(2, address=1), "an address of its own"),
        (channel(2, baud=38_400), "must be the same for all"),
        (channel(2, safe_mode_s=0), "set safe_mode_s in [channel.new_era] of p2"),
        (channel(2, simulated="false"), "must be the same for all"),
    ],
    ids=["address", "baud", "mode", "simulated"],
)
def test_channels_that_do_not_agree_share_no_port(tmp_path: Path, second: str, reason: str) -> None:
    assert reason in refusal(tmp_path, channel(1), second)


def test_basic_mode_has_a_line_of_its_own(tmp_path: Path) -> None:
    basic = channel(0, safe_mode_s=0), channel(1, safe_mode_s=0)
    said = refusal(tmp_path, *basic)
    assert "p0, p1 have the same port /run/pump: in basic mode one pump's STOP disturbs another" in said
    assert len(settings(tmp_path, basic[0], channel(1, port="/run/other", safe_mode_s=0)).channel) == 2


def test_two_lengths_of_safe_mode_may_share_a_line(tmp_path: Path) -> None:
    assert len(settings(tmp_path, channel(1), channel(2, safe_mode_s=60)).channel) == 2


def test_a_line_too_slow_for_a_stop_is_no_shared_line(tmp_path: Path) -> None:
    assert "19200 baud at least" in refusal(tmp_path, channel(1, baud=19_199), channel(2, baud=19_199))
    assert len(settings(tmp_path, channel(1, baud=9_600)).channel) == 1


def test_a_line_holds_no_more_pumps_than_can_be_asked_within_the_round(tmp_path: Path) -> None:
    most = most_on_a_line(19_200)
    assert most == 22
    assert most_on_a_line(38_400) == 30
    assert len(settings(tmp_path, *(channel(number) for number in range(most))).channel) == most
    said = refusal(tmp_path, *(channel(number) for number in range(most + 1)))
    assert f"at 19200 baud at most {most} can be asked often enough, not {most + 1}" in said
