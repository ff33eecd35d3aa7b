"""Documents, dashboard and rules name only what is told, with its labels, and every panel says in what unit."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pumpctl.shell.metric_table import TABLE, Kind, Metric
from pumpctl.shell.metrics_settings import MetricsSettings
from tests.home_assistant.plain_yaml import Value, read_yaml
from tests.metrics.metrics_page import PAGE, page

DEPLOY = Path(__file__).parents[2] / "deploy"
DASHBOARD = DEPLOY / "grafana" / "pumpctl.json"
RULES = DEPLOY / "prometheus" / "pumpctl.rules.yml"
SCRAPE = DEPLOY / "prometheus" / "prometheus.yml"
# What each panel must have a place for: the list.
SHOWN = ["rate", "delivered", "alarms", "link", "loop lag", "round trip", "journal sync", "broker"]
UNITS = {"none", "s", "mlitre", "percentunit"}
NAME = re.compile(r"\bpumpctl_[a-z_]+\b")
OF_PROMETHEUS = {"job", "instance", "le"}


def told() -> dict[str, Metric]:
    """Every name under which a sample is told."""
    names: dict[str, Metric] = {}
    for metric in TABLE:
        endings = ("_bucket", "_sum", "_count") if metric.kind is Kind.HISTOGRAM else ("",)
        names.update({f"{metric.name}{ending}": metric for ending in endings})
    return names


def panels() -> Iterator[dict[str, Any]]:
    for panel in json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]:
        if panel["type"] != "row":
            yield panel


def rules() -> list[dict[str, Value]]:
    document: Any = read_yaml(RULES.read_text(encoding="utf-8"))
    return [rule for group in document["groups"] for rule in group["rules"]]


def expressions() -> Iterator[tuple[str, str]]:
    """Where it stands, and what it asks for."""
    for panel in panels():
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for rule in rules():
        yield str(rule["alert"]), str(rule["expr"])


def flaws(expression: str) -> list[str]:
    """What is asked for and is never told."""
    known = told()
    found = [f"no metric {name}" for name in NAME.findall(expression) if name not in known]
    for name, selector in re.findall(r"(pumpctl_[a-z_]+)\{([^}]*)\}", expression):
        labels = set(re.findall(r"(\w+)\s*[=!]~?", selector))
        found += [f"no label {each} of {name}" for each in labels - set(known[name].labels) - OF_PROMETHEUS]
    return found


def test_the_committed_page_is_the_generated_one() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m tests.metrics.metrics_page"


def test_dashboard_and_rules_ask_for_nothing_that_is_not_told() -> None:
    assert [(where, flaw) for where, expression in expressions() for flaw in flaws(expression)] == []


@pytest.mark.parametrize(
    ("expression", "flaw"),
    [
        ("pumpctl_rates_ml_per_hour", "no metric pumpctl_rates_ml_per_hour"),
        ("rate(pumpctl_turn_seconds[5m])", "no metric pumpctl_turn_seconds"),
        ('pumpctl_state{patient="p"}', "no label patient of pumpctl_state"),
    ],
)
def test_a_wrong_name_and_a_wrong_label_are_seen(expression: str, flaw: str) -> None:
    assert flaws(expression) == [flaw]


def test_every_metric_is_shown_or_rings() -> None:
    asked = {name for _, expression in expressions() for name in NAME.findall(expression)}
    shown = {told()[name].name for name in asked}
    assert {metric.name for metric in TABLE} - shown == set()


def test_every_panel_has_a_unit_a_description_and_a_legend() -> None:
    for panel in panels():
        unit = panel["fieldConfig"]["defaults"]["unit"]
        assert unit in UNITS or re.fullmatch(r"suffix: \S+", unit), (panel["title"], unit)
        assert panel["description"], panel["title"]
        assert all(target["legendFormat"] for target in panel["targets"]), panel["title"]
    titles = " ".join(panel["title"].lower() for panel in panels())
    assert [word for word in SHOWN if word not in titles] == []


def test_the_dashboard_is_one_that_grafana_takes() -> None:
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    numbers = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(numbers)) == len(numbers)
    assert dashboard["schemaVersion"] >= 39
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    assert variables == {"datasource", "channel"}
    text = DASHBOARD.read_text(encoding="utf-8")
    assert set(re.findall(r"\$\{?([a-z]\w*)", text)) <= variables, "no other variable, and no source of one machine"
    places = [tuple(panel["gridPos"][key] for key in "xywh") for panel in dashboard["panels"]]
    assert all(x + w <= 24 for x, _, w, _ in places)
    assert len({(x, y) for x, y, _, _ in places}) == len(places)


def test_a_gap_in_what_is_known_is_a_gap_in_the_picture() -> None:
    drawn = [panel for panel in panels() if panel["type"] == "timeseries"]
    assert drawn
    assert [panel["title"] for panel in drawn if panel["fieldConfig"]["defaults"]["custom"]["spanNulls"]] == []


def test_every_rule_says_what_to_do_and_how_urgently() -> None:
    alerts = [str(rule["alert"]) for rule in rules()]
    assert len(set(alerts)) == len(alerts)
    for rule in rules():
        labels, annotations = rule["labels"], rule["annotations"]
        assert isinstance(labels, dict)
        assert isinstance(annotations, dict)
        assert labels["severity"] in {"critical", "warning"}
        assert str(annotations["summary"]).endswith(".")


def test_silence_rings() -> None:
    """Freshness: no answer, no state, an old status, no guard."""
    asked = " ".join(str(rule["expr"]) for rule in rules())
    for wanted in ("absent(up", "unless on (job, instance) pumpctl_state", "pumpctl_status_age_seconds > 10"):
        assert wanted in asked


def test_prometheus_scrapes_where_the_daemon_serves() -> None:
    settings = MetricsSettings()
    document: Any = read_yaml(SCRAPE.read_text(encoding="utf-8"))
    (job,) = document["scrape_configs"]
    assert job["job_name"] == "pumpctl"
    assert job["static_configs"] == [{"targets": [f"{settings.address}:{settings.port}"]}]
    assert document["rule_files"] == [RULES.name]
    assert all('job="pumpctl"' in expression for _, expression in expressions() if "up{" in expression)
