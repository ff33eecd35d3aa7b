"""`pumpctl diag -o bundle.zip`: what a bug report needs, redacted, in one file to be looked at before it is sent.

Refuses to send anything anywhere, and to write over a file: the bundle is whole under its name or is not there.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from pumpctl.cli.asking import AsJson
from pumpctl.cli.failure import ExitCode, Failure

RECORDS, MOST_RECORDS = 200, 5000
_NO_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that the format knows


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("diag")(diag)


def diag(
    config: Annotated[Path, typer.Option("--config", help="The daemon's settings file.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The zip to write; it must not be there yet.")],
    last: Annotated[int, typer.Option(min=0, max=MOST_RECORDS, help="How many of the newest records.")] = RECORDS,
    as_json: AsJson = False,
) -> None:
    """Write a redacted bundle for a bug report: versions, settings, journal, status. Nothing is sent."""
    from pumpctl.cli.bundle import bundle_of
    from pumpctl.shell.settings import load_settings
    from pumpctl.shell.unusable import Unusable

    try:
        settings = load_settings(config)
    except Unusable as refusal:
        raise Failure(ExitCode.USAGE, refusal.what, refusal.next_step) from None
    if os.path.lexists(output):
        raise _taken(output)
    files = bundle_of(settings, last)
    try:
        write_new(output, _zipped(files))
    except FileExistsError:
        raise _taken(output) from None
    except OSError as error:
        raise Failure(ExitCode.USAGE, f"{output}: {error.strerror}", "name a file that can be written") from None
    if as_json:
        sizes = [{"name": name, "bytes": len(content)} for name, content in files.items()]
        typer.echo(json.dumps({"bundle": str(output), "files": sizes, "sent": False}))
        return
    for name, content in files.items():
        typer.echo(f"{len(content):>9}  {name}")
    typer.echo(f"{output} is written, and nothing was sent. Look before you send: unzip it and read every file.")


def write_new(path: Path, content: bytes) -> None:
    """All of it or nothing, for its owner alone to read. FileExistsError when something has that name."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # The name is taken first, so that nobody's file is replaced; a memory stick knows no links to do both at once.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        try:
            part.replace(path)
        except OSError:
            path.unlink()  # the name was ours, and nothing is under it
            raise
    finally:
        part.unlink(missing_ok=True)


def _zipped(files: Mapping[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, told in files.items():
            bundle.writestr(zipfile.ZipInfo(name, _NO_TIME), told, zipfile.ZIP_DEFLATED)
    return content.getvalue()


def _taken(path: Path) -> Failure:
    return Failure(ExitCode.REFUSED, f"{path}: there is such a file already", "name another one with -o")
