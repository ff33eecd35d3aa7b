"""A healthy site on a line of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import PtyPair
from tests.doctor.site import Channel, Site, healthy_host


@pytest.fixture
def site(tmp_path: Path, pty_pair: PtyPair) -> Site:
    return Site(tmp_path, [Channel(pty_pair.slave_path)], healthy_host())
