"""One stop asked of the daemon and of the guard at once, and what each of them answered.

Refuses to believe anything but an answer, and to let one of the two hold up the other: the limits are the kernel's.
"""

from __future__ import annotations

import queue
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from pumpctl.guard.action import Outcome
from pumpctl.guard.wire import SOCKET_NAME, decode, encode
from pumpctl.shell.unusable import NOT_CONNECTED, REFUSED

ANSWER_LIMIT_BYTES = 65_536
DAEMON_WAIT_S = 4  # it says after 2 s that the pump has not proven its stop (H56)
OVERDUE_S = 2.0  # H56
LONGEST_WAIT_S = 30.0  # for a voice that keeps its own limits: to connect, to send and to receive
GUARD_WAIT_S = 13  # 0.25 s for the daemon to write, 0.5 s for it to die, 10 s of STOPs
SECOND_VOICE_WAIT_S = 1.0  # for the other one, when one has proven it

GUARD_SAYS = {
    Outcome.WRITTEN_BY_DAEMON.value: "STOP was written by the daemon",
    Outcome.STOPPED.value: "STOP was written by the guard and the pump answered that it has stopped",
    Outcome.NOT_PROVEN.value: "STOP was written by the guard and the pump did not answer",
    Outcome.NOT_ARMED.value: "nothing was written: which pump is there is not known yet",
    Outcome.NO_PORT.value: "no port is open under that name",
}


@dataclass(frozen=True, slots=True)
class Voice:
    """What one of the two answered. `stopped`: channels proven; `silence`: why there is no answer at all."""

    stopped: frozenset[str]
    lines: dict[str, str]
    silence: str = ""
    exit_code: int = 0


def ask_both(control: Path, channel: str | None, overdue: Callable[[], None]) -> tuple[Voice, Voice]:
    """The daemon's voice and the guard's. `overdue` is called when there is no proof after two seconds.

    Each is asked in a thread of its own: a stopped daemon must not hold up the guard's answer.
    """
    answers: queue.Queue[tuple[str, Voice]] = queue.Queue()
    request = {"jsonrpc": "2.0", "id": 1, "method": "stop", "params": {"channel": channel}}

    def ask_guard() -> None:
        answers.put(("guard", _guard_voice(_asked(control.with_name(SOCKET_NAME), {"stop": channel}, GUARD_WAIT_S))))

    def ask_daemon() -> None:
        answers.put(("daemon", _daemon_voice(_asked(control, request, DAEMON_WAIT_S))))

    for ask in (ask_guard, ask_daemon):
        threading.Thread(target=ask, daemon=True).start()
    alarm = threading.Timer(OVERDUE_S, overdue)
    alarm.start()
    voices: dict[str, Voice] = {}
    for _ in ("daemon", "guard"):
        proven = any(voice.stopped for voice in voices.values())
        try:
            name, voices[name] = answers.get(timeout=SECOND_VOICE_WAIT_S if proven else LONGEST_WAIT_S)
        except queue.Empty:
            break
        if voices[name].stopped:
            alarm.cancel()
    alarm.cancel()
    return voices.get("daemon", _silent("no answer yet")), voices.get("guard", _silent("no answer yet"))


def _asked(path: Path, request: Mapping[str, object], limit_s: int) -> Mapping[str, object] | str:
    """One request, one line of answer, or why there is none."""
    limit = struct.pack("ll", limit_s, 0)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
            # Unlike settimeout this also waits for a place when many ask at once.
            asking.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
            asking.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
            asking.connect(str(path))
            asking.sendall(encode(request))
            line = b""
            while not line.endswith(b"\n") and len(line) < ANSWER_LIMIT_BYTES:
                received = asking.recv(ANSWER_LIMIT_BYTES)
                if not received:
                    return "it ended without an answer"
                line += received
    except BlockingIOError:
        return f"no answer in {limit_s} s"
    except (BrokenPipeError, ConnectionResetError):
        return "it ended without an answer"
    except (FileNotFoundError, ConnectionRefusedError):
        return f"not running ({path})"
    except OSError as error:
        return f"{path}: {error.strerror or error}"
    return decode(line)


def _silent(why: str) -> Voice:
    return Voice(frozenset(), {}, silence=why, exit_code=NOT_CONNECTED)


def _guard_voice(answer: Mapping[str, object] | str) -> Voice:
    match answer:
        case {"outcomes": outcomes} if isinstance(outcomes, dict):
            said = cast("dict[str, str]", outcomes)
            stopped = frozenset(name for name, outcome in said.items() if outcome == Outcome.STOPPED.value)
            lines = {name: GUARD_SAYS.get(outcome, outcome) for name, outcome in said.items()}
            return Voice(stopped, lines, silence="" if lines else "no port is open")
        case str(why):
            return _silent(why)
        case _:
            return _silent(f"not understood: {answer}")


def _daemon_voice(answer: Mapping[str, object] | str) -> Voice:
    match answer:
        case {"result": result} if isinstance(result, dict):
            return _result_voice(cast("Mapping[str, object]", result))
        case {"error": {"message": str(message), "data": {"exit_code": int(code)}}}:
            refused = REFUSED if code == REFUSED else NOT_CONNECTED
            return Voice(frozenset(), {"": message}, exit_code=refused)
        case str(why):
            return _silent(why)
        case _:
            return _silent(f"not understood: {answer}")


def _result_voice(result: Mapping[str, object]) -> Voice:
    names = result.get("stopped")
    if result.get("proven") is not True or not isinstance(names, list):
        return _silent(f"it proves nothing: {result}")
    stopped = frozenset(cast("list[str]", names))
    return Voice(stopped, dict.fromkeys(sorted(stopped), "the pump has proven that it has stopped"))
