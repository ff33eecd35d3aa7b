"""`pumpctl certs`: a private authority, and certificates for the broker, the daemon and those who watch.

Refuses to copy anything anywhere: which file belongs to whom is said, and a person carries it there.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pumpctl.cli.asking import AsJson
from pumpctl.cli.failure import ExitCode, Failure

if TYPE_CHECKING:
    from datetime import datetime

    from pumpctl.certificates.folder import AuthorityFolder

DAEMON = "pumpctl"  # the user in deploy/mosquitto/pumpctl.acl that may write

certs_app = typer.Typer(help="Certificates for the MQTT broker and its clients.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="A client, or `broker`.")]
Dir = Annotated[Path, typer.Option("--dir", help="The folder that `pumpctl certs init` made.")]
BrokerNames = Annotated[
    list[str] | None, typer.Option("--broker-name", help="A name or address under which clients reach the broker.")
]


def register(app: typer.Typer) -> None:
    """Add the group."""
    app.add_typer(certs_app, name="certs")


@certs_app.command("init")
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder; keep it where only you can read it.")],
    broker_name: BrokerNames = None,
    client: Annotated[list[str] | None, typer.Option("--client", help="One who watches; may be repeated.")] = None,
    as_json: AsJson = False,
) -> None:
    """A private authority with certificates for the broker, for pumpctl and each --client. Nothing is overwritten."""
    from pumpctl.certificates.folder import create

    if not broker_name:
        next_step = "say how clients reach it: --broker-name mqtt.home.arpa --broker-name 192.168.1.2"
        raise Failure(ExitCode.USAGE, "no name for the broker", next_step)
    clients = list(dict.fromkeys((DAEMON, *(client or ()))))
    with _told():
        create(folder.absolute(), broker_name, clients, _now())
    if as_json:
        typer.echo(json.dumps({"dir": str(folder), "broker_names": broker_name, "clients": clients}))
        return
    typer.echo(f"to the broker      {folder}/ca.crt ca.crl broker.crt broker.key")
    for name in clients:
        typer.echo(f"to {name:<15} {folder}/ca.crt {name}.crt {name}.key")
    typer.echo(f"to nobody          {folder}/ca.key: whoever has it can make a certificate in any name")


@certs_app.command("add")
def add(name: Name, folder: Dir = Path(), as_json: AsJson = False) -> None:
    """A certificate for one more client."""
    with _told():
        path = _opened(folder).add(name, _now())
    _say_made(path, folder, as_json)


@certs_app.command("renew")
def renew(name: Name, folder: Dir = Path(), broker_name: BrokerNames = None, as_json: AsJson = False) -> None:
    """A new key and certificate for a name that has one. The old one stays good until it expires or is revoked."""
    from pumpctl.certificates.issuing import BROKER

    if broker_name and name != BROKER:
        raise Failure(ExitCode.USAGE, f"--broker-name: {name} is not the broker", f"pumpctl certs renew {BROKER} ...")
    with _told():
        path = _opened(folder).renew(name, broker_name or (), _now())
    _say_made(path, folder, as_json)


@certs_app.command("revoke")
def revoke(name: Name, folder: Dir = Path(), as_json: AsJson = False) -> None:
    """Put every certificate of a name on the list of revoked ones, ca.crl. It counts once the broker has that file."""
    with _told():
        count = _opened(folder).revoke(name, _now())
    if as_json:
        typer.echo(json.dumps({"name": name, "revoked": count, "list": str(folder / "ca.crl")}))
        return
    typer.echo(f"{name}: {count} revoked in {folder / 'ca.crl'}; copy that to the broker and restart it")
    typer.echo("(a reload lets nobody new in; a restart also ends the connections that are open)")


@certs_app.command("show")
def show(folder: Dir = Path(), as_json: AsJson = False) -> None:
    """Every certificate: whose, until when, and whether it is revoked."""
    with _told():
        opened, now = _opened(folder), _now()
        entries = opened.entries(now)
    until = opened.authority.not_valid_after_utc
    if as_json:
        told = [
            {
                "name": entry.name,
                "serial": f"{entry.serial:040x}",
                "addresses": list(entry.addresses),
                "until": entry.until.isoformat(),
                "standing": entry.standing.value,
            }
            for entry in entries
        ]
        typer.echo(json.dumps({"authority": {"until": until.isoformat()}, "certificates": told}))
        return
    typer.echo(f"{'ca':<16} until {until:%Y-%m-%d}")
    for entry in entries:
        addresses = f"  ({', '.join(entry.addresses)})" if entry.addresses else ""
        typer.echo(f"{entry.name:<16} until {entry.until:%Y-%m-%d}  {entry.standing.value}{addresses}")


def _opened(folder: Path) -> AuthorityFolder:
    from pumpctl.certificates.folder import AuthorityFolder

    return AuthorityFolder(folder)


def _say_made(path: Path, folder: Path, as_json: bool) -> None:
    files = [str(path), str(path.with_suffix(".key"))]
    if as_json:
        typer.echo(json.dumps({"made": files}))
    else:
        typer.echo(f"made {files[0]} and {files[1]}; copy both, and {folder / 'ca.crt'} where it is not yet")


def _now() -> datetime:
    from datetime import UTC, datetime

    from pumpctl.shell.clock import wall_ms

    return datetime.fromtimestamp(wall_ms() // 1000, UTC)


@contextlib.contextmanager
def _told() -> Generator[None]:
    """What goes wrong, as one line."""
    from pumpctl.certificates.folder import FolderUnusable

    try:
        yield
    except FolderUnusable as error:
        code = ExitCode.REFUSED if error.taken else ExitCode.USAGE
        raise Failure(code, error.what, error.next_step) from None
    except ValueError as error:
        raise Failure(ExitCode.USAGE, str(error), "choose another name") from None
    except OSError as error:
        what = f"{error.filename}: {error.strerror}"
        raise Failure(ExitCode.USAGE, what, "name a folder that may be written") from None
