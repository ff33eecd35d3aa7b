"""The daemon's seams, wrapped: journal, anchor, serial line, effects and events each tell of every passage.

Refuses to change what they do. No line of the product knows of this: the wrapping is done from outside, in the
process that is to die, before the daemon begins.
"""

from __future__ import annotations

import ctypes
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from protocols.companion.codec import decode
from protocols.companion.framing import FrameDecoder, Garbage
from protocols.errors import RemoteProtocolError
from pumpctl.controller import Controller
from pumpctl.core.instant import Now
from pumpctl.effects import Annunciate, Effect, Publish, Record, WritePump
from pumpctl.events import Event, OperatorRequest, PumpBytes, Recorded, RecordFailed
from pumpctl.shell import anchor, journal
from pumpctl.shell.event_loop import EventLoop
from pumpctl.shell.journal import Journal
from pumpctl.shell.port import OpenPort
from pumpctl.shell.serial_link import SerialLink
from tests.crash.points import Passages, Side
from tests.crash.wrapping import Function, replace_in, wrap

# A commit is named for what hangs on it; the rest is "other".
WEIGHT = {
    "dosing_intent": "intent",
    "stop_requested": "stop",
    "stop_proven": "stop",
    "settled": "account",
    "order_accepted": "order",
}
HOOK = ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long)


