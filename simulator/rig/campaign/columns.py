"""A campaign's rows as Parquet, one row a run, for those who count and plot.

Refuses to decide anything; needs pyarrow, which comes with the extra `rig`.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

from simulator.rig.campaign.outcome import Row


class NoColumns(ValueError):
    """They cannot be written: one line for people."""


def require_columns() -> None:
    """Raises NoColumns now rather than after an hour."""
    _arrow("pyarrow.parquet")


def write_columns(path: Path, seed: int, rows: Iterable[Row]) -> None:
    """In the order of the runs. Of violations and faults each run has as many as it has."""
    arrow, parquet = _arrow("pyarrow"), _arrow("pyarrow.parquet")
    counts = arrow.map_(arrow.string(), arrow.int64())
    broken = arrow.struct(
        [("invariant", arrow.string()), ("at_ns", arrow.int64()), ("detail", arrow.string())],
    )
    schema = arrow.schema(
        [
            ("seed", arrow.int64()),
            ("run", arrow.int64()),
            ("digest", arrow.string()),
            ("started", arrow.bool_()),
            ("ended", arrow.string()),
            ("live", arrow.bool_()),
            ("pump_ms", arrow.int64()),
            ("fired", counts),
            ("excess_ul", counts),
            ("violations", arrow.list_(broken)),
        ]
    )
    table = arrow.Table.from_pylist([_flat(seed, row) for row in rows], schema=schema)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        parquet.write_table(table, path)
    except OSError as error:
        raise NoColumns(f"{path}: {error.strerror or error}") from None


def _flat(seed: int, row: Row) -> dict[str, Any]:
    outcome = row.outcome
    return {
        "seed": seed,
        "run": row.index,
        "digest": outcome.digest,
        "started": outcome.started,
        "ended": outcome.ended,
        "live": outcome.is_live,
        "pump_ms": outcome.pump_ms,
        "fired": list(outcome.fired.items()),
        "excess_ul": list(outcome.excess_ul.items()),
        "violations": [broken.model_dump() for broken in outcome.broken],
    }


def _arrow(module: str) -> Any:  # noqa: ANN401 - pyarrow brings no types
    try:
        return import_module(module)
    except ImportError:
        raise NoColumns("-o needs pyarrow: pip install 'pumpctl[rig]'") from None
