"""JSON-RPC 2.0 as the control socket speaks it: one line a message, judged before anyone acts on it.

Refuses to know sockets and methods. Stricter than JSON: no NaN, no key twice, an object or nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from pumpctl.effects import Refuse
from pumpctl.events import Json

MESSAGE_LIMIT_BYTES = 65_536
PARSE_ERROR, INVALID_REQUEST, INVALID_PARAMS = -32_700, -32_600, -32_602
REFUSED, BUSY = -32_000, -32_001

RequestId = str | int | None


@dataclass(frozen=True, slots=True)
class Request:
    """A well-formed request."""

    request_id: str | int
    method: str
    params: Json


class NotARequest(Exception):
    """What is wrong with a line; `request_id` as far as it could be read."""

    def __init__(self, code: int, message: str, request_id: RequestId = None) -> None:
        super().__init__(message)
        self.code = code
        self.request_id = request_id


def parse_request(line: bytes) -> Request:
    """The request in a line. Raises NotARequest."""
    try:
        body: object = json.loads(line, parse_constant=_no_constant, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise NotARequest(PARSE_ERROR, f"not JSON: {error}") from None
    if not isinstance(body, dict):
        raise NotARequest(INVALID_REQUEST, "a request is one JSON object; there are no batches here")
    fields = cast("dict[str, object]", body)
    request_id, method, params = fields.get("id"), fields.get("method"), fields.get("params", {})
    if isinstance(request_id, bool) or not isinstance(request_id, str | int):
        raise NotARequest(INVALID_REQUEST, "id must be a string or a whole number; there are no notifications here")
    if fields.get("jsonrpc") != "2.0" or not isinstance(method, str):
        raise NotARequest(INVALID_REQUEST, 'jsonrpc must be "2.0" and method a string', request_id)
    if not isinstance(params, dict):
        raise NotARequest(INVALID_PARAMS, "params must be an object", request_id)
    return Request(request_id, method, cast("Json", params))


def result_line(request_id: str | int, result: Json) -> bytes:
    """The answer to a request that was carried out."""
    return _line({"jsonrpc": "2.0", "id": request_id, "result": result})


def error_line(request_id: RequestId, code: int, message: str, details: Json | None = None) -> bytes:
    """The answer to a line that was not understood or has no room."""
    error: dict[str, object] = {"code": code, "message": message}
    if details is not None:
        error["data"] = details
    return _line({"jsonrpc": "2.0", "id": request_id, "error": error})


def refusal_line(request_id: str | int, refusal: Refuse) -> bytes:
    """The answer to a request that was refused, with all its reasons."""
    reasons = [{"code": reason.code, "message": reason.message} for reason in refusal.reasons]
    message = refusal.reasons[0].message if refusal.reasons else "refused"
    details: Json = {"exit_code": refusal.exit_code, "reasons": reasons, "details": refusal.details}
    return error_line(request_id, REFUSED, message, details)


def busy_line(request_id: RequestId, message: str) -> bytes:
    """The answer when there is no room; the client may ask again."""
    reasons = [{"code": "busy", "message": message}]
    return error_line(request_id, BUSY, message, {"exit_code": 5, "reasons": reasons, "details": None})


def _line(body: Mapping[str, object]) -> bytes:
    return json.dumps(body, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not a number")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    body = dict(pairs)
    if len(body) < len(pairs):
        raise ValueError("a key occurs twice")
    return body