class Seams:
    """Installed once in a process. `weight` is what the journal's writer is busy with."""

    def __init__(self, passages: Passages) -> None:
        self._passages = passages
        self._weights: dict[int, str] = {}
        self._weight = "other"
        self._heard = FrameDecoder()
        self._hook: object | None = None  # must outlive the pointer that C holds

    def install(self) -> None:
        """Wrap everything."""
        self._wrap_journal()
        self._wrap_files()
        self._wrap_line()
        self._wrap_effects()
        self._wrap_events()

    def _wrap_journal(self) -> None:
        passages = self._passages

        def counted_append(append: Function) -> Function:
            def counted(made: Journal, record: Record) -> None:
                self._weights[record.seq] = WEIGHT.get(record.kind, "other")
                with passages.step(f"record {record.kind}"):
                    append(made, record)

            return counted

        def weighed_commit(commit: Function) -> Function:
            def weighed(made: Journal, group: Sequence[Record]) -> None:
                self._weight = self._heaviest([record.seq for record in group])
                commit(made, group)

            return weighed

        def counted_tell(tell: Function) -> Function:
            def counted(made: Journal, event: Recorded | RecordFailed) -> None:
                with passages.step(f"durable {self._weight} told"):
                    tell(made, event)

            return counted

        wrap(Journal, "append", counted_append)
        wrap(Journal, "_commit", weighed_commit)
        wrap(Journal, "_tell", counted_tell)
        replace_in(journal, "sqlite3", connect=self._connect)

    def _connect(self, *where: object, **how: object) -> sqlite3.Connection:
        seams = self

        class CountedConnection(sqlite3.Connection):
            def execute(self, sql: str, *parameters: object) -> sqlite3.Cursor:
                run: Function = super().execute
                word = sql.split(" ", 1)[0].lower()
                if word not in {"begin", "insert", "commit"} and "checkpoint(" not in sql:
                    return run(sql, *parameters)
                name = f"commit {seams._weight}" if word == "commit" else word.replace("pragma", "checkpoint")
                with seams._passages.step(name):
                    return run(sql, *parameters)

        connect: Function = sqlite3.connect
        return connect(*where, **how, factory=CountedConnection)

    def _wrap_files(self) -> None:
        """The anchor's by Python; what SQLite writes and syncs only when sync_points.c is preloaded."""
        passages = self._passages

        def pwrite(fd: int, content: bytes, at: int) -> int:
            with passages.step(f"anchor write {self._weight}", lambda: os.pwrite(fd, content[: len(content) // 2], at)):
                return os.pwrite(fd, content, at)

        def fdatasync(fd: int) -> None:
            with passages.step(f"anchor sync {self._weight}"):
                os.fdatasync(fd)

        replace_in(anchor, "os", pwrite=pwrite, fdatasync=fdatasync)
        if os.environ.get("LD_PRELOAD"):
            self._hook = HOOK(self._below_sqlite)
            pointer = ctypes.c_void_p.in_dll(ctypes.CDLL(None), "sync_points_hook")
            pointer.value = ctypes.cast(self._hook, ctypes.c_void_p).value

    def _below_sqlite(self, fd: int, call: int, side: int, count: int) -> int:
        """Called by sync_points.c. Only the WAL is ours; a torn write answers with half of its bytes."""
        if not str(Path(f"/proc/self/fd/{fd}").readlink()).endswith("-wal"):
            return 0
        name = f"wal {'write' if chr(call) == 'w' else 'sync'} {self._weight}"
        if side == 1:
            self._passages.end(name, self._passages.passed(name))
            return 0
        occurrence = self._passages.begin(name)
        if chr(call) == "w" and self._passages.ends_here(name, occurrence, Side.TORN):
            self._passages.note("died", f"torn {name} #{occurrence}")
            return max(1, count // 2)
        return 0

    def _wrap_line(self) -> None:
        passages = self._passages

        def counted_send(send: Function) -> Function:
            def counted(link: SerialLink, port: OpenPort, content: bytes) -> None:
                def half() -> None:
                    os.write(port.fd, content[: len(content) // 2])

                with passages.step(f"write {_names(FrameDecoder(), content)}", half):
                    send(link, port, content)

            return counted

        wrap(SerialLink, "_send", counted_send)

    def _wrap_effects(self) -> None:
        passages = self._passages

        def counted_effect(carry_out: Function) -> Function:
            def counted(loop: EventLoop, effect: Effect) -> None:
                match effect:
                    case Record() | WritePump():
                        carry_out(loop, effect)  # told of where they arrive
                        return
                    case Publish():
                        name = f"publish {effect.leaf.split('/')[0]}"
                    case Annunciate():
                        name = f"annunciate {effect.priority.value}"
                    case _:
                        name = type(effect).__name__.lower()
                with passages.step(f"effect {name}"):
                    carry_out(loop, effect)

            return counted

        wrap(EventLoop, "_carry_out_one", counted_effect)

    def _wrap_events(self) -> None:
        passages = self._passages

        def counted_handle(handle: Function) -> Function:
            def counted(made: Controller, event: Event, now: Now) -> tuple[Effect, ...]:
                with passages.step(f"event {self._named(event)}"):
                    return handle(made, event, now)

            return counted

        def counted_start(start: Function) -> Function:
            def counted(made: Controller, now: Now) -> tuple[Effect, ...]:
                with passages.step("event start"):
                    effects = start(made, now)
                    passages.note("ledger_ug", booked_ug(made))
                    return effects

            return counted

        wrap(Controller, "handle", counted_handle)
        wrap(Controller, "start", counted_start)

    def _named(self, event: Event) -> str:
        match event:
            case PumpBytes():
                return f"reply {_names(self._heard, event.received)}"
            case OperatorRequest():
                return f"request {event.method}"
            case Recorded():
                told = [seq for seq in self._weights if seq <= event.seq]
                weight = self._heaviest(told)
                for seq in told:
                    del self._weights[seq]
                return f"recorded {weight}"
            case _:
                return type(event).__name__

    def _heaviest(self, seqs: Sequence[int]) -> str:
        weights = {self._weights.get(seq, "other") for seq in seqs}
        return next((weight for weight in WEIGHT.values() if weight in weights), "other")


def booked_ug(controller: Controller) -> int:
    """What the ledger holds of all patients: a test has one."""
    return sum(segment.most_ug for segment in controller.ward.ledger.segments)


def _names(decoder: FrameDecoder, content: bytes) -> str:
    """The message that ends in these bytes: `Status`, or `part` when none does."""
    names: list[str] = []
    for piece in decoder.receive(content):
        try:
            names.append("garbage" if isinstance(piece, Garbage) else type(decode(piece).message).__name__)
        except RemoteProtocolError:
            names.append("unknown")
    spoken = [name for name in names if name != "Notice"] or names  # a notice may come along with any answer
    return spoken[0] if spoken else "part"
