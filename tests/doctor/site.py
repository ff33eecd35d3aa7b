"""A set-up in which the doctor finds nothing: a state directory, a settings file, a pump's line. Tests spoil it.

Refuses to start anything.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from pumpctl.doctor.examination import examine
from pumpctl.doctor.finding import Finding, Verdict
from pumpctl.doctor.host import Host

WITHIN_S = 60  # for each check: the machine is shared, and none of these takes long when all is well
NEW_ERA = """
[channel.new_era]
syringe_diameter_um = 26590
syringe_ml = 60
safe_mode_s = 20
simulated = true
"""


@dataclass
class Channel:
    """One `[[channel]]`. Of New Era unless said otherwise: such a pump is asked nothing, so nobody need answer."""

    port: str
    name: str = "a"
    serial: str = "SIM-0001"
    dialect: str = "new_era"

    def text(self) -> str:
        keys = {"name": self.name, "dialect": self.dialect, "port": self.port, "serial": self.serial}
        lines = [f'{key} = "{value}"' for key, value in {**keys, "patient_id": "p1"}.items()]
        return "\n".join(["[[channel]]", *lines]) + (NEW_ERA if self.dialect == "new_era" else "\n")


@dataclass
class Site:
    """`top` and `tables`: lines of the settings file before and after the channels."""

    folder: Path
    channels: list[Channel]
    host: Host
    mode: str = "rig"
    top: str = ""
    tables: str = ""
    state_dir: Path = field(init=False)

    def __post_init__(self) -> None:
        self.state_dir = self.folder / "state"
        self.state_dir.mkdir()
        self.state_dir.chmod(0o750)

    @property
    def settings(self) -> Path:
        return self.folder / "settings.toml"

    def write_settings(self) -> Path:
        lines = [f'state_dir = "{self.state_dir}"', f'mode = "{self.mode}"', self.top]
        channels = [channel.text() for channel in self.channels]
        self.settings.write_text("\n".join([*lines, *channels, self.tables]))
        return self.settings

    def is_seen_by(self, **changed: object) -> None:
        """Another host than this one, in these respects."""
        self.host = replace(self.host, **changed)

    def kernel_says(self, below: str, file: str, text: str) -> None:
        """A file of /proc, /sys or /run/udev (`below`: the host's own name for it) of a host that is made up."""
        root = self.folder / f"made-up-{below}"
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        self.is_seen_by(**{below: root})

    def examined(self) -> list[Finding]:
        return list(examine(self.write_settings(), self.host, WITHIN_S, 10 * WITHIN_S))


def healthy_host() -> Host:
    """This one, but for what a shared machine or a container cannot promise."""
    nowhere = Path("/nonexistent")
    return Host(by_id=nowhere, clock_synchronised=lambda: True, proc=nowhere, free_bytes=lambda _: 1 << 40)


def trouble(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.verdict is not Verdict.OK]
