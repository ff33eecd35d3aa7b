"""A network line has one holder on a host, as a tty has."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from pumpctl.shell.port import PortUnusable, open_port


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


@pytest.mark.hazard("H47")
def test_a_network_line_that_is_open_is_refused_with_one_line_and_free_after_close(listener: socket.socket) -> None:
    url = f"socket://127.0.0.1:{listener.getsockname()[1]}"
    first = open_port(url, 9600)
    accepted, _ = listener.accept()
    listener.settimeout(0)
    for second in (url, f"{url}/?logging=debug", url.replace("socket", "SOCKET")):
        with pytest.raises(PortUnusable, match=r"in use by another program of this host .*; end that process$"):
            open_port(second, 9600)
    with pytest.raises(BlockingIOError):
        listener.accept()  # refused before a connection could disturb the first one
    first.close()
    open_port(url, 9600).close()
    accepted.close()


@pytest.mark.hazard("H47")
def test_other_ports_of_that_host_are_other_lines(listener: socket.socket) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        ports = [open_port(f"socket://127.0.0.1:{each.getsockname()[1]}", 9600) for each in (listener, other)]
    for port in ports:
        port.close()


def test_a_line_that_does_not_open_is_not_held(listener: socket.socket) -> None:
    url = f"socket://127.0.0.1:{listener.getsockname()[1]}"
    listener.close()
    for _ in range(2):
        with pytest.raises(PortUnusable, match="nobody listens there"):
            open_port(url, 9600)


def test_what_is_no_address_is_said() -> None:
    for url in ("socket://127.0.0.1:banana", "socket://127.0.0.1:99999", "carrier://pigeon"):
        with pytest.raises(PortUnusable, match=f"^port {url}: "):
            open_port(url, 9600)
