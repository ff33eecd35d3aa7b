"""Effects as controls: each kind of effect, and each kind of record among them, in turn never leaves the daemon.

Refuses to know what an effect is for. They are dropped where all of them pass: the outbox.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import cast, get_args

from pumpctl.effects import Effect, Record
from pumpctl.supervision.outbox import Outbox
from tests.removal.control import Anything, Control, Fired, Group
from tests.removal.stand_ins import as_it_is, stand_in

EFFECTS, OUTBOX = "pumpctl/effects.py", "pumpctl/supervision/outbox.py"


def group(root: Path, union: Anything = Effect) -> Group:
    classes = [_dropped(cls.__name__, EFFECTS, _is(cls)) for cls in get_args(union)]
    kinds = [_dropped(f"Record {kind}", file, _is_record(kind)) for kind, file in record_kinds(root).items()]
    return Group("effects", (*classes, *kinds), _watch)


def record_kinds(root: Path) -> dict[str, str]:
    """Every kind of record that a file of supervision writes, and the first file that does."""
    kinds: dict[str, str] = {}
    for path in sorted((root / "pumpctl" / "supervision").glob("*.py")):
        module = importlib.import_module(f"pumpctl.supervision.{path.stem}") if path.stem != "__init__" else None
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "record":
                kind = node.args[0]
                named = getattr(module, kind.id) if isinstance(kind, ast.Name) else ast.literal_eval(kind)
                kinds.setdefault(named, path.relative_to(root).as_posix())
    return kinds


def _is(cls: type) -> Callable[[Effect], bool]:
    return lambda effect: isinstance(effect, cls)


def _is_record(kind: str) -> Callable[[Effect], bool]:
    return lambda effect: isinstance(effect, Record) and effect.kind == kind


def _dropped(name: str, file: str, dropped: Callable[[Effect], bool]) -> Control:
    def disable() -> None:
        effects, original = _leaving()

        def leave(out: Outbox) -> tuple[Effect, ...]:
            return tuple(each for each in original(out) if not dropped(each))

        stand_in(effects, leave)

    return Control(name, file, disable)


def _watch(fired: Fired) -> None:
    effects, original = _leaving()

    def leave(out: Outbox) -> tuple[Effect, ...]:
        leaving = original(out)
        for effect in leaving:
            fired(type(effect).__name__)
            if isinstance(effect, Record):
                fired(f"Record {effect.kind}")
        return leaving

    stand_in(effects, leave)


def _leaving() -> tuple[FunctionType, Callable[[Outbox], tuple[Effect, ...]]]:
    effects = cast("FunctionType", Outbox.effects)
    return effects, as_it_is(effects)
