"""`pumpctl certs`: what is made, what is never overwritten, and that a revoked name is revoked whole."""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pumpctl.certificates.folder import AuthorityFolder, FolderUnusable, Standing, create
from pumpctl.cli import app

Run = Callable[..., tuple[int, str, str]]
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """One command: exit code, output, complaint."""

    def certs(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["pumpctl", "certs", *words])
        with pytest.raises(SystemExit) as ended:
            app.main()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return certs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "certs"
    create(made, ["localhost"], ["pumpctl", "watcher"], NOW)
    return made


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def standings(folder: Path, now: datetime = NOW) -> dict[str, list[Standing]]:
    told: dict[str, list[Standing]] = {}
    for entry in AuthorityFolder(folder).entries(now):
        told.setdefault(entry.name, []).append(entry.standing)
    return told


def test_init_makes_all_files_keys_for_one_user_and_says_where_they_go(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "certs"
    code, out, _ = run(
        "init", str(folder), "--broker-name", "mqtt.home.arpa", "--broker-name", "::1", "--client", "watcher"
    )
    assert code == 0
    assert {path.name for path in folder.iterdir()} == {
        *("ca.crt", "ca.key", "ca.crl", "broker.crt", "broker.key", "issued"),
        *("pumpctl.crt", "pumpctl.key", "watcher.crt", "watcher.key"),
    }
    assert [path.name for path in folder.parent.iterdir()] == ["certs"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for key in folder.glob("*.key"):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(list((folder / "issued").iterdir())) == 3
    assert "to nobody" in out
    assert "ca.key" in out.splitlines()[-1]


def test_init_overwrites_nothing_and_leaves_nothing_behind(run: Run, folder: Path) -> None:
    before = content(folder)
    code, _, err = run("init", str(folder), "--broker-name", "localhost")
    assert (code, err.count("\n")) == (4, 1)
    assert "nothing is overwritten" in err
    assert content(folder) == before
    assert list(folder.parent.iterdir()) == [folder]


def test_for_machines_it_says_what_it_made_in_json(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "certs"
    names = ("--broker-name", "localhost", "--client", "watcher", "--client", "watcher")
    code, out, _ = run("init", str(folder), *names, "--json")
    assert (code, json.loads(out)) == (
        0,
        {"dir": str(folder), "broker_names": ["localhost"], "clients": ["pumpctl", "watcher"]},
    )
    code, out, _ = run("add", "tablet", "--dir", str(folder), "--json")
    assert (code, json.loads(out)) == (0, {"made": [f"{folder}/tablet.crt", f"{folder}/tablet.key"]})


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ([], "no name for the broker"),
        (["--broker-name", "a b"], "broker name 'a b'"),
        (["--broker-name", "localhost", "--client", "../ca"], "client name '../ca'"),
        (["--broker-name", "localhost", "--client", "broker"], "client name 'broker'"),
    ],
)
def test_init_with_a_name_that_is_none_makes_nothing(run: Run, tmp_path: Path, words: list[str], wanted: str) -> None:
    code, _, err = run("init", str(tmp_path / "certs"), *words)
    assert code == 2
    assert wanted in err
    assert list(tmp_path.iterdir()) == []


def test_renew_makes_a_new_key_and_keeps_the_names_of_the_broker(run: Run, folder: Path) -> None:
    before = content(folder)
    assert run("renew", "broker", "--dir", str(folder))[0] == 0
    assert run("renew", "watcher", "--dir", str(folder))[0] == 0
    after = content(folder)
    assert {name for name in after if after[name] != before.get(name)} >= {"broker.crt", "broker.key", "watcher.key"}
    assert before.items() - after.items() == {
        (name, before[name]) for name in ("broker.crt", "broker.key", "watcher.crt", "watcher.key")
    }
    entries = AuthorityFolder(folder).entries(NOW)
    assert [entry.addresses for entry in entries if entry.name == "broker"] == [("localhost",), ("localhost",)]
    code, _, _ = run("renew", "broker", "--broker-name", "10.0.0.7", "--dir", str(folder))
    assert code == 0
    assert run("renew", "broker", "--dir", str(folder))[0] == 0, "which keeps the newest names"
    told = [entry.addresses for entry in AuthorityFolder(folder).entries(NOW) if entry.name == "broker"]
    assert sorted(told) == [("10.0.0.7",), ("10.0.0.7",), ("localhost",), ("localhost",)]
    (folder / "broker.crt").unlink()
    assert "name them with --broker-name" in run("renew", "broker", "--dir", str(folder))[2]


def test_whom_one_revokes_is_revoked_with_every_certificate_there_ever_was(run: Run, folder: Path) -> None:
    for _ in range(2):
        assert run("renew", "watcher", "--dir", str(folder))[0] == 0
    code, out, _ = run("revoke", "watcher", "--dir", str(folder), "--json")
    assert (code, json.loads(out)["revoked"]) == (0, 3)
    assert standings(folder)["watcher"] == 3 * [Standing.REVOKED]
    assert standings(folder)["pumpctl"] == [Standing.VALID]
    code, _, err = run("revoke", "watcher", "--dir", str(folder))
    assert code == 4
    assert "is revoked already" in err
    assert run("renew", "watcher", "--dir", str(folder))[0] == 0
    assert sorted(standing.value for standing in standings(folder)["watcher"]) == [
        "revoked",
        "revoked",
        "revoked",
        "valid",
    ]
    assert run("revoke", "pumpctl", "--dir", str(folder))[0] == 0
    assert standings(folder)["watcher"].count(Standing.REVOKED) == 3, "the list only ever grows"


def test_add_is_for_a_new_name_and_renew_for_a_known_one(run: Run, folder: Path) -> None:
    assert run("add", "homeassistant", "--dir", str(folder))[0] == 0
    assert standings(folder)["homeassistant"] == [Standing.VALID]
    before = content(folder)
    for words, wanted in (
        (("add", "watcher"), "`pumpctl certs renew watcher`"),
        (("renew", "stranger"), "known: broker, homeassistant, pumpctl, watcher"),
        (("revoke", "stranger"), "has no certificate here"),
    ):
        code, _, err = run(*words, "--dir", str(folder))
        assert code == 4
        assert wanted in err
    code, _, err = run("renew", "watcher", "--broker-name", "localhost", "--dir", str(folder))
    assert code == 2
    assert "is not the broker" in err
    assert content(folder) == before


def test_show_tells_until_when_and_what_is_no_more(run: Run, folder: Path) -> None:
    AuthorityFolder(folder).revoke("watcher", NOW)
    code, out, _ = run("show", "--dir", str(folder), "--json")
    assert code == 0
    told = {row["name"]: row for row in json.loads(out)["certificates"]}
    assert told["watcher"]["standing"] == "revoked"
    assert told["broker"]["addresses"] == ["localhost"]
    assert datetime.fromisoformat(told["pumpctl"]["until"]) == NOW - timedelta(hours=1) + timedelta(days=825)
    _, out, _ = run("show", "--dir", str(folder))
    assert out.splitlines()[0].startswith("ca ")
    assert [line.split()[0] for line in out.splitlines()[1:]] == ["broker", "pumpctl", "watcher"]


def test_a_certificate_ends_on_its_day(folder: Path) -> None:
    until = AuthorityFolder(folder).entries(NOW)[0].until
    assert standings(folder, until)["pumpctl"] == [Standing.VALID]
    assert standings(folder, until + timedelta(seconds=1))["pumpctl"] == [Standing.EXPIRED]
    assert standings(folder, NOW - timedelta(hours=2))["pumpctl"] == [Standing.NOT_YET_VALID]


def test_nothing_is_issued_after_the_authority_s_end(folder: Path) -> None:
    opened = AuthorityFolder(folder)
    with pytest.raises(FolderUnusable, match="its authority has expired"):
        opened.add("late", opened.authority.not_valid_after_utc + timedelta(seconds=1))


@pytest.mark.parametrize(
    ("file", "spoilt", "wanted"),
    [
        ("ca.crt", None, "name the folder of `pumpctl certs init`"),
        ("ca.key", None, "name the folder of `pumpctl certs init`"),
        ("ca.key", b"nothing", "bring ca.crt and ca.key back"),
        ("ca.crl", None, "what was revoked would be good again"),
        ("ca.crl", b"nothing", "what was revoked would be good again"),
    ],
)
def test_a_folder_that_is_not_whole_is_not_used(
    run: Run, folder: Path, file: str, spoilt: bytes | None, wanted: str
) -> None:
    (folder / file).unlink()
    if spoilt is not None:
        (folder / file).write_bytes(spoilt)
    code, _, err = run("revoke", "watcher", "--dir", str(folder))
    assert (code, err.count("\n")) == (2, 1)
    assert wanted in err


def test_the_list_or_the_key_of_another_authority_is_noticed(run: Run, folder: Path, tmp_path: Path) -> None:
    create(tmp_path / "other", ["localhost"], [], NOW)
    (tmp_path / "other" / "ca.crl").replace(folder / "ca.crl")
    assert "is not signed by this authority" in run("show", "--dir", str(folder))[2]
    (tmp_path / "other" / "ca.key").replace(folder / "ca.key")
    assert "ca.key is not the key of ca.crt" in run("show", "--dir", str(folder))[2]
