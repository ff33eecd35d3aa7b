"""`pumpctl library`: what the drug library allows, its hash, and what differs between two of them.

Refuses to judge an order. A limit that a change makes looser is named as such: that is what a reviewer looks for.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pumpctl.cli import findings

if TYPE_CHECKING:
    from pumpctl.core.library import Library, Profile
    from pumpctl.core.limit import Limit

library_app = typer.Typer(help="Show, compare and identify drug libraries.", no_args_is_help=True)

LibraryFile = Annotated[Path | None, typer.Argument(help="A drug library; default the packaged one.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on standard output.")]


def register(app: typer.Typer) -> None:
    app.add_typer(library_app, name="library")


@library_app.command("hash")
def hash_(library: LibraryFile = None, as_json: AsJson = False) -> None:
    """The hash that every accepted order, program and record carries: of the content, not of the layout."""
    loaded = findings.load_library(library)
    if as_json:
        findings.print_json({"drug": loaded.drug, "version": loaded.version, "library_hash": loaded.content_hash})
    else:
        typer.echo(loaded.content_hash)


@library_app.command("show")
def show(library: LibraryFile = None, as_json: AsJson = False) -> None:
    """Every profile with its limits, each with rule, severity and basis."""
    loaded = findings.load_library(library)
    if as_json:
        findings.print_json(_library_json(loaded))
        return
    typer.echo(f"{loaded.drug} {loaded.version}  library {loaded.content_hash}")
    for profile in loaded.profiles:
        way = f"{profile.route}, {profile.care_area}, {profile.phase.value}"
        typer.echo(f"\n{profile.name}: {way}; {_link_loss(profile)}")
        for limit in (limit for limit in loaded.limits if profile.name in limit.profiles):
            typer.echo(f"  {limit.severity.value:<9} {limit.rule:<4} {_what(limit)} {limit.text} ({limit.basis})")


@library_app.command("diff")
def diff(
    old: Annotated[Path, typer.Argument(help="The library to compare with.")],
    new: LibraryFile = None,
    as_json: AsJson = False,
) -> None:
    """What the second library, by default the packaged one, changes against the first."""
    before, after = findings.load_library(old), findings.load_library(new)
    changes = [*_profile_changes(before, after), *_limit_changes(before, after)]
    if as_json:
        hashes = {"old": before.content_hash, "new": after.content_hash}
        findings.print_json(hashes | {"changes": changes})
        return
    typer.echo(f"old {before.version} {before.content_hash}")
    typer.echo(f"new {after.version} {after.content_hash}")
    for change in changes:
        typer.echo(f"  {change['change']:<8} {change['what']}: {change['old'] or 'none'} -> {change['new'] or 'none'}")
    if not changes:
        typer.echo("  no profile and no limit differs")


def _link_loss(profile: Profile) -> str:
    lease = f", lease {profile.lease_ms // 1000} s" if profile.lease_ms else ""
    return f"link lost: {profile.link_loss.value.replace('_', ' ')}{lease}"


def _what(limit: Limit) -> str:
    when = "" if limit.when.value == "always" else f" when {limit.when.value.replace('_', ' ')}"
    return f"{limit.measure.value.replace('_', ' ')}{when}:"


def _library_json(library: Library) -> dict[str, Any]:
    return {
        "drug": library.drug,
        "version": library.version,
        "library_hash": library.content_hash,
        "profiles": [
            {
                "name": profile.name,
                "route": profile.route,
                "care_area": profile.care_area,
                "phase": profile.phase.value,
                "link_loss": profile.link_loss.value,
                "lease_ms": profile.lease_ms,
            }
            for profile in library.profiles
        ],
        "limits": [
            {
                "rule": limit.rule,
                "severity": limit.severity.value,
                "profiles": sorted(limit.profiles),
                "measure": limit.measure.value,
                "when": limit.when.value,
                "allowed": limit.text,
                "basis": limit.basis,
                "note": limit.note,
            }
            for limit in library.limits
        ],
    }


def _profile_changes(before: Library, after: Library) -> Iterator[dict[str, str]]:
    old = {profile.name: f"{profile.route}, {profile.care_area}; {_link_loss(profile)}" for profile in before.profiles}
    new = {profile.name: f"{profile.route}, {profile.care_area}; {_link_loss(profile)}" for profile in after.profiles}
    for name in dict.fromkeys((*old, *new)):
        if old.get(name) != new.get(name):
            yield _change(_word(old.get(name), new.get(name)), f"profile {name}", old.get(name), new.get(name))


def _limit_changes(before: Library, after: Library) -> Iterator[dict[str, str]]:
    """By profile, so that a limit which lost one of its profiles shows as gone there."""
    old, new = _by_place(before), _by_place(after)
    for place in dict.fromkeys((*old, *new)):
        was, is_now = old.get(place), new.get(place)
        if was is None or is_now is None:
            gone_or_new = _word(was and was.text, is_now and is_now.text)
            yield _change(gone_or_new, place, was and was.text, is_now and is_now.text)
        elif was.text != is_now.text:
            yield _change(_direction(was, is_now), place, was.text, is_now.text)
        elif was.basis != is_now.basis:
            yield _change("changed", f"{place} basis", was.basis, is_now.basis)


def _by_place(library: Library) -> dict[str, Limit]:
    places: dict[str, Limit] = {}
    for profile in library.profiles:
        for limit in (limit for limit in library.limits if profile.name in limit.profiles):
            side = limit.text.rpartition(" ")[0].rpartition(" ")[0]  # "at most", "below": without the figure
            place = f"{profile.name} {limit.rule} {limit.severity.value} {_what(limit)[:-1]}, {side}"
            while place in places:
                place += " too"
            places[place] = limit
    return places


def _direction(was: Limit, is_now: Limit) -> str:
    """Looser is a higher upper bound or a lower lower one."""
    if was.bound == is_now.bound:
        return "changed"
    upper = was.below is None and was.at_or_below is None
    return "looser" if (is_now.bound > was.bound) is upper else "tighter"


def _word(old: str | None, new: str | None) -> str:
    if old is None:
        return "added"
    return "removed" if new is None else "changed"


def _change(change: str, what: str, old: str | None, new: str | None) -> dict[str, str]:
    return {"change": change, "what": what, "old": old or "", "new": new or ""}
