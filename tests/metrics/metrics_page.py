"""The table of docs/metrics.md: `python -m tests.metrics.metrics_page` writes it from the table of the code.

Refuses to know what stands above it on the page.
"""

from __future__ import annotations

from pathlib import Path

from pumpctl.shell.metric_table import TABLE, Metric

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
HEAD = """| name | type | labels | unit | meaning |
|---|---|---|---|---|
"""


def page() -> str:
    """The whole document: what people wrote, and the table."""
    return PAGE.read_text(encoding="utf-8").split(HEAD, 1)[0] + HEAD + "".join(_row(metric) for metric in TABLE)


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| `{metric.name}` | {metric.kind.value} | {labels} | {metric.unit} | {metric.meaning} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
