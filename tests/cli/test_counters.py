"""The daemon's counters for a bundle, from a page over a real socket: redacted, and other programs' left alone."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from pumpctl.cli.counters import counters_of
from pumpctl.cli.redaction import REMOVED, Redactor
from pumpctl.shell.metrics_settings import MetricsSettings
from tests.cli.canaries import canaries

PAGE = """# TYPE pumpctl_build_info gauge
pumpctl_build_info{version="canary-version",python="3.11"} 1.0
# TYPE pumpctl_start_time_seconds gauge
pumpctl_start_time_seconds 1.796148e+09
# TYPE pumpctl_pump_info gauge
pumpctl_pump_info{channel="canary-bed",dialect="companion",serial="CANARY-SERIAL"} 1.0
# TYPE pumpctl_refusals_total counter
pumpctl_refusals_total{rule="Q31"} 2.0
pumpctl_refusals_total{rule="canary said so"} 1.0
pumpctl_refusals_total{visitor="canary-visitor"} 1.0
# TYPE pumpctl_turn_seconds histogram
pumpctl_turn_seconds_bucket{le="0.1"} 5.0
pumpctl_turn_seconds_bucket{le="+Inf"} 5.0
pumpctl_turn_seconds_count 5.0
pumpctl_turn_seconds_sum 0.25
# TYPE canary_total counter
canary_total{user="canary-user"} 3.0
"""
Serve = Callable[[str], MetricsSettings]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Answers one request with a page of this text."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threads: list[threading.Thread] = []

        def answer(page: str) -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + page.encode())

        def begin(page: str) -> MetricsSettings:
            threads.append(threading.Thread(target=answer, args=(page,), daemon=True))
            threads[-1].start()
            return MetricsSettings(port=listener.getsockname()[1])

        yield begin
        for each in threads:
            each.join(20)


def test_names_are_pseudonyms_and_only_words_of_the_program_are_kept(serve: Serve) -> None:
    told = counters_of(serve(PAGE), Redactor(0))
    assert canaries(str(told)) == set()
    assert told == {
        "counted": True,
        "served": True,
        "readable": True,
        "samples": {
            "pumpctl_pump_info": [
                {"labels": {"channel": "channel-1", "dialect": "companion", "serial": "serial-1"}, "value": 1.0}
            ],
            "pumpctl_refusals_total": [
                {"labels": {"rule": "Q31"}, "value": 2.0},
                {"labels": {"rule": REMOVED}, "value": 1.0},
                {"labels": {"visitor": REMOVED}, "value": 1.0},
            ],
            "pumpctl_turn_seconds_count": [{"labels": {}, "value": 5.0}],
            "pumpctl_turn_seconds_sum": [{"labels": {}, "value": 0.25}],
        },
    }


def test_what_cannot_be_had_is_told(serve: Serve) -> None:
    assert counters_of(None, Redactor(0)) == {"counted": False}
    assert counters_of(serve("pumpctl_x{ canary"), Redactor(0)) == {"counted": True, "served": True, "readable": False}
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert counters_of(MetricsSettings(port=port), Redactor(0)) == {"counted": True, "served": False}
